# SPDX-License-Identifier: Apache-2.0
"""CR4 and CR0: by KVM_SET_SREGS, by the guest, by INIT; and the guest's CPUID.

Source: arch/x86/kvm/x86.c kvm_set_cr4(), __set_sregs(), kvm_vcpu_reset(); arch/x86/kvm/cpuid.c kvm_cpuid().
"""

from xsavvy.checker import Event, Path, Step
from xsavvy.isa.components import PKRU
from xsavvy.kvm.registers import cr4_errno
from xsavvy.model.constants import Constants
from xsavvy.model.emulate import finish
from xsavvy.model.guest import guest_event
from xsavvy.model.values import CR4_OSXSAVE, CR4_PKE, USER_MODE, Exit
from xsavvy.model.vmm import vmm_event

from .derived import note_cr4, note_xss, refresh_cpuid, reset_pkru_mask
from .machine import CPUID_XSAVE, Errno, IoctlMachine
from .xfeatures import supported_xcr0

__all__ = [
    "MMU_RESET",
    "control_events",
    "control_paths",
    "reset_xss",
    "reset_xss_alone",
    "set_cr4",
    "store_sregs_and_see_set_bits",
]

CONTINUES = 1
X86 = "linux:arch/x86/kvm/x86.c"
MMU_RESET = Step(
    "kvm_mmu_reset_context",
    reset_pkru_mask,
    source="linux:arch/x86/kvm/mmu/mmu.c kvm_mmu_reset_context()",
)


def cr4_is_legal(s: IoctlMachine, k: Constants, cr4: int) -> bool:
    """CR4 names only what the guest's CPUID has."""
    features = CR4_OSXSAVE if s.vcpu_cpuid_features & CPUID_XSAVE else 0
    if supported_xcr0(s, k) & PKRU:
        features |= CR4_PKE
    return cr4_errno(cr4, features) == 0


def set_cr4(s: IoctlMachine, k: Constants) -> None:
    """Carry out a guest's MOV to CR4, or let it take a #GP."""
    old = s.vcpu_cr4
    if cr4_is_legal(s, k, s.vcpu_exit_value):
        s.vcpu_cr4 = s.vcpu_exit_value
        note_cr4(s, k, old)
    finish(s, k)


def check_sregs(s: IoctlMachine, k: Constants, cr4: int, wp: int) -> int:
    """KVM_SET_SREGS: validate CR4, and go on with it."""
    if not cr4_is_legal(s, k, cr4):
        s.uapi_errno = Errno.EINVAL
        return 0
    s.uapi_errno = Errno.SUCCESS
    s.vcpu_exit_value = cr4
    s.vcpu_cr0_wp = wp
    return CONTINUES


def sregs_matter(s: IoctlMachine, k: Constants, cr4: int, wp: int) -> bool:
    """KVM_SET_SREGS with another CR4 or CR0.WP."""
    return s.perm_locked != 0 and (cr4 != s.vcpu_cr4 or wp != s.vcpu_cr0_wp)


def store_sregs(s: IoctlMachine, k: Constants) -> None:
    """Store CR4; the guest's CPUID follows if OSXSAVE or PKE changed.

    Source: commit c4d2188206ba (KVM: x86: Update cpuid properly when CR4.OSXAVE or CR4.PKE is changed).
    """
    old = s.vcpu_cr4
    s.vcpu_cr4 = s.vcpu_exit_value
    s.vcpu_exit_value = 0
    note_cr4(s, k, old)


def store_sregs_and_see_set_bits(s: IoctlMachine, k: Constants) -> None:
    """Store CR4; the guest's CPUID follows if the new value has OSXSAVE or PKE (to v4.15)."""
    s.vcpu_cr4 = s.vcpu_exit_value
    s.vcpu_exit_value = 0
    if s.vcpu_cr4:
        refresh_cpuid(s, k)


def sync_regs_matter(s: IoctlMachine, k: Constants, cr4: int) -> bool:
    """KVM_RUN brings a CR4 along that differs."""
    return cr4 != s.vcpu_cr4 and cr4_is_legal(s, k, cr4)


