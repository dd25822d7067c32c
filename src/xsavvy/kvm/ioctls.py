# SPDX-License-Identifier: Apache-2.0
"""What KVM's ioctls accept, with which errno, and what masks they leave: functions of the dialect.

Each takes and returns small integers and knows no state; sizes are masks of the components that have room. What
differs from kernel to kernel is an argument (1 with the named behaviour, 0 without), so that a model of one host and
a model of two ask the same function. An errno is positive; 0 is success. The processor's rules are in `isa.masks`
and `isa.registers`, the guest's own accesses in `rules`.

Sources: linux arch/x86/kvm/x86.c, arch/x86/kvm/cpuid.c, arch/x86/kernel/fpu/core.c and xstate.c (6.1, 6.12, 7.2, 7.3).
"""

from typing import Final

from xsavvy.isa.components import AVX, PKRU, SSE, X87, XTILECFG, XTILEDATA

from .rules import set_xcr_ok, set_xfd_ok, set_xss_ok

__all__ = [
    "EBUSY",
    "EFAULT",
    "EINVAL",
    "EOPNOTSUPP",
    "EPERM",
    "FPSSE",
    "allocated_components",
    "filtered_xcr0",
    "get_xsave_bv",
    "get_xsave_errno",
    "granted_permission",
    "grows_fpstate",
    "guest_supported",
    "guest_user_xfeatures",
    "request_permission_errno",
    "set_cpuid2_errno",
    "set_xcrs_bound",
    "set_xcrs_errno",
    "set_xfd_accepted",
    "set_xsave_bv",
    "set_xsave_errno",
    "set_xsave_sets_pkru",
    "set_xsave_stored_bv",
    "set_xss_accepted",
    "set_xss_bound",
]

EPERM: Final = 1
EFAULT: Final = 14
EBUSY: Final = 16
EINVAL: Final = 22
EOPNOTSUPP: Final = 95

FPSSE: Final = X87 | SSE
"""XFEATURE_MASK_FPSSE."""
DYNAMIC: Final = XTILEDATA
"""XFEATURE_MASK_USER_DYNAMIC: what a process must ask for."""


# Permissions and what is advertised.


def request_permission_errno(
    requested: int, host_supported: int, permitted: int, locked: int
) -> int:
    """Return the errno of arch_prctl(ARCH_REQ_XCOMP_GUEST_PERM); `requested` is the facility's whole mask.

    What is permitted already is granted again even after the first vCPU has locked the permissions.
    Source: arch/x86/kernel/fpu/xstate.c xstate_request_perm().

    >>> request_permission_errno(0x60000, 0x60207, 0x207, 0), request_permission_errno(0x60000, 0x207, 0x207, 0)
    (0, 95)
    >>> request_permission_errno(0x60000, 0x60207, 0x207, 1), request_permission_errno(0x60000, 0x60207, 0x60207, 1)
    (16, 0)
    """
    if requested == 0 or requested & ~host_supported:
        return EOPNOTSUPP
    if requested & ~permitted == 0:
        return 0
    return EBUSY if locked else 0


def granted_permission(
    permitted: int, requested: int, supervisor: int, adds: int, keeps: int
) -> int:
    """Return the permission mask after a granted request.

    `adds`: the request is added to the mask (063452fd94d1), not put in its place; `keeps`: supervisor components
    stay in it (d8414603b29f); `supervisor` are those that there are.
    Source: arch/x86/kernel/fpu/xstate.c __xstate_request_perm().

    >>> [hex(granted_permission(0x1A07, 0x60000, 0x1800, *how)) for how in ((1, 1), (1, 0), (0, 0))]
    ['0x61a07', '0x60207', '0x60000']
    """
    if requested & ~permitted == 0:
        return permitted
    if not adds:
        return requested
    mask = permitted | requested
    return mask if keeps else mask & ~supervisor


