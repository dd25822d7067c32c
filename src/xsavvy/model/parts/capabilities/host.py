# SPDX-License-Identifier: Apache-2.0
"""The environment: any machine, any command line, any virtualization hardware, any module parameters.

Each is chosen when it is first looked at. The named processor decides only the vendor: a hypervisor, a BIOS or an old
stepping may hide any bit of the others.
Source: SDM "CPUID", "VMX Capability Reporting Facility"; linux:Documentation/admin-guide/kernel-parameters.txt.
"""

from collections.abc import Callable, Mapping, Sequence

from xsavvy.checker import Event, Path, Step
from xsavvy.isa.components import CET_S, CET_U
from xsavvy.kvm.cet import CET_ALL, IBT, SHSTK, host_ibt, host_xss_cet

from .constants import ModuleConstants
from .machine import Module

__all__ = ["Effect", "environment", "host_paths"]

Effect = Callable[..., object]
Values = Mapping[str, Sequence[int]]

FLAG = (0, 1)
XSTATE = "linux:arch/x86/kernel/fpu/xstate.c fpu__init_system_xstate()"
COMMON = "linux:arch/x86/kernel/cpu/common.c"


def chosen(s: Module, k: ModuleConstants) -> bool:
    """Wait until the environment has chosen."""
    return s.chosen != 0


def open_choice(s: Module, k: ModuleConstants) -> bool:
    """The environment chooses once at each place."""
    return s.chosen == 0


def go_on(s: Module, k: ModuleConstants) -> None:
    """Read what the environment has chosen."""
    s.chosen = 0


def power_on(s: Module, k: ModuleConstants, cpuid: int, xsaves: int, xss: int) -> None:
    """Be any machine; without XSAVES there is no IA32_XSS."""
    s.machine_cpuid = cpuid
    s.machine_xsaves = xsaves
    s.machine_xss = xss if xsaves else 0
    s.chosen = 1


def boot_with(s: Module, k: ModuleConstants, ibt_off: int) -> None:
    """Be any command line; `nousershstk` clears a feature of Linux's own, at which nothing here looks."""
    s.host_ibt_off = ibt_off
    s.chosen = 1


def setup_cet(s: Module, k: ModuleConstants) -> None:
    """Take what CPUID has and the command line leaves; a host with IBT tracks its own branches."""
    s.host_boot = host_ibt(s.machine_cpuid, s.host_ibt_off)
    s.host_s_cet = 1 if s.host_boot & IBT else 0


def fpu_config(s: Module, k: ModuleConstants) -> None:
    """Enable the CET components in IA32_XSS, if the host has shadow stacks."""
    s.host_xss = host_xss_cet(s.host_boot, s.machine_xsaves, s.machine_xss)
    s.machine_xss = 0


def virtualize(
    s: Module, k: ModuleConstants, load_cet: int, error_code: int, unrestricted: int, tdp: int
) -> None:
    """Be any processor's virtualization; running real mode needs two-dimensional paging, and SVM always can."""
    s.param_tdp = tdp
    if k.vmx:
        s.machine_load_cet = load_cet
        s.machine_no_hw_error_code = error_code
        s.machine_unrestricted = unrestricted & tdp
    s.chosen = 1


def load_with(s: Module, k: ModuleConstants, cet: int, nested: int, smaller: int) -> None:
    """Be any module parameters; without two-dimensional paging a smaller MAXPHYADDR is always allowed.

    Source: arch/x86/kvm/vmx/vmx.c vmx_hardware_setup(); arch/x86/kvm/svm/svm.c svm_hardware_setup().
    """
    s.param_smaller_maxphyaddr = 0 if s.param_tdp else 1
    if k.vmx:
        s.param_cet = cet
        s.param_nested = nested
        s.param_smaller_maxphyaddr |= smaller
    s.chosen = 1


FLAG = (0, 1)


def environment() -> tuple[Event, ...]:
    """Return the four choices."""

    def event(name: str, effect: Effect, at: str, choose: Values, source: str) -> Event:
        return Event(
            name,
            "environment",
            effect,
            when=open_choice,
            interrupts=("module",),
            at=(f"{at}.wait",),
            choose=choose,
            source=source,
        )

    features, components = (0, SHSTK, IBT, SHSTK | IBT), (0, CET_U, CET_S, CET_ALL)
    machine = {"cpuid": features, "xsaves": FLAG, "xss": components}
    hardware = {"load_cet": FLAG, "error_code": FLAG, "unrestricted": FLAG, "tdp": FLAG}
    parameters = {"cet": FLAG, "nested": FLAG, "smaller": FLAG}
    vmx = 'sdm:"VMX Capability Reporting Facility"'
    documentation = "linux:Documentation/admin-guide/kernel-parameters.txt"
    return (
        event("a machine", power_on, "power_on", machine, "sdm:CPUID"),
        event("a command line", boot_with, "command_line", {"ibt_off": FLAG}, documentation),
        event("virtualization hardware", virtualize, "hardware", hardware, vmx),
        event("module parameters", load_with, "parameters", parameters, documentation),
    )


def _waiting(name: str, then: str) -> Path:
    source = "the environment chooses"
    return Path(name, (Step("wait", go_on, when=chosen, source=source),), then, source)


def host_paths() -> tuple[Path, ...]:
    """Return the way from power-on to a host that can load KVM."""
    boot = (
        Step("setup_cet", setup_cet, source=f"{COMMON} setup_cet()"),
        Step("fpu__init_system_xstate", fpu_config, source=XSTATE),
    )
    return (
        _waiting("power_on", "command_line"),
        _waiting("command_line", "boot"),
        Path("boot", boot, "hardware", COMMON),
        _waiting("hardware", "parameters"),
        _waiting("parameters", "kvm_x86_vendor_init"),
    )
