# SPDX-License-Identifier: Apache-2.0
"""One host's kernel: a vCPU's ioctls, and what KVM_RUN does with the guest's fpstate.

The rules are those of `kvm.ioctls`, `kvm.migration` and `isa.masks`; here they meet the record. `h` is the host.
Source: arch/x86/kvm/x86.c, arch/x86/kvm/cpuid.c, arch/x86/kernel/fpu/core.c and xstate.c.
"""

from xsavvy.isa.components import AVX, CET_U, PKRU, X87, XTILEDATA
from xsavvy.isa.masks import xrstor_loads, xrstor_xfd_blocks, xsavec_bv
from xsavvy.kvm.ioctls import (
    EINVAL,
    EOPNOTSUPP,
    FPSSE,
    get_xsave_bv,
    grows_fpstate,
    guest_supported,
    guest_user_xfeatures,
    request_permission_errno,
    set_cpuid2_errno,
    set_xcrs_bound,
    set_xcrs_errno,
    set_xfd_accepted,
    set_xsave_bv,
    set_xsave_errno,
    set_xsave_sets_pkru,
    set_xsave_stored_bv,
    set_xss_accepted,
    set_xss_bound,
)
from xsavvy.kvm.migration import (
    XSTATE_BV_END,
    copied_init_states,
    fxsave_image_errno,
    keeps_format,
    set_sregs_errno,
)

from .constants import MoveConstants, at
from .machine import Moving
from .values import (
    CONTENTS,
    SUPERVISOR,
    TILES,
    USER,
    AbsentPkru,
    Fault,
    FpstateSize,
    HostFormat,
    ImageScope,
    InitStates,
    UabiSize,
)

__all__ = [
    "create_vcpu",
    "get_xsave",
    "kernel_bytes",
    "load_guest_fpu",
    "put_guest_fpu",
    "request_guest_permission",
    "set_cpuid2",
    "set_msr_u_cet",
    "set_msr_xfd",
    "set_msr_xss",
    "set_sregs",
    "set_xcrs",
    "set_xsave",
    "supported",
    "user_xfeatures",
]


def supported(k: MoveConstants, h: int) -> int:
    """Return kvm_caps.supported_xcr0 and supported_xss of a host, in one mask."""
    return at(k.src_supported, k.dst_supported, h)


def kernel_bytes(k: MoveConstants, h: int, xfeatures: int) -> int:
    """Return how many bytes the kernel's save instruction may write to an fpstate with these components."""
    if xfeatures & XTILEDATA:
        return at(k.src_kernel_tiles, k.dst_kernel_tiles, h)
    return at(k.src_kernel_bytes, k.dst_kernel_bytes, h)


def request_guest_permission(s: Moving, k: MoveConstants, h: int) -> int:
    """arch_prctl(ARCH_REQ_XCOMP_GUEST_PERM, XFEATURE_XTILE_DATA)."""
    have = FPSSE | (TILES if s.task_guest_perm[h] else 0)
    errno = request_permission_errno(TILES, supported(k, h), have, s.vcpu_created[h])
    if errno == 0:
        s.task_guest_perm[h] = 1
    return errno


def create_vcpu(s: Moving, k: MoveConstants, h: int) -> None:
    """KVM_CREATE_VCPU: a zeroed fpstate of the default size, XCR0 at its reset value.

    Source: arch/x86/kernel/fpu/core.c fpu_alloc_guest_fpstate().
    """
    s.vcpu_created[h] = 1
    s.vcpu_xcr0[h] = X87
    s.fp_xfeatures[h] = at(k.src_default, k.dst_default, h)
    s.fp_compacted[h] = at(k.src_compacts, k.dst_compacts, h)
    s.fp_bytes[h] = at(k.src_kernel_bytes, k.dst_kernel_bytes, h)
    if at(k.src_fpstate_size, k.dst_fpstate_size, h) == FpstateSize.USER:
        s.fp_bytes[h] = at(k.src_user_bytes, k.dst_user_bytes, h)
    s.uabi_bytes[h] = at(k.src_kvm_xsave, k.dst_kvm_xsave, h)
    if at(k.src_uabi_size, k.dst_uabi_size, h) == UabiSize.HOST_DEFAULT:
        s.uabi_bytes[h] = at(k.src_user_bytes, k.dst_user_bytes, h)


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