def filtered_xcr0(
    supported_xcr0: int, guest_perm: int, filters: int, only_dynamic: int, drops_tilecfg: int
) -> int:
    """Return the XCR0 that KVM_GET_SUPPORTED_CPUID and KVM_CAP_XSAVE2 speak of.

    `filters`: what the process may not use is left out (445ecdf79be0); `only_dynamic`: permissions are looked at
    only if a dynamic component is supported (6be3ae45f567); `drops_tilecfg`: TILECFG goes with TILEDATA (55cd57b596e8).
    Source: arch/x86/kvm/x86.h kvm_get_filtered_xcr0().

    >>> [hex(filtered_xcr0(0x60207, 0x20207, *how)) for how in ((1, 1, 1), (1, 0, 0), (0, 0, 0))]
    ['0x207', '0x20207', '0x60207']
    """
    if not filters:
        return supported_xcr0
    if only_dynamic and supported_xcr0 & DYNAMIC == 0:
        return supported_xcr0
    permitted = supported_xcr0 & guest_perm
    if drops_tilecfg and permitted & XTILEDATA == 0:
        return permitted & ~XTILECFG
    return permitted


# KVM_SET_CPUID2.


def guest_supported(cpuid: int, supported: int) -> int:
    """Return guest_supported_xcr0 or guest_supported_xss: the guest's CPUID leaf 0xD and KVM's own mask.

    Source: arch/x86/kvm/cpuid.c cpuid_get_supported_xcr0(), cpuid_get_supported_xss().

    >>> hex(guest_supported(0x2E7, 0x60207))
    '0x207'
    """
    return cpuid & supported


def grows_fpstate(cpuid_xcr0: int, fpstate_xfeatures: int) -> int:
    """Return the dynamic components of CPUID (0xD,0) that the guest's fpstate has no room for yet.

    Source: arch/x86/kernel/fpu/core.c fpu_enable_guest_xfd_features().

    >>> hex(grows_fpstate(0x60207, 0x207)), grows_fpstate(0x60207, 0x40207)
    ('0x40000', 0)
    """
    return cpuid_xcr0 & DYNAMIC & ~fpstate_xfeatures


def set_cpuid2_errno(
    cpuid_xcr0: int, fpstate_xfeatures: int, guest_perm: int, frozen: int, equal: int, memory: int
) -> int:
    """Return the errno of KVM_SET_CPUID2.

    `frozen`: the vCPU has entered the guest (last_vmentry_cpu), so that only an `equal` CPUID is accepted, without
    further tests; `memory`: the larger fpstate can be allocated.
    Source: arch/x86/kvm/cpuid.c kvm_set_cpuid(), kvm_check_cpuid(); arch/x86/kernel/fpu/xstate.c
    __xfd_enable_feature().

    >>> set_cpuid2_errno(0x60207, 0x207, 0x60207, 0, 0, 1), set_cpuid2_errno(0x60207, 0x207, 0x207, 0, 0, 1)
    (0, 1)
    >>> set_cpuid2_errno(0x207, 0x207, 0x207, 1, 0, 1), set_cpuid2_errno(0x60207, 0x207, 0x60207, 0, 0, 0)
    (22, 14)
    """
    if frozen:
        return 0 if equal else EINVAL
    dynamic = grows_fpstate(cpuid_xcr0, fpstate_xfeatures)
    if dynamic & ~guest_perm:
        return EPERM
    return EFAULT if dynamic and not memory else 0


def allocated_components(perm_at_sizing: int) -> int:
    """Return the components that an fpstate has room for, from the mask that its size was computed from.

    The size is computed when the permission is granted and read when the fpstate grows.
    Source: arch/x86/kernel/fpu/xstate.c __xstate_request_perm(), __xfd_enable_feature(), fpstate_realloc().

    >>> hex(allocated_components(0x61A07))
    '0x61a07'
    """
    return perm_at_sizing | FPSSE


# KVM_GET_XSAVE, KVM_GET_XSAVE2, KVM_SET_XSAVE.


def guest_user_xfeatures(
    default_features: int, dynamic: int, guest_supported_xcr0: int, narrows: int, keeps_fpsse: int
) -> int:
    """Return fpstate.user_xfeatures of the guest: which components its image may name.

    `dynamic` are those that KVM_SET_CPUID2 added. `narrows`: KVM_SET_CPUID2 stores guest_supported_xcr0 there
    (ad856280ddea until the narrowing moved to KVM_GET_XSAVE in v6.6), with `keeps_fpsse` never without x87 and SSE.
    Source: arch/x86/kernel/fpu/core.c __fpstate_reset(); arch/x86/kvm/cpuid.c kvm_vcpu_after_set_cpuid() of 6.1.

    >>> [hex(guest_user_xfeatures(0x207, 0, 0x7, *how)) for how in ((0, 0), (1, 0), (1, 1))]
    ['0x207', '0x7', '0x7']
    >>> guest_user_xfeatures(0x207, 0, 0, 1, 0), guest_user_xfeatures(0x207, 0, 0, 1, 1)
    (0, 3)
    """
    if not narrows:
        return default_features | dynamic
    return guest_supported_xcr0 | FPSSE if keeps_fpsse else guest_supported_xcr0


