# SPDX-License-Identifier: Apache-2.0
"""Control-flow enforcement (CET) for guests, on the run loop.

Read `machine` first: which register lives where. Then `border` (the processor's switch), `component12` (the FPU's),
`access` (the ioctls), `reset` (INIT), `control` (CR0, CR4, SMIs), `emulator`.
"""

from xsavvy.model.part import Part

from .choices import CHOICES, DEFAULTS
from .deltas import DELTAS
from .mutants import MUTANTS
from .program import constants, program, start
from .scenarios import LEADS_TO, SCENARIOS

__all__ = ["CET"]

CET = Part(
    name="cet",
    summary="Shadow stacks and indirect branch tracking of a guest: registers, ioctls, INIT, SMIs, the emulator.",
    source="seed 003; linux:arch/x86/kvm/msrs.c kvm_set_msr_common(); commits 69cc3e886582, 8b59d0275c96",
    program=program,
    constants=constants,
    start=start,
    scenarios=SCENARIOS,
    choices=CHOICES,
    defaults=DEFAULTS,
    deltas=DELTAS,
    mutants=MUTANTS,
    leads_to=LEADS_TO,
    inferred=(
        (
            "INIT and the VMCB",
            "INIT leaves S_CET, SSP and INT_SSP_TAB of an SVM guest as they are",
            "arch/x86/kvm/svm/svm.c init_vmcb() writes none of them; what the APM wants was not found",
        ),
    ),
)