def user_xfeatures(s: Moving, k: MoveConstants, h: int) -> int:
    """Return fpstate.user_xfeatures."""
    scope = at(k.src_image_scope, k.dst_image_scope, h)
    narrows = scope == ImageScope.GUEST or scope == ImageScope.GUEST_AND_LEGACY
    default = at(k.src_default, k.dst_default, h) & USER
    dynamic = s.fp_xfeatures[h] & XTILEDATA
    supported_xcr0 = s.vcpu_supported[h] & USER
    keeps = scope == ImageScope.GUEST_AND_LEGACY
    return guest_user_xfeatures(
        default, dynamic, supported_xcr0, 1 if narrows else 0, 1 if keeps else 0
    )


def get_xsave(s: Moving, k: MoveConstants, h: int) -> None:
    """KVM_GET_XSAVE2, or KVM_GET_XSAVE where there is nothing else: copy the image out.

    A host without XSAVE gives x87 and SSE, and a header that says so. A kernel that keeps its images compacted
    without KVM's knowledge gives them as they are.
    Source: arch/x86/kernel/fpu/core.c fpu_copy_guest_fpstate_to_uabi().
    """
    if not at(k.src_xsave, k.dst_xsave, h):
        if s.uabi_bytes[h] < XSTATE_BV_END:
            s.fault = Fault.WRITE_BEYOND_BUFFER
        s.uapi_xstate_bv = FPSSE
        return
    user = user_xfeatures(s, k, h)
    at_get = at(k.src_image_scope, k.dst_image_scope, h) == ImageScope.AT_GET
    shown = get_xsave_bv(s.fp_xstate_bv[h], user, s.vcpu_supported[h] & USER, 1 if at_get else 0)
    zeroes = at(k.src_init_states, k.dst_init_states, h) == InitStates.ZEROES
    if copied_init_states(user, shown, 1 if zeroes else 0) & XTILEDATA:
        s.fault = Fault.READ_BEYOND_BUFFER
    s.uapi_xstate_bv = shown
    s.uapi_pkru = s.vcpu_pkru[h] if shown & PKRU else 0
    if at(k.src_host_format, k.dst_host_format, h) == HostFormat.COPIED:
        s.uapi_compacted = s.fp_compacted[h]


def set_xsave(
    s: Moving, k: MoveConstants, h: int, image: int, compacted: int, pkru: int, mxcsr_legal: int
) -> int:
    """KVM_SET_XSAVE: check the image and copy it in; PKRU goes to KVM's own copy.

    Source: arch/x86/kvm/x86.c kvm_vcpu_ioctl_x86_set_xsave(); arch/x86/kernel/fpu/xstate.c copy_uabi_to_xstate().
    """
    if not at(k.src_xsave, k.dst_xsave, h):
        return set_fxsave(s, h, image, mxcsr_legal)
    xstate_bv = set_xsave_bv(image, s.fp_xfd[h], at(k.src_xsave_xfd, k.dst_xsave_xfd, h))
    header = compacted if at(k.src_xsave_header, k.dst_xsave_header, h) else 0
    host = supported(k, h) & USER
    checks = at(k.src_checks_mxcsr, k.dst_checks_mxcsr, h)
    bound = user_xfeatures(s, k, h)
    errno = set_xsave_errno(xstate_bv, header, mxcsr_legal, host, bound, 1, checks)
    if errno:
        return errno
    converts = at(k.src_host_format, k.dst_host_format, h) != HostFormat.COPIED
    compacts = at(k.src_compacts, k.dst_compacts, h)
    s.fp_compacted[h] = keeps_format(1 if converts else 0, compacts, compacted)
    s.fp_misplaced[h] = 1 if converts and compacted else 0
    s.fp_mxcsr_reserved[h] = 1 if xstate_bv & (FPSSE | AVX) and not mxcsr_legal else 0
    s.fp_xstate_bv[h] = set_xsave_stored_bv(s.fp_xstate_bv[h], xstate_bv, SUPERVISOR)
    if set_xsave_sets_pkru(xstate_bv):
        s.vcpu_pkru[h] = pkru
    elif k.absent_pkru == AbsentPkru.INITIAL:
        s.vcpu_pkru[h] = 0
    return 0


