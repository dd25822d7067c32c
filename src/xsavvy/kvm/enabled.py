# SPDX-License-Identifier: Apache-2.0
"""Which components a kernel enables for itself, and which of those its KVM lets guests have: masks to masks.

Whether the processor's feature bits, the command line and the modules' parameters leave them there is asked in
`capabilities`.
"""

from __future__ import annotations

from typing import Final

from xsavvy.isa.components import (
    AMX,
    AVX,
    AVX512,
    CET_S,
    CET_U,
    MPX,
    PKRU,
    SSE,
    X87,
    XTILECFG,
    XTILEDATA,
)

from .kernels import Kernel

__all__ = [
    "KVM_SUPPORTED_XCR0",
    "guest_has_protection_keys",
    "guest_xcr0",
    "guest_xss",
    "host_xcr0",
    "host_xss",
]

KVM_SUPPORTED_XCR0: Final = X87 | SSE | AVX | MPX | AVX512 | PKRU | AMX
"""What KVM knows how to give a guest; the newest has no APX. Source: arch/x86/kvm/x86.c KVM_SUPPORTED_XCR0 (7.3)."""


def host_xcr0(kernel: Kernel, xcr0_supported: int) -> int:
    """Return the modelled bits of the host's XCR0: PKRU since v4.6, the tiles since v5.16."""
    enabled = xcr0_supported
    if "host_pkru" not in kernel:
        enabled &= ~PKRU
    if "host_amx" not in kernel:
        enabled &= ~(XTILECFG | XTILEDATA)
    return enabled


def guest_xcr0(kernel: Kernel, host: int) -> int:
    """Return what KVM lets a guest put into XCR0, of the host's bits: tiles need a guest's IA32_XFD.

    The vendor's module takes MPX away and nothing else: XCR0[9] is there on SVM, too, since the host has it.
    Source: commit 820a6ee944e7; arch/x86/kvm/cpuid.c kvm_supported_xcr0() of 5.6 (mail "KVM: x86: Calculate the
    supported xcr0 mask at load time", 29 Jan 2020), since v5.7 x86.c kvm_arch_init() and svm.c svm_hardware_setup().
    """
    return host if "820a6ee944e7" in kernel else host & ~(XTILECFG | XTILEDATA)


def guest_has_protection_keys(kernel: Kernel, guest_xcr0: int, vmx: bool) -> bool:
    """Tell whether a guest may have PKU in its CPUID, and so CR4.PKE: with SVM since common code switches PKRU.

    Source: commit 37486135d3a7 and the series "arch/x86: Enable MPK feature on AMD" (May 2020), which it is from.
    """
    return guest_xcr0 & PKRU != 0 and (vmx or "37486135d3a7" in kernel)


def host_xss(kernel: Kernel, xss_supported: int) -> int:
    """Return the CET bits of the host's IA32_XSS.

    CET_U since user shadow stacks (v6.6), CET_S since the guest-only supervisor features (v6.17). Inferred from the
    sources of 6.1, 6.12 and 7.2.
    """
    enabled = 0
    if "host_cet_user" in kernel:
        enabled |= CET_U
    if "host_cet_kernel" in kernel:
        enabled |= CET_S
    return xss_supported & enabled


def guest_xss(kernel: Kernel, host: int) -> int:
    """Return what KVM lets a guest put into IA32_XSS: both CET components or none.

    Source: commit 69cc3e886582; arch/x86/kvm/x86.c kvm_setup_xss_caps().
    """
    both = CET_U | CET_S
    return both if "69cc3e886582" in kernel and host & both == both else 0
