# SPDX-License-Identifier: Apache-2.0
"""The guest's image: KVM_SET_XSAVE, KVM_GET_XSAVE2, KVM_SET_FPU, and the load that consumes it.

AVX is one bit here: whether the image and the registers have it. It shows what a guest's CPUID hides.
Source: arch/x86/kvm/x86.c kvm_vcpu_ioctl_x86_set_xsave(), kvm_vcpu_ioctl_x86_get_xsave2();
arch/x86/kernel/fpu/xstate.c copy_uabi_to_xstate(), __copy_xstate_to_uabi_buf().
"""

from xsavvy.checker import Event
from xsavvy.isa.components import AVX, CET_U, SSE
from xsavvy.kvm.ioctls import (
    get_xsave_bv,
    get_xsave_errno,
    guest_supported,
    set_xsave_errno,
)
from xsavvy.model.constants import Constants
from xsavvy.model.values import TILE, Buffer, Fault, Value
from xsavvy.model.vmm import image_as_seen, store_image, vmm_event

from .machine import BASE, Errno, IoctlMachine
from .process import drop_image, vcpu_is_there

__all__ = [
    "check_mxcsr",
    "get_xsave2",
    "get_xsave2_all",
    "image_events",
    "set_xsave",
    "set_xsave_any_mxcsr",
    "set_xsave_unchecked",
    "user_xfeatures",
]

X86 = "linux:arch/x86/kvm/x86.c"


def user_xfeatures(s: IoctlMachine, k: Constants) -> int:
    """Return fpstate.user_xfeatures: the host's, with the tiles once KVM_SET_CPUID2 has made room."""
    return k.host_xcr0 & ~TILE | s.fp_xfeatures[Buffer.GUEST] & TILE


def take_image(
    s: IoctlMachine, k: Constants, xstate_bv: int, mxcsr_legal: int, checks: int, checks_mxcsr: int
) -> None:
    """Check an image and copy it, or leave all as it is."""
    drop_image(s, k)
    seen = image_as_seen(s, k, xstate_bv)
    features = user_xfeatures(s, k)
    errno = set_xsave_errno(seen, 0, mxcsr_legal, k.host_xcr0, features, checks, checks_mxcsr)
    s.uapi_errno = errno
    if errno == Errno.SUCCESS:
        store_image(s, k, xstate_bv)
        s.fp_avx = 1 if xstate_bv & AVX else 0
        s.fp_mxcsr_bad = 0 if mxcsr_legal else 1


def set_xsave(s: IoctlMachine, k: Constants, xstate_bv: int, mxcsr_legal: int) -> None:
    """KVM_SET_XSAVE: refuse unsupported components and reserved bits of MXCSR."""
    take_image(s, k, xstate_bv, mxcsr_legal, 1, 1)


def set_xsave_any_mxcsr(s: IoctlMachine, k: Constants, xstate_bv: int, mxcsr_legal: int) -> None:
    """KVM_SET_XSAVE: refuse unsupported components; copy MXCSR as it is (to v4.11)."""
    take_image(s, k, xstate_bv, mxcsr_legal, 1, 0)


def set_xsave_unchecked(s: IoctlMachine, k: Constants, xstate_bv: int, mxcsr_legal: int) -> None:
    """KVM_SET_XSAVE: copy what is given (to v3.12)."""
    take_image(s, k, xstate_bv, mxcsr_legal, 0, 0)


def mxcsr_matters(s: IoctlMachine, k: Constants, xstate_bv: int, mxcsr_legal: int) -> bool:
    """KVM_SET_XSAVE; MXCSR is bad in one image, where it is looked at."""
    return s.perm_locked != 0 and (mxcsr_legal != 0 or xstate_bv == SSE)


def fpu_has_bits(s: IoctlMachine, k: Constants) -> bool:
    """KVM_SET_FPU and KVM_GET_FPU of an image that has SSE: they look at contents and at no header bit."""
    return s.perm_locked != 0 and s.fp_xstate_bv[Buffer.GUEST] & SSE != 0


def set_fpu(s: IoctlMachine, k: Constants) -> None:
    """KVM_SET_FPU: write the legacy area; header and MXCSR stay as they are."""
    drop_image(s, k)
    s.fp_sse[Buffer.GUEST] = Value.GUEST
    s.ghost_sse = Value.GUEST
    s.uapi_errno = Errno.SUCCESS


