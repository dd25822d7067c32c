# SPDX-License-Identifier: Apache-2.0
"""What userspace sets and what a guest then uses: the test of everything that was promised.

Userspace may set any CPUID. A vCPU has what KVM supports and userspace set, so a bit that KVM does not support gives
the guest a CPUID that lies, and userspace keeps the pieces. Each event is one use; it breaks where the machine or the
host lacks what the use needs.
Source: seed 003; arch/x86/kvm/cpuid.c kvm_vcpu_after_set_cpuid(); the messages of commits 1f6f68fcfe43, 343acdd158a5,
e140467bbdaf; SDM "Event Injection".
"""

from xsavvy.checker import REST, Event, Path, Step
from xsavvy.isa.components import CET_S, CET_U
from xsavvy.kvm.cet import CET_ALL, IBT, SHSTK, guest_caps

from .choices import IbtAlone
from .constants import ModuleConstants
from .host import Effect
from .machine import Breakage, Module

__all__ = ["use_events", "use_paths"]

CPUID = "linux:arch/x86/kvm/cpuid.c kvm_vcpu_after_set_cpuid()"
INTERCEPTS = "linux:arch/x86/kvm/vmx/vmx.c vmx_recalc_msr_intercepts()"
SET_MSR = "linux:arch/x86/kvm/msrs.c kvm_set_msr_common()"


def no_cpuid_yet(s: Module, k: ModuleConstants) -> bool:
    """Userspace sets CPUID once, before the first KVM_RUN."""
    return s.vcpu_has_cpuid == 0


def set_cpuid(s: Module, k: ModuleConstants, cpuid: int) -> None:
    """Set the guest's CPUID."""
    s.vcpu_has_cpuid = 1
    s.uapi_cpuid = cpuid


def has_cpuid(s: Module, k: ModuleConstants) -> bool:
    """Wait for userspace."""
    return s.vcpu_has_cpuid != 0


def after_set_cpuid(s: Module, k: ModuleConstants) -> None:
    """Derive what the vCPU has; a design may drop branch tracking without shadow stacks."""
    s.vcpu_cpuid = s.uapi_cpuid
    if k.ibt_alone == IbtAlone.TIED and s.uapi_cpuid & SHSTK == 0:
        s.vcpu_cpuid = s.uapi_cpuid & ~IBT
    s.vcpu_caps = guest_caps(s.kvm_caps, s.vcpu_cpuid)
    s.vcpu_runs = 1


def runs(s: Module, k: ModuleConstants) -> bool:
    """A guest with either feature runs, until something breaks."""
    return s.vcpu_caps != 0 and s.breakage == Breakage.NONE


def runs_with_shadow_stacks(s: Module, k: ModuleConstants) -> bool:
    """A guest with shadow stacks runs, until something breaks."""
    return s.vcpu_caps & SHSTK != 0 and s.breakage == Breakage.NONE


def use_u_cet(s: Module, k: ModuleConstants) -> None:
    """Write U_CET without an exit: the fpstate must have component 11."""
    if s.host_xss & CET_U == 0:
        s.breakage = Breakage.NOT_SWITCHED


def use_pl0_ssp(s: Module, k: ModuleConstants) -> None:
    """Write PL0_SSP without an exit: the fpstate must have component 12."""
    if s.host_xss & CET_S == 0:
        s.breakage = Breakage.NOT_SWITCHED


def use_xss(s: Module, k: ModuleConstants) -> None:
    """Enable both components in IA32_XSS, as a guest with CET does."""
    if s.kvm_xss & CET_ALL != CET_ALL:
        s.breakage = Breakage.REFUSED


def use_s_cet(s: Module, k: ModuleConstants) -> None:
    """Write S_CET without an exit: VMX must switch it."""
    if k.vmx and (s.machine_load_cet == 0 or s.param_cet == 0):
        s.breakage = Breakage.NOT_SWITCHED


def use_shadow_stack(s: Module, k: ModuleConstants) -> None:
    """Push to a shadow stack: its page must be mapped as one."""
    if s.param_tdp == 0:
        s.breakage = Breakage.NOT_MAPPED


def use_wrong_target(s: Module, k: ModuleConstants) -> None:
    """Violate CET and get #CP: KVM must be able to inject it."""
    if k.vmx and s.machine_no_hw_error_code == 0:
        s.breakage = Breakage.NOT_ENTERED


def use_real_mode(s: Module, k: ModuleConstants) -> None:
    """Run real mode: the processor must do it, and not the emulator."""
    if k.vmx and s.machine_unrestricted == 0:
        s.breakage = Breakage.NOT_EMULATED


def use_reserved_address(s: Module, k: ModuleConstants) -> None:
    """Touch an address beyond the guest's MAXPHYADDR: KVM must not emulate that."""
    if s.param_smaller_maxphyaddr:
        s.breakage = Breakage.NOT_EMULATED


def use_events() -> tuple[Event, ...]:
    """Return userspace's choice and the guest's uses."""

    def use(name: str, effect: Effect, source: str, when: Effect = runs) -> Event:
        return Event(
            name, "guest", effect, when=when, interrupts=("module",), at=(REST,), source=source
        )

    shadow = runs_with_shadow_stacks
    return (
        Event(
            "KVM_SET_CPUID2",
            "vmm",
            set_cpuid,
            when=no_cpuid_yet,
            interrupts=("module",),
            at=("loaded",),
            choose={"cpuid": (0, SHSTK, IBT, SHSTK | IBT)},
            source=CPUID,
        ),
        use("U_CET", use_u_cet, INTERCEPTS),
        use("PL0_SSP", use_pl0_ssp, INTERCEPTS, shadow),
        use("CET in IA32_XSS", use_xss, SET_MSR),
        use("S_CET", use_s_cet, INTERCEPTS),
        use("a shadow stack", use_shadow_stack, "commit 1f6f68fcfe43", shadow),
        use("a wrong target", use_wrong_target, 'sdm:"Event Injection"; commit e140467bbdaf'),
        use("real mode", use_real_mode, "commit e140467bbdaf"),
        use("a reserved address", use_reserved_address, "commit 343acdd158a5"),
    )


def use_paths() -> tuple[Path, ...]:
    """Return what KVM does with userspace's CPUID; after that the guest runs."""
    derive = Step("kvm_vcpu_after_set_cpuid", after_set_cpuid, when=has_cpuid, source=CPUID)
    return (Path("loaded", (derive,), REST, CPUID),)
