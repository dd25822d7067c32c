# SPDX-License-Identifier: Apache-2.0
"""Which values the registers around XSAVE accept.

Every function answers 1 (accepted) or 0 (#GP).  `supported` is what the processor has, in the
same bit positions; what a *guest* may set is the same question with the guest's CPUID.

The XCR0, XSS, XFD, PKRU and control register functions keep to the mask dialect.  MSR values of
CET are 64 bits wide and so do not (bit 63 of an address is a real bit).

Sources: SDM "XSETBV", "Enabling the XSAVE Feature Set and XSAVE-Enabled Features", "Extended
Feature Disable (XFD)", "MOV - Move to/from Control Registers", "WRMSR", "XRSTORS"; APM
"Extended Control Register XCR0"; linux arch/x86/kvm/x86.c __kvm_set_xcr(); values tried by
XSETBV and WRMSR on Bochs (Tiger Lake, Sapphire Rapids) as recorded in `xsavvy.isa.sources`.
"""

from __future__ import annotations

from typing import Final

from xsavvy.isa import components

X87: Final = components.X87
SSE: Final = components.SSE
AVX: Final = components.AVX
MPX: Final = components.MPX
AVX512: Final = components.AVX512
AMX: Final = components.AMX

U_CET_SHADOW_STACK_BITS: Final = 0b11
"""SH_STK_EN and WR_SHSTK_EN."""
U_CET_RESERVED_BITS: Final = 0x3C0
U_CET_TRACKER_BITS: Final = 0xC00
"""SUPPRESS and TRACKER, which may not both be set."""


def xcr0_ok(value: int, supported: int) -> int:
    """Accept a value for XCR0.

    No unsupported bit; bit 0 set; AVX with SSE; MPX, AVX-512 (which needs AVX) and AMX whole or
    not at all.

    >>> [xcr0_ok(value, 0xE7) for value in (0x1, 0x3, 0x7, 0xE7, 0x0, 0x5, 0x27, 0xE3, 0x207)]
    [1, 1, 1, 1, 0, 0, 0, 0, 0]
    """
    if value & ~supported or not value & X87:
        return 0
    if value & AVX and not value & SSE:
        return 0
    if value & AVX512 and (value & (AVX512 | AVX)) != (AVX512 | AVX):
        return 0
    if value & MPX and (value & MPX) != MPX:
        return 0
    if value & AMX and (value & AMX) != AMX:
        return 0
    return 1


def xss_ok(value: int, supported: int) -> int:
    """Accept a value for IA32_XSS: any subset of the supported bits.

    >>> xss_ok(0x1000, 0x1800), xss_ok(0x100, 0x1800)
    (1, 0)
    """
    return 1 if (value & ~supported) == 0 else 0


def xfd_ok(value: int, capable: int) -> int:
    """Accept a value for IA32_XFD: bits with CPUID (0xD, i) ECX[2] only, in XCR0 or not.

    >>> xfd_ok(1 << 18, 1 << 18), xfd_ok(1 << 17, 1 << 18)
    (1, 0)
    """
    return 1 if (value & ~capable) == 0 else 0


def xfd_err_ok(value: int, capable: int) -> int:
    """Accept a value for IA32_XFD_ERR: the same bits as IA32_XFD.

    >>> xfd_err_ok(0, 0), xfd_err_ok(4, 0)
    (1, 0)
    """
    return 1 if (value & ~capable) == 0 else 0


def pkru_ok(value: int) -> int:
    """Accept a value for PKRU: 32 bits, no reserved ones.

    >>> pkru_ok(0xFFFF_FFFF), pkru_ok(1 << 32)
    (1, 0)
    """
    return 1 if (value >> 32) == 0 else 0


def pkrs_ok(value: int) -> int:
    """Accept a value for IA32_PKRS: 32 bits; QEMU's emulated processor agrees.

    >>> pkrs_ok(0xF0), pkrs_ok(1 << 32)
    (1, 0)
    """
    return 1 if (value >> 32) == 0 else 0


