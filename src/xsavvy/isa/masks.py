# SPDX-License-Identifier: Apache-2.0
"""The rules of the XSAVE family as functions from masks to masks: the one place they are written.

Plans (`xsavvy.isa.save`, `restore`, `access`) compose these functions, `xsavvy.image` applies the
plans to bytes, and the model runs the same functions on its tokens.  All of them keep to a small
dialect (ints, bit operators, comparisons, conditions), so that a checker can compile them.

Masks use bits 0 to 62.  Bit 63 is apart: `compacted` is XCOMP_BV[63], `xstate_bv_63` is
XSTATE_BV[63] as found in memory (it has no meaning and is never legal).  Truth values are 0 or 1.

Words: `rfbm` requested-feature bitmap; `xinuse` components not known to be in their initial
configuration; `xmodified` components not known to be unmodified since the last restore.  XINUSE[1]
speaks of the XMM registers alone: MXCSR joins in only where `in_use` is called.

Sources: SDM "Operation of XSAVE", "... XRSTOR", "... XSAVEOPT", "... XSAVEC", "... XSAVES",
"... XRSTORS", "Processor Tracking of XSAVE-Managed State", "MXCSR State", "Extended Feature
Disable (XFD)"; confirmed facts are listed in `xsavvy.isa.sources`.
"""

from __future__ import annotations

from typing import Final

from xsavvy.isa import registers

SSE_BIT: Final = 1 << 1
AVX_BIT: Final = 1 << 2
MXCSR_BITS: Final = SSE_BIT | AVX_BIT
EVERY_BIT: Final = (1 << 63) - 1

# --- what the registers that hold masks accept (the rules are in `registers`) -----------------

xcr0_ok = registers.xcr0_ok
xss_ok = registers.xss_ok
xfd_ok = registers.xfd_ok
xfd_err_ok = registers.xfd_err_ok

# --- what is requested ----------------------------------------------------------------------


def rfbm_user(instruction_mask: int, xcr0: int) -> int:
    """Form RFBM of XSAVE, XSAVEOPT, XSAVEC and XRSTOR: EDX:EAX and XCR0; the rest is dropped.

    >>> bin(rfbm_user(0b11110, 0b111))
    '0b110'
    """
    return instruction_mask & xcr0


def rfbm_supervisor(instruction_mask: int, xcr0: int, xss: int) -> int:
    """Form RFBM of XSAVES and XRSTORS: EDX:EAX and (XCR0 or IA32_XSS).

    >>> hex(rfbm_supervisor(0xFFFF, 0x7, 0x1800))
    '0x1807'
    """
    return instruction_mask & (xcr0 | xss)


# --- what is in use -------------------------------------------------------------------------


def in_use(xinuse: int, mxcsr_initial: int) -> int:
    """Add MXCSR to XINUSE: bit 1 is set also when MXCSR is not 1F80H.

    XGETBV(1), XSAVEC and XSAVES see this; XSAVE and XSAVEOPT see the XMM registers alone.

    >>> in_use(0b100, 0), in_use(0b100, 1)
    (6, 4)
    """
    return xinuse if mxcsr_initial else xinuse | SSE_BIT


def xgetbv1(xcr0: int, xinuse: int, xfd: int, mxcsr_initial: int) -> int:
    """Read the in-use bitmap with XGETBV, ECX=1.

    That a component disabled by XFD reads as 0 is inferred from what saves do.

    >>> xgetbv1(0b111, 0b1001, 0, 0), xgetbv1(0b111, 0b1001, 1, 1)
    (3, 0)
    """
    return xcr0 & in_use(xinuse, mxcsr_initial) & ~xfd


def xinuse_ok(xinuse: int, initial: int, features: int) -> int:
    """Accept an XINUSE: it may be 1 in the initial configuration, never 0 outside of it.

    `initial` holds the components whose value is the initial one.

    >>> xinuse_ok(0b11, 0b10, 0b11), xinuse_ok(0b10, 0b10, 0b11)
    (1, 0)
    """
    return 1 if (features & ~initial & ~xinuse) == 0 else 0


def xinuse_after_xrstor(xinuse: int, loads: int, inits: int) -> int:
    """Track XINUSE through a restore: loaded is in use, initialised is not.

    The manual lets a processor also find that loaded data is the initial configuration:
    `xinuse_after_xrstor_by_value`.

    >>> xinuse_after_xrstor(0b1100, 0b0001, 0b0100)
    9
    """
    return (xinuse | loads) & ~inits


def xinuse_after_xrstor_by_value(xinuse: int, loads: int, inits: int, initial: int) -> int:
    """Track XINUSE through a restore as Zen 4 does: loading initial data also clears the bit.

    `initial` holds the loaded components whose data is the initial configuration.

    >>> xinuse_after_xrstor_by_value(0, 0b11, 0, 0b10)
    1
    """
    return (xinuse | loads) & ~inits & ~(loads & initial)


# --- what was modified ----------------------------------------------------------------------


