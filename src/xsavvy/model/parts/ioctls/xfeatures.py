# SPDX-License-Identifier: Apache-2.0
"""XCR0 and IA32_XSS: by ioctl and by the guest.

Whoever writes, the same rule says what is accepted; a write of the VMM is spared some of the guest's checks.
Source: arch/x86/kvm/x86.c __kvm_set_xcr(), kvm_set_msr_common().
"""

from xsavvy.checker import Event, Program, Step
from xsavvy.isa.components import AVX, PKRU, XTILECFG
from xsavvy.isa.registers import xcr0_ok
from xsavvy.kvm.ioctls import (
    guest_supported,
    set_xcrs_bound,
    set_xcrs_errno,
    set_xss_accepted,
    set_xss_bound,
)
from xsavvy.model.constants import Constants
from xsavvy.model.emulate import finish
from xsavvy.model.vmm import vmm_event

from .derived import note_xcr0, note_xss
from .machine import BASE, CET, CPUID_XSAVE, CPUID_XSAVES, TILES, Errno, IoctlMachine
from .process import vcpu_is_there

__all__ = [
    "check_xcr0_by_host",
    "set_msr_xss",
    "set_msr_xss_if_both",
    "set_msr_xss_unnoticed",
    "set_msrs_xss_unnoticed",
    "set_xcrs_by_host",
    "supported_xcr0",
    "with_checked_xsetbv",
    "xfeatures_events",
]

GP = 1
X86 = "linux:arch/x86/kvm/x86.c"


def supported_xcr0(s: IoctlMachine, k: Constants) -> int:
    """Return vcpu->arch.guest_supported_xcr0."""
    return guest_supported(s.vcpu_cpuid_xcr0, k.host_xcr0)


def supported_xss(s: IoctlMachine, k: Constants) -> int:
    """Return vcpu->arch.guest_supported_xss."""
    return guest_supported(s.vcpu_cpuid_xss, k.guest_xss)


# XCR0.


def store_xcr0(s: IoctlMachine, k: Constants, value: int) -> None:
    """Store XCR0; the register follows at the next entry."""
    old = s.vcpu_xcr0
    s.vcpu_xcr0 = value
    s.ghost_xcr0 = value
    note_xcr0(s, k, old)


def set_xcrs(s: IoctlMachine, k: Constants, value: int) -> None:
    """KVM_SET_XCRS: accept what the guest's CPUID has and the processor allows.

    Source: commit d7876f1be40a (KVM: x86: prevent setting unsupported XSAVE states).
    """
    errno = set_xcrs_errno(value, set_xcrs_bound(supported_xcr0(s, k), k.host_xcr0, 1), 0, 1)
    s.uapi_errno = errno
    if errno == Errno.SUCCESS:
        store_xcr0(s, k, value)


def set_xcrs_by_host(s: IoctlMachine, k: Constants, value: int) -> None:
    """KVM_SET_XCRS: accept what the host has (to v3.12)."""
    errno = set_xcrs_errno(value, set_xcrs_bound(supported_xcr0(s, k), k.host_xcr0, 0), 0, 1)
    s.uapi_errno = errno
    if errno == Errno.SUCCESS:
        store_xcr0(s, k, value)


def check_xcr0(s: IoctlMachine, k: Constants) -> int:
    """Refuse a guest's XSETBV that its CPUID does not cover: #GP."""
    value = s.vcpu_exit_value
    bound = set_xcrs_bound(supported_xcr0(s, k), k.host_xcr0, 1)
    if set_xcrs_errno(value, bound, 0, 1) == Errno.SUCCESS:
        return 0
    if xcr0_ok(value, s.vcpu_cpuid_xcr0):
        s.ghost_wrong_gp = 1
    finish(s, k)
    return GP


def check_xcr0_by_host(s: IoctlMachine, k: Constants) -> int:
    """Refuse a guest's XSETBV that the host does not support (to v3.12)."""
    value = s.vcpu_exit_value
    bound = set_xcrs_bound(supported_xcr0(s, k), k.host_xcr0, 0)
    if set_xcrs_errno(value, bound, 0, 1) == Errno.SUCCESS:
        if not xcr0_ok(value, s.vcpu_cpuid_xcr0):
            s.ghost_wrong_gp = 1
        return 0
    finish(s, k)
    return GP


def follow_xcr0(s: IoctlMachine, k: Constants) -> None:
    """Let the guest's CPUID follow the XCR0 that XSETBV has stored."""
    s.ghost_xcr0 = s.vcpu_xcr0
    note_xcr0(s, k, s.cpuid_size)


