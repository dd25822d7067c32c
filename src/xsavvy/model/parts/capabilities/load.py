# SPDX-License-Identifier: Apache-2.0
"""Loading the module, in the kernel's order: capabilities, what is derived from them, the check of every CPU.

The path is that of v5.17, when no guest had CET; commits insert, move and replace steps. What a nested hypervisor may
use is computed twice: once for reference, and on every CPU when it is checked against that.
Source: arch/x86/kvm/x86.c kvm_x86_vendor_init(); arch/x86/kvm/vmx/vmx.c vmx_hardware_setup(), vmx_set_cpu_caps(),
vmx_check_processor_compat(); virt/kvm/kvm_main.c kvm_online_cpu(); the message of commit f8ade833b733.
"""

from xsavvy.checker import REST, Path, Step
from xsavvy.kvm.cet import (
    CET_ALL,
    IBT,
    caps_of,
    caps_with_components,
    caps_with_smaller_maxphyaddr,
    caps_without_tdp,
    nested_load_cet,
    svm_caps,
    vmx_caps,
    xss_with_caps,
)

from .choices import CetCapability, CetComponents, HostIbt
from .constants import ModuleConstants
from .machine import BOTH, Module

__all__ = [
    "REFUSED",
    "check_compat",
    "drop_without_tdp",
    "init_caps",
    "load_path",
    "nested_by_caps",
    "nothing_offered",
    "sample_s_cet",
    "set_svm_caps",
    "set_vmx_caps",
    "setup_xss_caps",
    "smaller_maxphyaddr",
    "supported_xss",
]

X86 = "linux:arch/x86/kvm/x86.c kvm_x86_vendor_init()"
VMX = "linux:arch/x86/kvm/vmx/vmx.c"
CAPS = "linux:arch/x86/kvm/cpuid.c kvm_initialize_cpu_caps()"
REFUSED = 1


def nothing_offered(s: Module, k: ModuleConstants) -> None:
    """Offer no CET."""
    s.kvm_caps = 0


def sample_s_cet(s: Module, k: ModuleConstants) -> None:
    """Remember the host's S_CET, if the host has either feature."""
    if s.host_boot:
        s.kvm_host_s_cet = s.host_s_cet


def supported_xss(s: Module, k: ModuleConstants) -> None:
    """Start from the CET bits of the host's IA32_XSS."""
    s.kvm_xss = s.host_xss & CET_ALL


def init_caps(s: Module, k: ModuleConstants) -> None:
    """Start from CPUID and, as the design has it, the host's own CPU data."""
    known = s.host_boot
    if k.host_ibt == HostIbt.IGNORED:
        known |= IBT
    if k.cet_capability == CetCapability.RAW_CPUID:
        known = BOTH
    s.kvm_caps = caps_of(s.machine_cpuid, known)


def drop_without_tdp(s: Module, k: ModuleConstants) -> None:
    """Drop shadow stacks without two-dimensional paging."""
    s.kvm_caps = caps_without_tdp(s.kvm_caps, s.param_tdp)


def smaller_maxphyaddr(s: Module, k: ModuleConstants) -> None:
    """Drop both where accesses to reserved addresses are emulated."""
    s.kvm_caps = caps_with_smaller_maxphyaddr(s.kvm_caps, s.param_smaller_maxphyaddr)


def set_vmx_caps(s: Module, k: ModuleConstants) -> None:
    """Drop both where VMX lacks something, or the module's parameter says so."""
    load = s.machine_load_cet & s.param_cet
    unrestricted = s.machine_unrestricted
    s.kvm_caps = vmx_caps(s.kvm_caps, load, unrestricted, s.machine_no_hw_error_code)


def set_svm_caps(s: Module, k: ModuleConstants) -> None:
    """Drop branch tracking."""
    s.kvm_caps = svm_caps(s.kvm_caps)


def setup_xss_caps(s: Module, k: ModuleConstants) -> None:
    """Keep the two components together with the features, or drop all."""
    supported = xss_with_caps(s.kvm_xss, s.kvm_caps, s.machine_xsaves)
    if k.cet_components == CetComponents.CHECKED:
        s.kvm_caps = caps_with_components(s.kvm_caps, supported)
    s.kvm_xss = supported


# What a nested hypervisor may use.


def no_nested(s: Module, k: ModuleConstants) -> None:
    """Offer a nested hypervisor no CET."""
    s.kvm_nested = 0


def nested_by_caps(s: Module, k: ModuleConstants) -> None:
    """Offer a nested hypervisor to load CET state, if VMX can and a guest has CET."""
    s.kvm_nested = s.param_nested & nested_load_cet(s.machine_load_cet, s.kvm_caps)


def check_compat(s: Module, k: ModuleConstants) -> int:
    """Compare the reference with what this CPU computes now; refuse the module if they differ."""
    mine = s.param_nested & nested_load_cet(s.machine_load_cet, s.kvm_caps)
    return REFUSED if mine != s.kvm_nested else 0


def check_without_cet(s: Module, k: ModuleConstants) -> None:
    """Compare the reference with what this CPU computes now; nothing about CET is in either."""


def refuse(s: Module, k: ModuleConstants) -> None:
    """Undo everything and return -EIO."""
    s.kvm_refused = 1


def set_up_machine(s: Module, k: ModuleConstants) -> None:
    """Forget what nobody asks any more."""
    s.machine_cpuid = 0
    s.machine_xsaves = 0


def load_path(vmx: bool) -> tuple[Path, ...]:
    """Return the path of v5.17, for one vendor, and what follows a refusal."""
    setup = "vmx_hardware_setup()" if vmx else "svm_hardware_setup()"
    vendor = f"{VMX} {setup}" if vmx else f"linux:arch/x86/kvm/svm/svm.c {setup}"
    nested = (
        Step(
            "nested_vmx_setup_ctls_msrs",
            no_nested,
            source="linux:arch/x86/kvm/vmx/nested.c nested_vmx_setup_ctls_msrs()",
        ),
    )
    check = (
        Step(
            "check_processor_compat",
            check_without_cet,
            source=f"{VMX} vmx_check_processor_compat()",
        ),
    )
    online = (
        Step(
            "kvm_online_cpu",
            check_without_cet,
            source="linux:virt/kvm/kvm_main.c kvm_online_cpu()",
        ),
    )
    steps = (
        *(nested if vmx else ()),
        Step("kvm_initialize_cpu_caps", nothing_offered, source=CAPS),
        Step("set_cpu_caps", nothing_offered, source=vendor),
        *(check if vmx else ()),
        Step("done", set_up_machine, source=X86),
        *(online if vmx else ()),
    )
    unwind = (Step("unwind", refuse, source=f"{X86}, label out_unwind_ops"),)
    return (
        Path("kvm_x86_vendor_init", steps, "loaded", X86),
        Path("out_unwind_ops", unwind, REST, X86),
    )