def xmodified_after_restore(rfbm: int) -> int:
    """Track XMODIFIED through a restore: the requested components become unmodified.

    The restore replaces what an earlier one had recorded; all other components count as modified.

    >>> xmodified_after_restore(0b11) & 0b111
    4
    """
    return EVERY_BIT & ~rfbm


def xmodified_seen(
    xmodified: int, same_address: int, same_cpl: int, same_vmx_mode: int, same_layout: int
) -> int:
    """Give XMODIFIED as a save may use it: everything, unless it matches the last restore.

    To match: same linear address, same CPL, both or neither in VMX non-root operation, and the
    XCOMP_BV that was restored from is the one that the save writes (XSAVEOPT: 0).  Even then a
    processor *may* skip an unmodified component and need not: any set between `xsaveopt_writes`
    with this value and with all bits is correct.

    >>> xmodified_seen(0b100, 1, 1, 1, 1), xmodified_seen(0b100, 1, 1, 0, 1) == EVERY_BIT
    (4, True)
    """
    matches = same_address and same_cpl and same_vmx_mode and same_layout
    return xmodified if matches else EVERY_BIT


# --- saving ---------------------------------------------------------------------------------


def xsave_bv(old_bv: int, rfbm: int, xinuse: int, xfd: int) -> int:
    """Give XSTATE_BV as XSAVE and XSAVEOPT write it: unrequested bits keep what memory had.

    XINUSE[1] here is that of the XMM registers, whatever MXCSR holds.  A component that XFD
    disables counts as not in use.

    >>> bin(xsave_bv(0b11000, 0b0111, 0b0101, 0b0001))
    '0b11100'
    """
    return (old_bv & ~rfbm) | (rfbm & xinuse & ~xfd)


def xsavec_bv(rfbm: int, xinuse: int, xfd: int) -> int:
    """Give XSTATE_BV as XSAVEC and XSAVES write it: all 63 bits are overwritten.

    `xinuse` includes MXCSR (`in_use`).

    >>> bin(xsavec_bv(0b110, 0b011, 0))
    '0b10'
    """
    return rfbm & xinuse & ~xfd


def xsavec_xcomp_bv(rfbm: int) -> int:
    """Give XCOMP_BV of XSAVEC and XSAVES: RFBM, not XINUSE; bit 63 is set beside it.

    The layout so has holes for components in their initial configuration or disabled by XFD.

    >>> xsavec_xcomp_bv(0b111)
    7
    """
    return rfbm


def xsave_writes(rfbm: int) -> int:
    """List components whose bytes XSAVE writes: all that are requested.

    >>> xsave_writes(0b111)
    7
    """
    return rfbm


def xsave_writes_initial(rfbm: int, xinuse: int, xfd: int) -> int:
    """List components for which XSAVE writes the initial configuration, not the register.

    Those not in use (which hold nothing else) and those that XFD disables.

    >>> bin(xsave_writes_initial(0b111, 0b011, 0b001))
    '0b101'
    """
    return rfbm & (~xinuse | xfd)


def xsaveopt_writes(rfbm: int, xinuse: int, xfd: int, xmodified: int) -> int:
    """List components whose bytes XSAVEOPT writes at least: in use and modified.

    With every bit set in `xmodified` it is the most that it may write.

    >>> bin(xsaveopt_writes(0b111, 0b110, 0, 0b010))
    '0b10'
    """
    return rfbm & xinuse & ~xfd & xmodified


def xsavec_writes(rfbm: int, xinuse: int, xfd: int) -> int:
    """List components whose bytes XSAVEC writes: those in use (`xinuse` includes MXCSR).

    >>> bin(xsavec_writes(0b111, 0b110, 0b100))
    '0b10'
    """
    return rfbm & xinuse & ~xfd


def mxcsr_forces_sse(rfbm: int, mxcsr_initial: int) -> int:
    """Give the SSE bit when MXCSR alone makes XSAVEC and XSAVES write the SSE component.

    While MXCSR is not 1F80H neither optimisation applies to a requested SSE component.

    >>> mxcsr_forces_sse(0b111, 0), mxcsr_forces_sse(0b101, 0), mxcsr_forces_sse(0b111, 1)
    (2, 0, 0)
    """
    return 0 if mxcsr_initial else rfbm & SSE_BIT


def xsaves_writes(rfbm: int, xinuse: int, xfd: int, xmodified: int) -> int:
    """List components whose bytes XSAVES writes at least: in use and modified.

    With every bit set in `xmodified` it is the most that it may write.  `mxcsr_forces_sse` comes
    on top.

    >>> bin(xsaves_writes(0b111, 0b110, 0, 0b100))
    '0b100'
    """
    return rfbm & xinuse & ~xfd & xmodified


# --- MXCSR: four rules ----------------------------------------------------------------------


def xsave_writes_mxcsr(rfbm: int) -> int:
    """Tell whether XSAVE or XSAVEOPT writes MXCSR and MXCSR_MASK: RFBM[1] or RFBM[2].

    RFBM[2] alone is enough; init and modified optimisation do not apply.

    >>> xsave_writes_mxcsr(0b100), xsave_writes_mxcsr(0b001)
    (1, 0)
    """
    return 1 if rfbm & MXCSR_BITS else 0