def sync_regs(s: IoctlMachine, k: Constants, cr4: int) -> None:
    """Set CR4 inside KVM_RUN, with the guest's fpstate installed; an illegal one ends KVM_RUN unchanged.

    Source: arch/x86/kvm/x86.c sync_regs(); arch/x86/kvm/regs.c kvm_run_sync_regs_from_user().
    """
    old = s.vcpu_cr4
    s.vcpu_cr4 = cr4
    note_cr4(s, k, old)
    reset_pkru_mask(s, k)


# INIT.


def init_due(s: IoctlMachine, k: Constants) -> int:
    """Let another vCPU send INIT."""
    return CONTINUES


def reset_cr4(s: IoctlMachine, k: Constants) -> None:
    """Zero CR4 and CR0.WP; XCR0 and IA32_XSS stay as they are.

    Source: arch/x86/kvm/x86.c kvm_vcpu_reset(init_event=true); commit be4f3b3f8227.
    """
    old = s.vcpu_cr4
    s.vcpu_cr4 = 0
    s.vcpu_cr0_wp = 0
    note_cr4(s, k, old)


def reset_xss(s: IoctlMachine, k: Constants) -> None:
    """Zero IA32_XSS by the way that the VMM's write takes.

    Source: commit 05a9e065059e (KVM: x86: Sync the states size with the XCR0/IA32_XSS at, any time).
    """
    reset_xss_alone(s, k)
    note_xss(s, k)


def reset_xss_alone(s: IoctlMachine, k: Constants) -> None:
    """Zero IA32_XSS and look at nothing that depends on it."""
    s.vcpu_xss = 0
    s.ghost_xss = 0


def execute_cpuid(s: IoctlMachine, k: Constants) -> None:
    """Execute CPUID in the guest: an exit that changes nothing but brings CPUID up to date if that is due."""
    if s.cpuid_dirty:
        refresh_cpuid(s, k)


def cpuid_is_due(s: IoctlMachine, k: Constants) -> bool:
    """Execute CPUID where it makes a difference."""
    return s.vcpu_exit == Exit.NONE and s.cpuid_dirty != 0


def control_paths() -> tuple[Path, ...]:
    """Return KVM_SET_SREGS after its checks, and INIT."""
    sregs = f"{X86} __set_sregs_common()"
    reset = f"{X86} kvm_vcpu_reset()"
    return (
        Path(
            "set_sregs",
            (Step("set_cr4", store_sregs, source=sregs), MMU_RESET),
            then="exit_to_user",
            source=f"{X86} __set_sregs()",
        ),
        Path(
            "kvm_vcpu_reset",
            (Step("set_cr4", reset_cr4, source=reset), MMU_RESET),
            then="vcpu_run",
            source=f"{reset}, init_event=true",
        ),
    )


def control_events(vendor_run: str, k: Constants) -> tuple[Event, ...]:
    """Return KVM_SET_SREGS, INIT and the guest's CPUID; PKE and WP where there may be protection keys."""
    plain = (0, CR4_OSXSAVE)
    cr4 = (*plain, CR4_PKE, CR4_OSXSAVE | CR4_PKE) if k.guest_pku else plain
    wp = (0, 1) if k.guest_pku else (0,)
    return (
        vmm_event(
            "KVM_SET_SREGS",
            check_sregs,
            when=sregs_matter,
            choose={"cr4": cr4, "wp": wp},
            to={CONTINUES: "set_sregs"},
            leaves=USER_MODE,
            source=f"{X86} __set_sregs_common()",
        ),
        Event(
            "KVM_SYNC_X86_SREGS",
            "vmm",
            sync_regs,
            when=sync_regs_matter,
            interrupts=("vcpu",),
            at=("kvm_load_guest_fpu.fpregs_unlock",),
            choose={"cr4": cr4},
            source=f"{X86} kvm_arch_vcpu_ioctl_run(), sync_regs()",
        ),
        Event(
            "INIT",
            "vmm",
            init_due,
            interrupts=("vcpu",),
            at=("vcpu_run",),
            to={CONTINUES: "kvm_vcpu_reset"},
            source="linux:arch/x86/kvm/lapic.c kvm_apic_accept_events()",
        ),
        guest_event(
            vendor_run,
            "CPUID",
            execute_cpuid,
            when=cpuid_is_due,
            source="linux:arch/x86/kvm/cpuid.c kvm_cpuid()",
        ),
    )
