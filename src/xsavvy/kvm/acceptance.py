# SPDX-License-Identifier: Apache-2.0
"""What KVM_SET_XSAVE of a kernel does with an image on a host: the functions of `ioctls`, asked with real numbers.

Which behaviour a kernel has is which commits it has; the rules themselves are not repeated here.

Sources: linux arch/x86/kvm/x86.c kvm_vcpu_ioctl_x86_get_xsave2(), kvm_vcpu_ioctl_x86_set_xsave();
arch/x86/kernel/fpu/core.c fpu_copy_uabi_to_guest_fpstate(), arch/x86/kernel/fpu/xstate.c copy_uabi_to_xstate();
commits d7876f1be40a, ad856280ddea, 8647c52e9504.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from xsavvy.isa import masks
from xsavvy.isa.components import AVX, PKRU, SSE, X87, XTILEDATA, names
from xsavvy.isa.processor import Processor
from xsavvy.isa.restore import Header

from . import ioctls
from .enabled import KVM_SUPPORTED_XCR0, guest_xcr0, host_xcr0
from .kernels import Kernel
from .migration import KVM_XSAVE_BYTES, fxsave_image_errno

__all__ = [
    "KVM_XSAVE_BYTES",
    "Acceptance",
    "narrows",
    "set_xsave",
    "supported_xcr0",
    "user_xfeatures",
]

_CHECKS_SUPPORTED: Final = "d7876f1be40a"
_CHECKS_MXCSR: Final = "mxcsr_reserved_bits"
_CHECKS_HEADER: Final = "d69c1382e1b7"
_NARROWS: Final = "ad856280ddea"
_KEEPS_FPSSE: Final = "a1020a25e697"
_NARROWS_AT_GET_ONLY: Final = "8647c52e9504"
_DROPS_DISABLED: Final = "b45f72177594"


@dataclass(frozen=True)
class Acceptance:
    """What KVM_SET_XSAVE answers.

    Attributes:
        errno: 0, or which (positive).
        why: what it is for, each with the commit if kernels differ in it.
        copies: components that are copied into the guest's fpstate.
        dropped: components of XSTATE_BV that IA32_XFD disables and the kernel leaves out.
        faults_later: components that XFD disables and the kernel copies all the same: its next XRSTOR faults.
        initial: components that the guest has in their initial configuration afterwards.
        sets_pkru: the guest's PKRU becomes the image's.
    """

    errno: int
    why: tuple[str, ...]
    copies: int = 0
    dropped: int = 0
    faults_later: int = 0
    initial: int = 0
    sets_pkru: bool = False


def supported_xcr0(kernel: Kernel, processor: Processor) -> int:
    """Return the host's XCR0 as far as this KVM gives it to guests (kvm_caps.supported_xcr0).

    >>> from .kernels import kernel
    >>> hex(supported_xcr0(kernel("v5.16"), Processor(xcr0_supported=0x600E7)))
    '0xe7'
    """
    own = host_xcr0(kernel, KVM_SUPPORTED_XCR0)
    known = guest_xcr0(kernel, own)
    return processor.xcr0_supported & (known if processor.pku else known & ~PKRU)


def set_xsave(
    kernel: Kernel,
    processor: Processor,
    header: Header,
    mxcsr: int,
    guest_xcr0: int | None = None,
    xfd: int = 0,
    supported: int | None = None,
) -> Acceptance:
    """Say what KVM_SET_XSAVE does with an image that has this header and MXCSR.

    `guest_xcr0` is CPUID (0xD,0) of the guest (by default all that KVM supports; tiles in it mean that their
    permission was granted), `xfd` the guest's IA32_XFD, `supported` what this KVM supports of XCR0 (by default what it
    would on a host that nobody configured).

    >>> from .kernels import kernel
    >>> part = Processor(xcr0_supported=7)
    >>> set_xsave(kernel("v6.18"), part, Header(0x207), 0x1F80).errno
    22
    """
    mxcsr_legal = masks.mxcsr_ok(mxcsr, processor.mxcsr_mask)
    if not processor.xsave:
        errno = fxsave_image_errno(header.xstate_bv, mxcsr_legal)
        return Acceptance(errno, ("a host without XSAVE takes x87 and SSE alone",) if errno else ())
    supported = supported_xcr0(kernel, processor) if supported is None else supported
    guest = supported if guest_xcr0 is None else ioctls.guest_supported(guest_xcr0, supported)
    user = user_xfeatures(kernel, supported, guest)
    drops = 1 if _DROPS_DISABLED in kernel else 0
    seen = ioctls.set_xsave_bv(header.xstate_bv, xfd, drops)
    damaged = _damaged(header) if _CHECKS_HEADER in kernel else 0
    errno = ioctls.set_xsave_errno(
        seen,
        damaged,
        mxcsr_legal,
        supported,
        user,
        1 if _CHECKS_SUPPORTED in kernel else 0,
        1 if _CHECKS_MXCSR in kernel else 0,
    )
    if errno or (header.xstate_bv_63 and _CHECKS_SUPPORTED in kernel):
        why = _why(kernel, header, seen, supported, user, mxcsr if not mxcsr_legal else None)
        return Acceptance(errno or ioctls.EINVAL, why)
    return Acceptance(
        errno=0,
        why=(),
        copies=seen,
        dropped=header.xstate_bv & ~seen,
        faults_later=seen & xfd,
        initial=user & ~seen,
        sets_pkru=bool(ioctls.set_xsave_sets_pkru(seen)),
    )


def narrows(kernel: Kernel) -> bool:
    """Tell whether the guest's CPUID bounds which images are accepted. Source: commits ad856280ddea, 8647c52e9504."""
    return _NARROWS in kernel and _NARROWS_AT_GET_ONLY not in kernel


