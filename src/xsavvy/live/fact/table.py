# SPDX-License-Identifier: Apache-2.0
"""The facts that models of XSAVE get wrong, in the order in which the project learned them.

Those that only KVM can answer keep their place, with the reason.
"""

from __future__ import annotations

from typing import Final

from xsavvy.live.fact import faulting, restoring, saving
from xsavvy.live.fact.probe import Probe, faults

__all__ = ["PROBES"]

BY_KVM: Final = "a rule of KVM, not of the processor"

PROBES: Final = (
    Probe(
        "header_checks",
        "XRSTOR refuses header bytes 8-23 in standard, 16-63 in compacted format, even for RFBM=0.",
        restoring.header_bits,
        restoring.refused_bits,
    ),
    Probe(
        "xstate_bv_63", "XSTATE_BV[63] is refused beside XCOMP_BV[63].", restoring.bit_63, faults
    ),
    Probe(
        "mxcsr",
        "MXCSR has four rules: two for loads, two for stores.",
        saving.mxcsr_cases,
        saving.mxcsr_told,
    ),
    Probe(
        "mxcsr_in_use",
        "MXCSR counts for XGETBV(1) and XSAVEC as SSE in use, not for XSAVE and XSAVEOPT.",
        saving.mxcsr_alone,
        saving.in_use_told,
    ),
    Probe(
        "unrequested_bits",
        "XSAVE keeps unrequested bits of XSTATE_BV, XSAVEC overwrites all of them.",
        saving.over_garbage,
        saving.header_told,
    ),
    Probe(
        "holes",
        "XCOMP_BV of XSAVEC is RFBM, so that initial components leave holes.",
        saving.last_only,
        saving.hole_told,
    ),
    Probe(
        "layout_of_xcomp_bv",
        "A compacted restore takes its offsets from XCOMP_BV alone.",
        restoring.compacted_last,
        restoring.first_byte_of_last,
    ),
    Probe(
        "initial_data",
        "Loading initial data leaves a component not in use.",
        restoring.zeros,
        restoring.xinuse_told,
    ),
    Probe(
        "error_pointers",
        "FOP, FIP and FDP need a pending exception to be stored (AMD); FSW.ES is recomputed.",
        saving.pointer_cases,
        saving.pointers_told,
    ),
    Probe(
        "held_pointers",
        "Pointers that are not stored are still held: unmasking the exception shows them.",
        saving.held_pointers,
        saving.held_told,
    ),
    Probe(
        "pointer_width",
        "FIP and FDP are sign-extended from the implemented width.",
        saving.wide_pointers,
        saving.wide_told,
    ),
    Probe(
        "page_faults",
        "A page fault changes nothing, comes before the check of MXCSR, and follows RFBM.",
        faulting.torn,
        faulting.torn_told,
    ),
    Probe(
        "stale",
        "The modified optimisation never leaves out MXCSR.",
        saving.unmodified,
        saving.mask_told,
    ),
    Probe("privilege", "XSAVES, XRSTORS and XSETBV are #GP at CPL 3.", faulting.privileged, faults),
    Probe("clwb", "A prefix is #UD, but 66 0F AE /6 is CLWB.", faulting.prefixed, faults),
    Probe("set_xsave", "KVM_SET_XSAVE is stricter than XRSTOR.", reason=BY_KVM),
    Probe("get_xsave", "KVM_GET_XSAVE is masked by the guest's CPUID.", reason=BY_KVM),
    Probe("set_xcrs", "KVM_SET_XCRS takes the first entry for XCR0.", reason=BY_KVM),
    Probe("xtiledata", "XTILEDATA in a guest's CPUID needs a permission.", reason=BY_KVM),
    Probe("set_fpu", "KVM_SET_FPU leaves XSTATE_BV alone.", reason=BY_KVM),
    Probe("set_cpuid2", "KVM_SET_CPUID2 never lowers XCR0.", reason=BY_KVM),
    Probe("set_xss", "Whether IA32_XSS=0 may be set depends on the kernel.", reason=BY_KVM),
    Probe("host_xcomp_bv", "A guest's fpstate names more components than a task's.", reason=BY_KVM),
    Probe(
        "pkru_size",
        "PKRU is stored as four of its component's eight bytes.",
        reason="PKRU is out of reach of a process that needs its own memory",
    ),
    Probe(
        "offsets",
        "Offsets come from CPUID: AMD's and Intel's differ.",
        saving.offsets,
        saving.offsets_told,
    ),
    Probe(
        "unnamed_component",
        "A requested component that XCOMP_BV does not name is initialised, not refused.",
        restoring.unnamed,
        restoring.unnamed_told,
    ),
)