def get_fpu(s: IoctlMachine, k: Constants) -> None:
    """KVM_GET_FPU: read the legacy area, whatever the header says."""
    s.uapi_image = 1
    s.uapi_bv = BASE
    s.uapi_sse = s.fp_sse[Buffer.GUEST]
    s.uapi_tile = s.ghost_tile
    s.uapi_errno = Errno.SUCCESS


def hand_out(s: IoctlMachine, k: Constants, narrows: int) -> None:
    """Copy the image to userspace in standard format."""
    bv = s.fp_xstate_bv[Buffer.GUEST] & ~CET_U | (AVX if s.fp_avx else 0)
    supported = guest_supported(s.vcpu_cpuid_xcr0, k.host_xcr0)
    shown = get_xsave_bv(bv, user_xfeatures(s, k), supported, narrows)
    s.uapi_image = 1
    s.uapi_bv = shown
    s.uapi_sse = s.fp_sse[Buffer.GUEST] if shown & SSE else Value.INIT
    s.uapi_tile = s.fp_tile[Buffer.GUEST] if shown & TILE else Value.INIT
    s.uapi_errno = Errno.SUCCESS


def get_xsave2(s: IoctlMachine, k: Constants) -> None:
    """KVM_GET_XSAVE2: name what the guest's CPUID has, and x87 and SSE."""
    hand_out(s, k, 1)


def get_xsave(s: IoctlMachine, k: Constants) -> None:
    """KVM_GET_XSAVE: refuse an image that has outgrown 4096 bytes.

    Source: arch/x86/kvm/x86.c kvm_vcpu_ioctl_x86_get_xsave().
    """
    errno = get_xsave_errno(s.fp_xfeatures[Buffer.GUEST], 0)
    if errno == Errno.SUCCESS:
        hand_out(s, k, 1)
    s.uapi_errno = errno


def get_xsave2_all(s: IoctlMachine, k: Constants) -> None:
    """KVM_GET_XSAVE: copy the image as it is.

    Source: commit 4344ee981e21 (KVM: x86: only copy XSAVE state for the supported features), what it mends.
    """
    hand_out(s, k, 0)


def check_mxcsr(s: IoctlMachine, k: Constants) -> None:
    """Take a #GP for a reserved bit of MXCSR in the image that is about to be loaded.

    Source: SDM "XRSTOR", "XRSTORS": #GP if MXCSR is loaded and has a reserved bit.
    """
    if s.fp_mxcsr_bad and s.fp_xstate_bv[Buffer.GUEST] & SSE:
        s.fault = Fault.XRSTORS_GP


def image_events(k: Constants) -> tuple[Event, ...]:
    """Return the ioctls that copy the guest's image in and out; tiles where the scenario's guest may have them."""
    tiles = (SSE | TILE,) if k.guest_xcr0 & TILE else ()
    images = (0, SSE, BASE | AVX, *tiles)

    return (
        vmm_event(
            "KVM_SET_XSAVE",
            set_xsave,
            source=f"{X86} kvm_vcpu_ioctl_x86_set_xsave()",
            when=mxcsr_matters,
            choose={"xstate_bv": images, "mxcsr_legal": (1, 0)},
        ),
        vmm_event(
            "KVM_GET_XSAVE",
            get_xsave,
            source=f"{X86} kvm_vcpu_ioctl_x86_get_xsave()",
            when=vcpu_is_there,
        ),
        vmm_event(
            "KVM_GET_XSAVE2",
            get_xsave2,
            source=f"{X86} kvm_vcpu_ioctl_x86_get_xsave2()",
            when=vcpu_is_there,
        ),
        vmm_event(
            "KVM_GET_FPU",
            get_fpu,
            source=f"{X86} kvm_arch_vcpu_ioctl_get_fpu()",
            when=fpu_has_bits,
        ),
        vmm_event(
            "KVM_SET_FPU",
            set_fpu,
            source=f"{X86} kvm_arch_vcpu_ioctl_set_fpu()",
            when=fpu_has_bits,
        ),
    )