def get_xsave_errno(fpstate_xfeatures: int, is_xsave2: int) -> int:
    """Return the errno of KVM_GET_XSAVE or KVM_GET_XSAVE2: the old one refuses an image above 4096 bytes.

    Source: arch/x86/kvm/x86.c kvm_vcpu_ioctl_x86_get_xsave().

    >>> get_xsave_errno(0x40207, 0), get_xsave_errno(0x40207, 1), get_xsave_errno(0x207, 0)
    (22, 0, 0)
    """
    return EINVAL if fpstate_xfeatures & DYNAMIC and not is_xsave2 else 0


def get_xsave_bv(
    xstate_bv: int, user_xfeatures: int, guest_supported_xcr0: int, narrows_at_get: int
) -> int:
    """Return XSTATE_BV as KVM_GET_XSAVE2 reports it.

    `narrows_at_get`: the guest's CPUID bounds it here (v6.6), x87 and SSE excepted.
    Source: arch/x86/kvm/x86.c kvm_vcpu_ioctl_x86_get_xsave2(); arch/x86/kernel/fpu/xstate.c
    __copy_xstate_to_uabi_buf().

    >>> get_xsave_bv(0x207, 0x207, 0x7, 1), hex(get_xsave_bv(0x207, 0x207, 0x7, 0)), get_xsave_bv(0x3, 0x207, 0, 1)
    (7, '0x207', 3)
    """
    shown = xstate_bv & user_xfeatures
    return shown & (guest_supported_xcr0 | FPSSE) if narrows_at_get else shown


def set_xsave_bv(xstate_bv: int, xfd: int, drops_disabled: int) -> int:
    """Return XSTATE_BV as KVM_SET_XSAVE looks at it; `drops_disabled`: without what XFD disables (b45f72177594).

    Source: arch/x86/kvm/x86.c kvm_vcpu_ioctl_x86_set_xsave().

    >>> hex(set_xsave_bv(0x40003, 0x40000, 1)), hex(set_xsave_bv(0x40003, 0x40000, 0))
    ('0x3', '0x40003')
    """
    return xstate_bv & ~xfd if drops_disabled else xstate_bv


def set_xsave_errno(
    xstate_bv: int,
    xcomp_bv: int,
    mxcsr_legal: int,
    supported_xcr0: int,
    user_xfeatures: int,
    checks_supported: int,
    checks_mxcsr: int,
) -> int:
    """Return the errno of KVM_SET_XSAVE for a header that `set_xsave_bv` has gone over.

    `checks_supported`: bits that this host's KVM does not support are refused (d7876f1be40a); `checks_mxcsr`:
    reserved bits of MXCSR are, where x87, SSE or AVX is in the image (v4.12).
    Source: arch/x86/kernel/fpu/core.c fpu_copy_uabi_to_guest_fpstate(); arch/x86/kernel/fpu/xstate.c
    validate_user_xstate_header(), copy_uabi_to_xstate().

    >>> set_xsave_errno(0x207, 0, 1, 0x7, 0x207, 1, 1), set_xsave_errno(0x7, 0, 1, 0x7, 0x7, 1, 1)
    (22, 0)
    >>> set_xsave_errno(0x2, 0, 0, 0x7, 0x7, 1, 1), set_xsave_errno(0x2, 0, 0, 0x7, 0x7, 1, 0)
    (22, 0)
    """
    if checks_supported and xstate_bv & ~(supported_xcr0 & user_xfeatures):
        return EINVAL
    if xcomp_bv:
        return EINVAL
    if checks_mxcsr and xstate_bv & (FPSSE | AVX) and not mxcsr_legal:
        return EINVAL
    return 0


def set_xsave_stored_bv(old_bv: int, xstate_bv: int, supervisor: int) -> int:
    """Return the header of the guest's fpstate after KVM_SET_XSAVE: supervisor bits stay, user bits are replaced.

    Source: arch/x86/kernel/fpu/xstate.c copy_uabi_to_xstate().

    >>> hex(set_xsave_stored_bv(0x1807, 0x3, 0x1800))
    '0x1803'
    """
    return (old_bv & supervisor) | xstate_bv


