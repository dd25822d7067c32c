# SPDX-License-Identifier: Apache-2.0
"""One host's kernel: the ioctls that give a vCPU its features and set its registers, images apart (`image`).

The rules are those of `kvm.ioctls` and `kvm.migration`; here they meet the record. `h` is the host.
Source: arch/x86/kvm/x86.c, arch/x86/kvm/cpuid.c, arch/x86/kernel/fpu/xstate.c.
"""

from xsavvy.isa.components import CET_U, PKRU, XTILEDATA
from xsavvy.kvm.ioctls import (
    EINVAL,
    EOPNOTSUPP,
    FPSSE,
    grows_fpstate,
    guest_supported,
    request_permission_errno,
    set_cpuid2_errno,
    set_xcrs_bound,
    set_xcrs_errno,
    set_xfd_accepted,
    set_xss_accepted,
    set_xss_bound,
)
from xsavvy.kvm.registers import cr4_errno
from xsavvy.kvm.rules import CR4_OSXSAVE, CR4_PKE

from .constants import MoveConstants, at
from .fpstate import load_guest_fpu, put_guest_fpu
from .machine import Moving
from .values import SUPERVISOR, TILES, USER

__all__ = [
    "request_guest_permission",
    "set_cpuid2",
    "set_msr_u_cet",
    "set_msr_xfd",
    "set_msr_xss",
    "set_sregs",
    "set_xcrs",
    "supported",
]


def supported(k: MoveConstants, h: int) -> int:
    """Return kvm_caps.supported_xcr0 and supported_xss of a host, in one mask."""
    return at(k.src_supported, k.dst_supported, h)


def request_guest_permission(s: Moving, k: MoveConstants, h: int) -> int:
    """arch_prctl(ARCH_REQ_XCOMP_GUEST_PERM, XFEATURE_XTILE_DATA)."""
    have = FPSSE | (TILES if s.task_guest_perm[h] else 0)
    errno = request_permission_errno(TILES, supported(k, h), have, s.vcpu_created[h])
    if errno == 0:
        s.task_guest_perm[h] = 1
    return errno


def set_cpuid2(s: Moving, k: MoveConstants, h: int, cpuid: int) -> int:
    """KVM_SET_CPUID2: the guest's components, and room for tiles if it has them.

    A kernel that knows no tiles does not look at them. The enlarged fpstate is a fresh one.
    Source: arch/x86/kvm/cpuid.c kvm_check_cpuid(); arch/x86/kernel/fpu/xstate.c fpstate_realloc().
    """
    tiles = at(k.src_tile_guests, k.dst_tile_guests, h)
    permitted = FPSSE | (TILES if s.task_guest_perm[h] else 0)
    if tiles:
        errno = set_cpuid2_errno(cpuid & USER, s.fp_xfeatures[h], permitted, 0, 0, 1)
        if errno:
            return errno
        if grows_fpstate(cpuid & USER, s.fp_xfeatures[h]):
            s.fp_xfeatures[h] |= XTILEDATA
            s.fp_xstate_bv[h] = 0
            s.fp_bytes[h] = at(k.src_kernel_tiles, k.dst_kernel_tiles, h)
            s.uabi_bytes[h] = at(k.src_user_tiles, k.dst_user_tiles, h)
    s.vcpu_has_cpuid[h] = 1
    s.vcpu_cpuid[h] = cpuid
    s.vcpu_supported[h] = guest_supported(cpuid, supported(k, h))
    return 0


def set_sregs(s: Moving, k: MoveConstants, h: int, cr4: int) -> int:
    """KVM_SET_SREGS with CR4."""
    has_xsave = at(k.src_xsave, k.dst_xsave, h) and s.vcpu_cpuid[h] & USER
    features = CR4_OSXSAVE if has_xsave else 0
    if s.vcpu_supported[h] & PKRU and at(k.src_protection_keys, k.dst_protection_keys, h):
        features |= CR4_PKE
    errno = cr4_errno(cr4, features)
    if errno == 0:
        s.vcpu_cr4[h] = cr4
    return errno


def set_xcrs(s: Moving, k: MoveConstants, h: int, value: int) -> int:
    """KVM_SET_XCRS with XCR0, which XSETBV of the guest is checked like."""
    bound = set_xcrs_bound(s.vcpu_supported[h] & USER, supported(k, h) & USER, 1)
    errno = set_xcrs_errno(value, bound, 0, at(k.src_xsave, k.dst_xsave, h))
    if errno == 0:
        s.vcpu_xcr0[h] = value
    return errno


def set_msr_xss(s: Moving, k: MoveConstants, h: int, value: int) -> int:
    """KVM_SET_MSRS with IA32_XSS."""
    strict = at(k.src_strict_xss, k.dst_strict_xss, h)
    kvm = supported(k, h) & SUPERVISOR
    bound = set_xss_bound(s.vcpu_supported[h] & SUPERVISOR, kvm, strict)
    listed = at(k.src_xss_to_be_saved, k.dst_xss_to_be_saved, h) and kvm
    has_xsaves = 1 if s.vcpu_supported[h] & USER else 0
    accepted = set_xss_accepted(value, bound, has_xsaves, 1, strict, 1 if listed else 0)
    if not accepted:
        return EINVAL
    s.vcpu_xss[h] = value
    return 0


def set_msr_xfd(s: Moving, k: MoveConstants, h: int, value: int) -> int:
    """KVM_SET_MSRS with IA32_XFD; a kernel that knows no tiles knows no such MSR.

    Source: arch/x86/kernel/fpu/core.c fpu_update_guest_xfd().
    """
    if not at(k.src_tile_guests, k.dst_tile_guests, h):
        return EOPNOTSUPP
    if not set_xfd_accepted(value, s.vcpu_supported[h] & USER, 1, 1):
        return EINVAL
    s.fp_xfd[h] = value
    return 0


def set_msr_u_cet(s: Moving, k: MoveConstants, h: int) -> int:
    """KVM_SET_MSRS with IA32_U_CET: KVM loads the guest's registers, writes the MSR, and saves them.

    Source: arch/x86/kvm/x86.c kvm_access_xstate_msr(); commit e44eb58334bb (v6.18).
    """
    if s.vcpu_supported[h] & CET_U == 0:
        return EINVAL
    put_guest_fpu(s, k, h, load_guest_fpu(s, k, h) | CET_U)
    return 0