def xsavec_writes_mxcsr(writes: int) -> int:
    """Tell whether XSAVEC or XSAVES writes MXCSR and MXCSR_MASK: only with the XMM registers.

    >>> xsavec_writes_mxcsr(0b010), xsavec_writes_mxcsr(0b100)
    (1, 0)
    """
    return 1 if writes & SSE_BIT else 0


def standard_loads_mxcsr(rfbm: int) -> int:
    """Tell whether a restore from the standard format loads (and checks) MXCSR.

    RFBM[1] or RFBM[2]; XSTATE_BV has no say.

    >>> standard_loads_mxcsr(0b100), standard_loads_mxcsr(0b001)
    (1, 0)
    """
    return 1 if rfbm & MXCSR_BITS else 0


def compacted_loads_mxcsr(rfbm: int, xstate_bv: int) -> int:
    """Tell whether a restore from the compacted format loads (and checks) MXCSR.

    >>> compacted_loads_mxcsr(0b010, 0b010), compacted_loads_mxcsr(0b110, 0b100)
    (1, 0)
    """
    return 1 if rfbm & xstate_bv & SSE_BIT else 0


def compacted_inits_mxcsr(rfbm: int, xstate_bv: int) -> int:
    """Tell whether a restore from the compacted format sets MXCSR to 1F80H, unread.

    >>> compacted_inits_mxcsr(0b010, 0b100), compacted_inits_mxcsr(0b100, 0)
    (1, 0)
    """
    return 1 if rfbm & ~xstate_bv & SSE_BIT else 0


def mxcsr_ok(value: int, mxcsr_mask: int) -> int:
    """Accept a value for MXCSR: no bit outside of MXCSR_MASK (AMD has bit 17 in it).

    >>> mxcsr_ok(0x21F80, 0xFFFF), mxcsr_ok(0x21F80, 0x2FFFF)
    (0, 1)
    """
    return 1 if (value & ~mxcsr_mask) == 0 else 0


# --- restoring ------------------------------------------------------------------------------


def standard_header_ok(
    xstate_bv: int, xstate_bv_63: int, xcomp_bv: int, bytes_16_23_zero: int, xcr0: int
) -> int:
    """Accept a header of the standard format (XCOMP_BV[63]=0): else #GP, whatever RFBM is.

    XSTATE_BV within XCR0; bytes 8 to 23 zero.  Bytes 24 to 63 are not looked at.

    >>> standard_header_ok(0b11, 0, 0, 1, 0b111), standard_header_ok(0b11, 0, 0b1, 1, 0b111)
    (1, 0)
    """
    if xstate_bv & ~xcr0 or xstate_bv_63:
        return 0
    if xcomp_bv or not bytes_16_23_zero:
        return 0
    return 1


def compacted_header_ok(
    xstate_bv: int, xstate_bv_63: int, xcomp_bv: int, bytes_16_63_zero: int, features: int
) -> int:
    """Accept a header of the compacted format (XCOMP_BV[63]=1): else #GP, whatever RFBM is.

    XCOMP_BV within `features` (XCR0; for XRSTORS also IA32_XSS); XSTATE_BV within XCOMP_BV, its
    bit 63 clear; bytes 16 to 63 zero.

    >>> compacted_header_ok(0b11, 0, 0b111, 1, 0b111), compacted_header_ok(0b100, 0, 0b11, 1, 0b111)
    (1, 0)
    """
    if xcomp_bv & ~features or xstate_bv & ~xcomp_bv or xstate_bv_63:
        return 0
    return 1 if bytes_16_63_zero else 0


def xrstor_loads(rfbm: int, xstate_bv: int) -> int:
    """List components that a restore loads from memory.

    >>> bin(xrstor_loads(0b110, 0b011))
    '0b10'
    """
    return rfbm & xstate_bv


def xrstor_inits(rfbm: int, xstate_bv: int) -> int:
    """List components that a restore sets to their initial configuration.

    Also a component that XCOMP_BV does not name: that is no fault.

    >>> bin(xrstor_inits(0b110, 0b011))
    '0b100'
    """
    return rfbm & ~xstate_bv


def xrstor_xfd_blocks(rfbm: int, xstate_bv: int, xfd: int) -> int:
    """List components for which a restore faults with #NM because XFD disables them.

    Non-zero: the instruction changes nothing and the value is what XFD_ERR gets.  A component
    that would be initialised does not fault.

    >>> xrstor_xfd_blocks(1 << 18 | 1, 1 << 18, 1 << 18) == 1 << 18, xrstor_xfd_blocks(3, 1, 2)
    (True, 0)
    """
    return rfbm & xstate_bv & xfd


def xfd_blocks(needed: int, xcr0: int, xfd: int) -> int:
    """List components for which any other instruction faults with #NM because of XFD.

    `needed` are the components that the instruction needs; without XCR0[i] it is #UD instead.
    XFD_ERR gets the value.

    >>> xfd_blocks(0b100, 0b111, 0b100), xfd_blocks(0b100, 0b011, 0b100)
    (4, 0)
    """
    return needed & xfd if (needed & ~xcr0) == 0 else 0