def with_checked_xsetbv(program: Program) -> Program:
    """Put the check by the guest's own CPUID before XSETBV's store, and the update of CPUID after it."""
    store = "kvm_emulate_xsetbv.__kvm_set_xcr"
    source = f"{X86} __kvm_set_xcr()"
    check = Step("check_xcr0", check_xcr0, to={GP: "vcpu_run"}, source=source)
    follow = Step("update_cpuid", follow_xcr0, source=source)
    return program.inserted(check, before=store).inserted(follow, after=store)


# IA32_XSS.


def write_xss(s: IoctlMachine, k: Constants, value: int, host: int, notes: int) -> int:
    """Check and store IA32_XSS, let CPUID follow, and say whether the write was accepted."""
    bound = set_xss_bound(supported_xss(s, k), k.guest_xss, 1)
    has_xsaves = 1 if s.vcpu_cpuid_features & CPUID_XSAVES else 0
    if not set_xss_accepted(value, bound, has_xsaves, host, 1, k.xss_to_be_saved):
        return 0
    s.ghost_xss = value
    if s.vcpu_xss != value:
        s.vcpu_xss = value
        if notes:
            note_xss(s, k)
    return 1


def set_msr_xss(s: IoctlMachine, k: Constants) -> None:
    """Carry out a guest's WRMSR of IA32_XSS, or let it take a #GP."""
    judge_xss(s, k, write_xss(s, k, s.vcpu_exit_value, 0, 1))
    finish(s, k)


def set_msr_xss_unnoticed(s: IoctlMachine, k: Constants) -> None:
    """Carry out a guest's WRMSR of IA32_XSS, and leave its CPUID as it is (to v5.16)."""
    judge_xss(s, k, write_xss(s, k, s.vcpu_exit_value, 0, 0))
    finish(s, k)


def set_msr_xss_if_both(s: IoctlMachine, k: Constants) -> None:
    """Carry out a guest's WRMSR of IA32_XSS, if its CPUID has XSAVE and XSAVES (to v5.4)."""
    accepted = 0
    if s.vcpu_cpuid_features & CPUID_XSAVE:
        accepted = write_xss(s, k, s.vcpu_exit_value, 0, 1)
    judge_xss(s, k, accepted)
    finish(s, k)


def judge_xss(s: IoctlMachine, k: Constants, accepted: int) -> None:
    """Compare the outcome of a guest's write with what its CPUID promises.

    Source: SDM "Model-Specific Registers (MSRs)", IA32_XSS: it exists if CPUID (0xD,1).EAX[3] is set; "XSAVES".
    """
    legal = s.vcpu_exit_value & ~s.vcpu_cpuid_xss == 0 and s.vcpu_cpuid_features & CPUID_XSAVES
    if (accepted != 0) != (legal != 0):
        s.ghost_wrong_gp = 1


def set_msrs_xss(s: IoctlMachine, k: Constants, value: int) -> None:
    """KVM_SET_MSRS of IA32_XSS: without XSAVES in CPUID it is unsupported, and 0 is forgiven."""
    accepted = write_xss(s, k, value, 1, 1)
    s.uapi_errno = Errno.SUCCESS if accepted else Errno.EINVAL


def set_msrs_xss_unnoticed(s: IoctlMachine, k: Constants, value: int) -> None:
    """KVM_SET_MSRS of IA32_XSS, which leaves the guest's CPUID as it is (to v5.16)."""
    accepted = write_xss(s, k, value, 1, 0)
    s.uapi_errno = Errno.SUCCESS if accepted else Errno.EINVAL


def xfeatures_events() -> tuple[Event, ...]:
    """Return KVM_SET_XCRS and KVM_SET_MSRS of IA32_XSS, with legal and illegal values."""
    xcr0 = (BASE, BASE | AVX, BASE | AVX | PKRU, BASE | AVX | XTILECFG, BASE | AVX | TILES)
    return (
        vmm_event(
            "KVM_SET_XCRS",
            set_xcrs,
            source=f"{X86} kvm_vcpu_ioctl_x86_set_xcrs()",
            choose={"value": xcr0},
            when=vcpu_is_there,
        ),
        vmm_event(
            "KVM_SET_MSRS IA32_XSS",
            set_msrs_xss,
            source=f"{X86} kvm_set_msr_common()",
            choose={"value": (0, CET)},
            when=vcpu_is_there,
        ),
    )