def set_xsave_sets_pkru(xstate_bv: int) -> int:
    """Say whether KVM_SET_XSAVE changes the guest's PKRU: only with its bit; without it PKRU stays.

    Source: arch/x86/kernel/fpu/core.c fpu_copy_uabi_to_guest_fpstate().

    >>> set_xsave_sets_pkru(0x200), set_xsave_sets_pkru(0x3)
    (1, 0)
    """
    return 1 if xstate_bv & PKRU else 0


# KVM_SET_XCRS.


def set_xcrs_bound(guest_supported_xcr0: int, supported_xcr0: int, by_guest_cpuid: int) -> int:
    """Return the components that XCR0 may name: by the guest's CPUID (d7876f1be40a) or by the host.

    Source: arch/x86/kvm/x86.c __kvm_set_xcr().

    >>> set_xcrs_bound(0x3, 0x207, 1), hex(set_xcrs_bound(0x3, 0x207, 0))
    (3, '0x207')
    """
    return (guest_supported_xcr0 if by_guest_cpuid else supported_xcr0) | X87


def set_xcrs_errno(value: int, bound: int, flags: int, host_xsave: int) -> int:
    """Return the errno of KVM_SET_XCRS with one entry, for XCR0; `bound` is `set_xcrs_bound`.

    Source: arch/x86/kvm/x86.c kvm_vcpu_ioctl_x86_set_xcrs(), __kvm_set_xcr().

    >>> set_xcrs_errno(0x207, 0x207, 0, 1), set_xcrs_errno(0x5, 0x207, 0, 1), set_xcrs_errno(0x207, 0x7, 0, 1)
    (0, 22, 22)
    """
    if not host_xsave or flags:
        return EINVAL
    return 0 if set_xcr_ok(value, bound) else EINVAL


# KVM_SET_MSRS. An entry that is not accepted ends the call, which returns how many were.


def set_xss_bound(guest_supported_xss: int, supported_xss: int, by_guest_cpuid: int) -> int:
    """Return the components that IA32_XSS may name: by the guest's CPUID (v6.18) or by KVM alone.

    Source: arch/x86/kvm/x86.c kvm_set_msr_common() of 6.12 and of 7.2.

    >>> hex(set_xss_bound(0, 0x1800, 0)), set_xss_bound(0, 0x1800, 1)
    ('0x1800', 0)
    """
    return guest_supported_xss if by_guest_cpuid else supported_xss


def set_xss_accepted(
    value: int, bound: int, has_xsaves: int, host_initiated: int, strict: int, advertised: int
) -> int:
    """Say whether a write of IA32_XSS is accepted; `bound` is `set_xss_bound`.

    Without XSAVES in its CPUID the guest gets a #GP. The VMM's write is then checked like any other, or with
    `strict` (v6.18) it is unsupported, which is forgiven for 0 if the MSR is `advertised`.
    Source: arch/x86/kvm/x86.c kvm_set_msr_common(), kvm_do_msr_access().

    >>> set_xss_accepted(0x1800, 0x1800, 1, 1, 1, 1), set_xss_accepted(0x1800, 0x1800, 0, 1, 1, 1)
    (1, 0)
    >>> set_xss_accepted(0, 0, 0, 1, 1, 1), set_xss_accepted(0, 0, 0, 1, 1, 0), set_xss_accepted(0, 0, 0, 1, 0, 0)
    (1, 0, 1)
    """
    if not has_xsaves:
        if not host_initiated:
            return 0
        if strict:
            return 1 if value == 0 and advertised else 0
    return set_xss_ok(value, bound)


def set_xfd_accepted(
    value: int, guest_supported_xcr0: int, has_xfd: int, host_initiated: int
) -> int:
    """Say whether a write of IA32_XFD or IA32_XFD_ERR is accepted.

    The VMM need not have given the guest XFD, but the tiles.
    Source: arch/x86/kvm/x86.c kvm_set_msr_common().

    >>> set_xfd_accepted(1 << 18, 0x60207, 0, 1), set_xfd_accepted(1 << 18, 0x60207, 0, 0)
    (1, 0)
    >>> set_xfd_accepted(1 << 18, 0x207, 1, 1), set_xfd_accepted(0, 0x207, 1, 1)
    (0, 1)
    """
    if not host_initiated and not has_xfd:
        return 0
    return set_xfd_ok(value, guest_supported_xcr0)
