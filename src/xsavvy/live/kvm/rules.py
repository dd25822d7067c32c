# SPDX-License-Identifier: Apache-2.0
"""The rules of a kernel as arguments of `kvm.ioctls`: which commits decide what."""

from __future__ import annotations

from xsavvy.isa.components import AMX, MPX
from xsavvy.kvm import Kernel, ioctls
from xsavvy.kvm.acceptance import user_xfeatures
from xsavvy.kvm.enabled import KVM_SUPPORTED_XCR0

from .facts import Facts

__all__ = [
    "DECIDING",
    "get_xsave_bv",
    "offered_xcr0",
    "set_xcrs_errno",
    "set_xfd_count",
    "set_xsave_errno",
    "set_xss_count",
]

DECIDING = frozenset(
    "d7876f1be40a mxcsr_reserved_bits ad856280ddea 8647c52e9504 a1020a25e697 9622e116d0d2 c0a5f2989122"
    " 85e5ba83c016".split()
)
"""The commits that the rules here look at."""


def offered_xcr0(host_xcr0: int, facts: Facts) -> int:
    """Return the components that KVM offers on a host.

    MPX needs controls of VMX (BNDCFGS); SVM has none, and processors without MPX lack them. TILEDATA needs the
    process's permission, which nobody asked for here, and TILECFG goes with it.
    Source: arch/x86/kvm/vmx/vmx.c vmx_set_cpu_caps(), arch/x86/kvm/svm/svm.c svm_set_cpu_caps().
    """
    offered = host_xcr0 & KVM_SUPPORTED_XCR0 & ~AMX
    return offered if "kvm_intel" in facts.modules else offered & ~MPX


def set_xcrs_errno(value: int, guest: int, facts: Facts, kernel: Kernel) -> int:
    """Return the errno of KVM_SET_XCRS for a guest's CPUID mask."""
    supported = facts.supported_xcr0
    mask = ioctls.guest_supported(guest, supported)
    bound = ioctls.set_xcrs_bound(mask, supported, int("d7876f1be40a" in kernel))
    return ioctls.set_xcrs_errno(value, bound, 0, 1)


def _user_xfeatures(guest: int, facts: Facts, kernel: Kernel) -> int:
    return user_xfeatures(kernel, facts.xcr0, ioctls.guest_supported(guest, facts.supported_xcr0))


def set_xsave_errno(
    header: bytes, mxcsr: int, mxcsr_mask: int, guest: int, facts: Facts, kernel: Kernel
) -> int:
    """Return the errno of KVM_SET_XSAVE for 64 header bytes and an MXCSR."""
    xstate_bv = int.from_bytes(header[:8], "little")
    xcomp_bv = int.from_bytes(header[8:16], "little")
    if any(header[16:]):
        xcomp_bv |= 1
    return ioctls.set_xsave_errno(
        xstate_bv,
        xcomp_bv,
        int(mxcsr & ~mxcsr_mask == 0),
        facts.supported_xcr0,
        _user_xfeatures(guest, facts, kernel),
        int("d7876f1be40a" in kernel),
        int("mxcsr_reserved_bits" in kernel),
    )


def get_xsave_bv(stored: int, guest: int, facts: Facts, kernel: Kernel) -> int:
    """Return XSTATE_BV as KVM_GET_XSAVE reports what is stored."""
    mask = ioctls.guest_supported(guest, facts.supported_xcr0)
    user = _user_xfeatures(guest, facts, kernel)
    return ioctls.get_xsave_bv(stored, user, mask, int("8647c52e9504" in kernel))


def set_xss_count(value: int, xsaves: int, xss: int, facts: Facts, kernel: Kernel) -> int:
    """Return how many entries KVM_SET_MSRS sets for one write of IA32_XSS by the VMM."""
    by_cpuid = int("9622e116d0d2" in kernel)
    mask = ioctls.guest_supported(xss, facts.supported_xss)
    bound = ioctls.set_xss_bound(mask, facts.supported_xss, by_cpuid)
    advertised = int("c0a5f2989122" in kernel and facts.supported_xss != 0)
    return ioctls.set_xss_accepted(value, bound, xsaves, 1, by_cpuid, advertised)


def set_xfd_count(value: int, guest: int, facts: Facts) -> int:
    """Return how many entries KVM_SET_MSRS sets for one write of IA32_XFD or IA32_XFD_ERR by the VMM."""
    return ioctls.set_xfd_accepted(value, ioctls.guest_supported(guest, facts.supported_xcr0), 0, 1)