def cr4_osxsave_ok(osxsave: int, xsave_supported: int) -> int:
    """Accept a value for CR4.OSXSAVE.

    >>> cr4_osxsave_ok(1, 1), cr4_osxsave_ok(1, 0), cr4_osxsave_ok(0, 0)
    (1, 0, 1)
    """
    return 0 if osxsave and not xsave_supported else 1


def cr4_pke_ok(pke: int, pku_supported: int) -> int:
    """Accept a value for CR4.PKE.

    >>> cr4_pke_ok(1, 1), cr4_pke_ok(1, 0)
    (1, 0)
    """
    return 0 if pke and not pku_supported else 1


def cr4_cet_ok(cet: int, cr0_wp: int, cet_supported: int) -> int:
    """Accept a value for CR4.CET: it needs shadow stacks or branch tracking, and CR0.WP=1.

    >>> cr4_cet_ok(1, 1, 1), cr4_cet_ok(1, 0, 1), cr4_cet_ok(1, 1, 0), cr4_cet_ok(0, 0, 0)
    (1, 0, 0, 1)
    """
    return 0 if cet and not cet_supported else cr0_wp_ok(cr0_wp, cet)


def cr0_wp_ok(wp: int, cr4_cet: int) -> int:
    """Accept a value for CR0.WP: it may not be cleared while CR4.CET=1; a VM entry refuses the pair, too.

    Source: SDM "Control Registers"; "Checks on Guest Control Registers, Debug Registers, and MSRs".

    >>> cr0_wp_ok(0, 1), cr0_wp_ok(0, 0), cr0_wp_ok(1, 1)
    (0, 1, 1)
    """
    return 0 if cr4_cet and not wp else 1


def canonical_ok(address: int, linear_address_bits: int) -> int:
    """Accept a linear address: the bits above the implemented width repeat its top bit.

    >>> canonical_ok(0xFFFF_8000_0000_0000, 48), canonical_ok(1 << 47, 48)
    (1, 0)
    >>> canonical_ok(1 << 47, 57)
    1
    """
    top = address >> (linear_address_bits - 1)
    return 1 if top == 0 or top == (1 << (65 - linear_address_bits)) - 1 else 0


def cet_ok(value: int, shadow_stack: int, branch_tracking: int, linear_address_bits: int) -> int:
    """Accept a value for IA32_U_CET or IA32_S_CET, by WRMSR or by XRSTORS (U_CET).

    Bits 9:6 are reserved; bits 1:0 need shadow stacks, all others need indirect branch tracking;
    SUPPRESS and TRACKER exclude each other; the legacy bitmap base is canonical.

    >>> [cet_ok(value, 1, 1, 48) for value in (0x3, 0x803, 0x40, 0xC00, 1 << 63)]
    [1, 1, 0, 0, 0]
    >>> cet_ok(0x3, 0, 1, 48), cet_ok(0x4, 1, 0, 48)
    (0, 0)
    """
    if value & U_CET_RESERVED_BITS or not canonical_ok(value, linear_address_bits):
        return 0
    if value & U_CET_SHADOW_STACK_BITS and not shadow_stack:
        return 0
    if value & ~U_CET_SHADOW_STACK_BITS and not branch_tracking:
        return 0
    return 0 if (value & U_CET_TRACKER_BITS) == U_CET_TRACKER_BITS else 1


def ssp_ok(value: int, linear_address_bits: int) -> int:
    """Accept a value for IA32_PL0_SSP to IA32_PL3_SSP: canonical and a multiple of 4.

    Support for shadow stacks is asked elsewhere: without it there is no such MSR.

    >>> [ssp_ok(value, 48) for value in (0x1000, 0x1004, 0x1002, 1 << 47)]
    [1, 1, 0, 0]
    """
    return 1 if value & 0b11 == 0 and canonical_ok(value, linear_address_bits) else 0
