# SPDX-License-Identifier: Apache-2.0
"""The image of a guest's registers, as userspace gets it and sets it.

The rules are those of `kvm.ioctls` and `kvm.migration`; here they meet the record. `h` is the host.
Source: arch/x86/kvm/x86.c, arch/x86/kernel/fpu/core.c and xstate.c.
"""

from xsavvy.isa.components import AVX, PKRU, XTILEDATA
from xsavvy.kvm.ioctls import (
    FPSSE,
    get_xsave_bv,
    guest_user_xfeatures,
    set_xsave_bv,
    set_xsave_errno,
    set_xsave_sets_pkru,
    set_xsave_stored_bv,
)
from xsavvy.kvm.migration import (
    XSTATE_BV_END,
    copied_init_states,
    fxsave_image_errno,
    keeps_format,
)

from .constants import MoveConstants, at
from .machine import Moving
from .values import SUPERVISOR, USER, AbsentPkru, Fault, HostFormat, ImageScope, InitStates
from .vcpu import supported

__all__ = ["get_xsave", "set_xsave"]


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
