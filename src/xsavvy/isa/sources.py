# SPDX-License-Identifier: Apache-2.0
"""Where each rule of this room comes from, and how sure it is.

`RULES` is what `xsavvy list` prints.  *documented*: a manual says so; *confirmed*: a processor or
an emulator that is right elsewhere was asked and agreed; *inferred*: neither, a guess with a
reason.  A rule that is not listed is documented by the section that its function names.
"""

from __future__ import annotations

import enum
from typing import Final, NamedTuple


class Status(enum.Enum):
    """How sure a rule is."""

    DOCUMENTED = "documented"
    CONFIRMED = "confirmed"
    INFERRED = "inferred"


class Rule(NamedTuple):
    """A rule of the processor: what it says and who says so."""

    name: str
    summary: str
    source: str
    status: Status


ZEN4: Final = "AMD Zen 4 (family 25 model 17), user mode"
BOCHS: Final = "Bochs 2.7 Tiger Lake"
BOCHS_HEAD: Final = "Bochs (2026), Sapphire Rapids"
_D, _C, _I = Status.DOCUMENTED, Status.CONFIRMED, Status.INFERRED

# fmt: off
RULES: Final[tuple[Rule, ...]] = (
    Rule("standard_header", "a standard header faults for XSTATE_BV outside XCR0 and for bytes 8 "
         "to 23; bytes 24 to 63 are ignored; RFBM has no say", ZEN4, _C),
    Rule("compacted_header", "a compacted header faults for XCOMP_BV outside the enabled features, "
         "XSTATE_BV outside XCOMP_BV, and bytes 16 to 63; RFBM has no say", ZEN4, _C),
    Rule("xstate_bv_63", "XSTATE_BV[63] faults even with XCOMP_BV[63]=1", ZEN4, _C),
    Rule("no_xsavec_no_compacted", "without XSAVEC, XCOMP_BV[63]=1 is one more reserved bit",
         "SDM XRSTOR", _D),
    Rule("mxcsr_store_standard", "XSAVE and XSAVEOPT write MXCSR iff RFBM[1] or RFBM[2]", ZEN4, _C),
    Rule("mxcsr_store_compacted", "XSAVEC writes MXCSR only with the XMM registers", ZEN4, _C),
    Rule("mxcsr_load_standard", "a standard restore loads and checks MXCSR iff RFBM[1] or RFBM[2], "
         "whatever XSTATE_BV", ZEN4, _C),
    Rule("mxcsr_load_compacted", "a compacted restore loads and checks MXCSR iff RFBM[1] and "
         "XSTATE_BV[1]; with XSTATE_BV[1]=0 it becomes 1F80H unread", ZEN4, _C),
    Rule("mxcsr_in_use", "MXCSR other than 1F80H sets bit 1 in XGETBV(1) and XSAVEC's XSTATE_BV, "
         "not in XSAVE's and XSAVEOPT's", ZEN4, _C),
    Rule("mxcsr_xsaves_modified", "while MXCSR is not 1F80H the modified optimisation does not "
         "apply to the SSE component of XSAVES", "SDM XSAVES", _D),
    Rule("xsave_keeps_bits", "XSAVE and XSAVEOPT keep XSTATE_BV bits of memory outside RFBM, "
         "bit 63 too; XSAVEC overwrites all 64", ZEN4, _C),
    Rule("xcomp_bv_is_rfbm", "XSAVEC's XCOMP_BV is RFBM: the layout has holes", ZEN4, _C),
    Rule("layout_by_xcomp_bv", "a compacted restore takes offsets from XCOMP_BV alone", ZEN4, _C),
    Rule("init_without_xcomp_bv", "RFBM[i]=1 with XCOMP_BV[i]=0 initialises component i", ZEN4, _C),
    Rule("xinuse_by_value", "loading a component's initial configuration clears XINUSE (AMD); "
         "the manual has it set", ZEN4, _C),
    Rule("xinuse_noise", "an interrupt may turn XINUSE of an initial component from 0 to 1", ZEN4,
         _C),
    Rule("xinuse_instructions", "zeros from memory set XINUSE, zeroing idioms do not, VZEROUPPER "
         "clears bits 2 and 6; no instruction but save and restore is modelled", ZEN4, _C),
    Rule("x87_pointers_zero", "AMD with XSAVEERPTR writes FOP, FIP, FDP as 0 unless FSW.ES=1, and "
         "holds them all the same", ZEN4, _C),
    Rule("x87_pointers_initial", "AMD: error pointers alone leave XINUSE[0]=0", ZEN4, _C),
    Rule("x87_pointers_untouched", "AMD without XSAVEERPTR neither writes nor loads FOP, FIP, FDP "
         "unless FSW.ES=1", "APM XSAVE; linux X86_BUG_FXSAVE_LEAK", _D),
    Rule("x87_pointers_init_old_amd", "initialising x87 clears the pointers also without "
         "XSAVEERPTR", "no source; as on parts with it", _I),
    Rule("x87_load", "FSW.ES and B are recomputed, FCW bit 6 is forced, FOP has 11 bits, padding "
         "is dropped", ZEN4, _C),
    Rule("x87_sign_extension", "FIP and FDP are sign-extended from the implemented width (57 where "
         "CPUID of a guest says 48), never refused", ZEN4, _C),
    Rule("x87_selectors", "the 32-bit form holds FCS and FDS; loading the 64-bit form clears "
         "them", ZEN4, _C),
    Rule("x87_intel_pointers_initial", "Intel: error pointers alone set XINUSE[0]",
         "SDM x87 State, read as including them", _I),
    Rule("mxcsr_bit_17", "MXCSR bit 17 is legal where MXCSR_MASK has it (AMD)", ZEN4, _C),
    Rule("extent_by_rfbm", "memory is needed up to the last component of RFBM, in use or not; a "
         "compacted restore needs only what it loads", ZEN4, _C),
    Rule("page_fault_first", "a page fault leaves memory and registers alone; CR2 is the first "
         "byte of the area if that is inaccessible, else a restore's header, else the last byte",
         ZEN4, _C),
    Rule("page_fault_supervisor", "XSAVES and XRSTORS need the same memory as XSAVEC and XRSTOR",
         BOCHS_HEAD + ": probes the last byte", _I),
    Rule("restore_order", "alignment, page of the header, header, rest of the pages, MXCSR", ZEN4,
         _C),
    Rule("entry_order", "OSXSAVE before CR0.TS before privilege before alignment",
         "SDM Priority Among Simultaneous Exceptions and Interrupts; " + BOCHS, _C),
    Rule("exit_order", "an exit comes after #UD, CR0.TS and #GP for privilege, and before alignment",
         "SDM Relative Priority of Faults and VM Exits, read together with entry_order", _I),
    Rule("xsaves_privilege", "XSAVES at CPL 3 is #GP(0)", ZEN4 + "; " + BOCHS, _C),
    Rule("xfd_order", "#NM for XFD comes after the header check and before the rest",
         "no source; XSTATE_BV must have been accepted", _I),
    Rule("xfd_save", "saves treat a component that XFD disables as not in use; XSAVE writes its "
         "initial bytes", "SDM Extended Feature Disable; commit b45f721775947", _D),
    Rule("xfd_restore", "loading a component that XFD disables is #NM with XFD_ERR; initialising "
         "it is not", "SDM Extended Feature Disable", _D),
    Rule("xfd_xgetbv", "XGETBV(1) reads 0 for a component that XFD disables",
         "no source; as saves do", _I),
    Rule("supervisor_values", "XRSTORS refuses the values of CET registers that WRMSR refuses; "
         "values of other supervisor components are not judged", BOCHS_HEAD, _C),
    Rule("supervisor_values_order", "they are refused after #PF and MXCSR", "no source", _I),
    Rule("canonical_width", "CET addresses are checked by the implemented width", BOCHS_HEAD, _C),
    Rule("pkru_four_bytes", "a save writes 4 of PKRU's 8 bytes, a restore reads 4",
         BOCHS_HEAD + ": notes it from hardware; Bochs 2.7 writes 8", _I),
    Rule("initial_hdc_hwp", "HDC and HWP are initial at the reset values of their MSRs",
         "SDM HDC State, HWP State; not verified", _I),
    Rule("clwb", "66 0F AE /6 is CLWB; every other prefix of the family is #UD", ZEN4, _C),
    Rule("modified_optimisation", "a save to the area last restored may skip unmodified "
         "components, never MXCSR of XSAVEOPT", ZEN4, _C),
    Rule("xss_amd", "AMD's IA32_XSS has the CET bits only; XSAVES cannot be intercepted",
         "APM; linux arch/x86/kvm/svm", _D),
    Rule("xcr0_combinations", "XCR0: bit 0; AVX needs SSE; AVX-512, MPX and AMX whole", BOCHS
         + "; QEMU; KVM", _C),
    Rule("msr_existence", "IA32_XSS exists with XSAVES, IA32_U_CET and IA32_S_CET with either half "
         "of CET, the shadow stack pointers with shadow stacks; else #GP", "SDM Model-Specific "
         "Registers; " + BOCHS, _C),
    Rule("cet_write_protect", "CR4.CET=1 needs CR0.WP=1, and CR0.WP is not cleared while it is 1",
         BOCHS, _C),
    Rule("alignment_check", "with RFLAGS.AC=1 a misaligned operand is still #GP; the manual allows "
         "#AC", ZEN4, _C),
)
# fmt: on


def inferred() -> tuple[Rule, ...]:
    """List the rules that are guesses.

    >>> "xfd_xgetbv" in {rule.name for rule in inferred()}
    True
    """
    return tuple(rule for rule in RULES if rule.status is Status.INFERRED)
