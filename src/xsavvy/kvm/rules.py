# SPDX-License-Identifier: Apache-2.0
"""What KVM decides from a few masks: functions of the dialect, used by the model's steps.

Each takes and returns small integers and knows no state. The processor's own rules are in `isa.masks`.
"""

from xsavvy.isa.components import PKRU, X87, XTILEDATA
from xsavvy.isa.masks import xcr0_ok
from xsavvy.isa.system import CR4_OSXSAVE, CR4_PKE

__all__ = [
    "CR4_OSXSAVE",
    "CR4_PKE",
    "needs_reallocation",
    "pkru_is_reachable",
    "set_xcr_ok",
    "set_xfd_ok",
    "set_xss_ok",
    "xcr0_is_switched",
    "xss_is_switched",
]


def pkru_is_reachable(xcr0: int, cr4: int) -> int:
    """Say whether a guest can read or feel PKRU: by RDPKRU and key checks, or by the XSAVE family.

    The test names XCR0[9] without CR4.OSXSAVE, as KVM's does.
    Source: arch/x86/kvm/x86.c kvm_load_guest_xsave_state(); commit 37486135d3a7.

    >>> pkru_is_reachable(0x7, 0), pkru_is_reachable(0x207, 0), pkru_is_reachable(0x7, 1 << 22)
    (0, 1, 1)
    """
    return 1 if (xcr0 & PKRU) or (cr4 & CR4_PKE) else 0


def xcr0_is_switched(cr4: int, vcpu_xcr0: int, host_xcr0: int) -> int:
    """Say whether XCR0 must be written at entry and exit.

    Source: arch/x86/kvm/x86.c kvm_load_guest_xsave_state(), since v6.19 kvm_load_xfeatures().

    >>> xcr0_is_switched(1 << 18, 0x3, 0x207), xcr0_is_switched(0, 0x3, 0x207)
    (1, 0)
    """
    return 1 if cr4 & CR4_OSXSAVE and vcpu_xcr0 != host_xcr0 else 0


def xss_is_switched(cr4: int, vcpu_xss: int, host_xss: int) -> int:
    """Say whether IA32_XSS must be written at entry and exit, for a vCPU that has XSAVES.

    Source: arch/x86/kvm/x86.c kvm_load_guest_xsave_state(), since v6.19 kvm_load_xfeatures().

    >>> xss_is_switched(1 << 18, 0, 0x1800)
    1
    """
    return 1 if cr4 & CR4_OSXSAVE and vcpu_xss != host_xss else 0


def set_xcr_ok(value: int, guest_supported_xcr0: int) -> int:
    """Say whether KVM accepts a value for XCR0: the processor's rules and the guest's own CPUID.

    Source: arch/x86/kvm/x86.c __kvm_set_xcr().

    x87 needs no CPUID, SSE does.

    >>> set_xcr_ok(0x207, 0x207), set_xcr_ok(0x5, 0x207), set_xcr_ok(0x207, 0x7), set_xcr_ok(0x3, 0)
    (1, 0, 0, 0)
    """
    return xcr0_ok(value, guest_supported_xcr0 | X87)


def set_xss_ok(value: int, guest_supported_xss: int) -> int:
    """Say whether KVM accepts a value for IA32_XSS.

    Source: arch/x86/kvm/x86.c kvm_set_msr_common().

    >>> set_xss_ok(0x1800, 0x1800), set_xss_ok(0x1800, 0)
    (1, 0)
    """
    return 1 if value & ~guest_supported_xss == 0 else 0


def set_xfd_ok(value: int, guest_supported_xcr0: int) -> int:
    """Say whether KVM accepts a value for IA32_XFD or IA32_XFD_ERR.

    Source: arch/x86/kvm/x86.c kvm_set_msr_common().

    >>> set_xfd_ok(1 << 18, 0x60207), set_xfd_ok(1 << 18, 0x207)
    (1, 0)
    """
    return 1 if value & ~(guest_supported_xcr0 & XTILEDATA) == 0 else 0


def needs_reallocation(xcr0: int, xfd: int, fpstate_xfeatures: int) -> int:
    """Say which dynamic components the guest has enabled without room in its fpstate.

    Source: seed 001 (v1 of the AMX series): the check in the emulation of XSETBV and of WRMSR to IA32_XFD.

    >>> hex(needs_reallocation(0x60207, 0, 0x207)), needs_reallocation(0x60207, 1 << 18, 0x207)
    ('0x40000', 0)
    """
    return xcr0 & XTILEDATA & ~xfd & ~fpstate_xfeatures