def user_xfeatures(kernel: Kernel, default: int, guest: int) -> int:
    """Return fpstate.user_xfeatures: what an image may name; `default` is what every guest's fpstate has room for."""
    return ioctls.guest_user_xfeatures(
        default & ~XTILEDATA,
        guest & XTILEDATA,
        guest,
        1 if narrows(kernel) else 0,
        1 if _KEEPS_FPSSE in kernel else 0,
    )


def _damaged(header: Header) -> int:
    """Say whether anything behind XSTATE_BV is not zero, which the kernel's header check refuses."""
    zero = header.bytes_16_23_zero and header.bytes_24_63_zero
    return 1 if header.xcomp_bv or header.compacted or not zero else 0


def _why(
    kernel: Kernel, header: Header, seen: int, supported: int, user: int, mxcsr: int | None
) -> tuple[str, ...]:
    """Name everything that an image is refused for."""
    found = []
    if seen & ~supported:
        found.append(f"XSTATE_BV names {', '.join(names(seen & ~supported))}, which this KVM does not support"
                     f" ({_CHECKS_SUPPORTED})")  # fmt: skip
    if seen & supported & ~user:
        words = ", ".join(names(seen & supported & ~user))
        commit = f" ({_NARROWS}, until {_NARROWS_AT_GET_ONLY})" if _NARROWS in kernel else ""
        found.append(f"XSTATE_BV names {words}, for which the guest's fpstate has no room{commit}")
    if header.xstate_bv_63:
        found.append("XSTATE_BV has bit 63")
    if header.compacted or header.xcomp_bv:
        found.append("XCOMP_BV is not 0: KVM takes the standard format alone")
    if not header.bytes_16_23_zero or not header.bytes_24_63_zero:
        found.append("reserved bytes of the header are not 0")
    if mxcsr is not None and seen & (X87 | SSE | AVX) and _CHECKS_MXCSR in kernel:
        found.append(f"MXCSR {mxcsr:#x} has reserved bits")
    return tuple(found)