def set_fxsave(s: Moving, h: int, image: int, mxcsr_legal: int) -> int:
    """KVM_SET_XSAVE on a host without XSAVE: the header is read, the legacy region copied."""
    if s.uabi_bytes[h] < XSTATE_BV_END:
        s.fault = Fault.READ_BEYOND_BUFFER
    errno = fxsave_image_errno(image, mxcsr_legal)
    if errno:
        return errno
    s.fp_xstate_bv[h] = image
    return 0


def set_sregs(s: Moving, k: MoveConstants, h: int, cr4: int) -> int:
    """KVM_SET_SREGS with CR4."""
    has_xsave = at(k.src_xsave, k.dst_xsave, h) and s.vcpu_cpuid[h] & USER
    errno = set_sregs_errno(cr4, 1 if has_xsave else 0, s.vcpu_supported[h] & PKRU)
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


def load_guest_fpu(s: Moving, k: MoveConstants, h: int) -> int:
    """Restore the guest's fpstate as KVM_RUN does on its way in, and return what the registers then hold.

    PKRU is not in it: KVM loads its own copy. A fault is one of the kernel's own instruction.
    Source: arch/x86/kernel/fpu/core.c restore_fpregs_from_fpstate(); SDM "XRSTOR", "XRSTORS".
    """
    rfbm = s.fp_xfeatures[h] & ~PKRU
    xstate_bv = s.fp_xstate_bv[h]
    if xrstor_xfd_blocks(rfbm, xstate_bv, s.fp_xfd[h]):
        s.fault = Fault.XRSTOR_NM
    if at(k.src_compacts, k.dst_compacts, h) and not s.fp_compacted[h]:
        s.fault = Fault.XRSTOR_GP
    if s.fp_mxcsr_reserved[h] or xstate_bv & ~s.fp_xfeatures[h]:
        s.fault = Fault.XRSTOR_GP
    found = xrstor_loads(rfbm, xstate_bv) & CONTENTS
    return found & FPSSE if s.fp_misplaced[h] else found


def put_guest_fpu(s: Moving, k: MoveConstants, h: int, registers: int) -> None:
    """Save the registers to the guest's fpstate as KVM_RUN does on its way out.

    The header's bit of PKRU tells of the host's PKRU, which is in the register by then.
    Source: arch/x86/kernel/fpu/core.c save_fpregs_to_fpstate(); kvm-xstate section 5.4.
    """
    in_use = registers | at(k.src_vmm_pkru, k.dst_vmm_pkru, h)
    s.fp_xstate_bv[h] = xsavec_bv(s.fp_xfeatures[h] & CONTENTS, in_use, s.fp_xfd[h])
    s.fp_compacted[h] = at(k.src_compacts, k.dst_compacts, h)
    s.fp_misplaced[h] = 0


def set_msr_u_cet(s: Moving, k: MoveConstants, h: int) -> int:
    """KVM_SET_MSRS with IA32_U_CET: KVM loads the guest's registers, writes the MSR, and saves them.

    Source: arch/x86/kvm/x86.c kvm_access_xstate_msr(); commit e44eb58334bb (v6.18).
    """
    if s.vcpu_supported[h] & CET_U == 0:
        return EINVAL
    put_guest_fpu(s, k, h, load_guest_fpu(s, k, h) | CET_U)
    return 0
