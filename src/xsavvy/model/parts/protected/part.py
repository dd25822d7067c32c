# SPDX-License-Identifier: Apache-2.0
"""The part itself: what it brings along, and what in it no source states."""

from xsavvy.model.part import Part

from .choices import DEFAULTS, PROTECTED_CHOICES
from .kernels import DELTAS
from .mutants import PROTECTED_MUTANTS
from .program import protected_constants, protected_program, protected_start
from .scenarios import PROTECTED_SCENARIOS

__all__ = ["PROTECTED"]

PROTECTED = Part(
    name="protected",
    summary="Protected guests: the processor or the firmware switches their registers, and KVM must not touch them.",
    source=(
        "seed 004; linux:arch/x86/kvm/svm/sev.c sev_es_prepare_switch_to_guest(); "
        "linux:arch/x86/kvm/vmx/tdx.c tdx_vcpu_run(); "
        "commits a26b7cd22546, eb4441864e03, 9b9f7962e3e8, 29da8c823abf, c0711f8c610e"
    ),
    program=protected_program,
    constants=protected_constants,
    start=protected_start,
    scenarios=PROTECTED_SCENARIOS,
    choices=PROTECTED_CHOICES,
    defaults=DEFAULTS,
    deltas=DELTAS,
    mutants=PROTECTED_MUTANTS,
    leads_to={
        "VMGEXIT with XCR0": ("kvm_emulate_xsetbv",),
        "VMGEXIT with IA32_XSS": ("set_msr_xss",),
        "KVM_RUN of another VM": ("other_vcpu",),
    },
    inferred=(
        (
            "amd_has_v_tsc_aux",
            "Every AMD platform can switch TSC_AUX with a SEV-ES guest (V_TSC_AUX).",
            "not every one that has SEV-ES does; the platforms of the model do not tell",
        ),
        (
            "td_exit_registers",
            "A TD exit leaves XMM in their initial configuration, IA32_XFD as it was.",
            (
                "linux:arch/x86/kvm/vmx/tdx.c tdx_load_host_xsave_state() puts back neither; "
                "what a TD exit does to them was not read"
            ),
        ),
        (
            "sev_es_resync_clobbers",
            "A VMSA that is written through the host's mapping without SNP holds nothing that the guest knows.",
            "commit 9b9f7962e3e8: KVM would clobber guest state",
        ),
        (
            "tsc_aux_stands_for_all",
            "TSC_AUX behaves as the other user-return MSRs that a TD exit sets: STAR, LSTAR, SYSCALL_MASK.",
            "linux:arch/x86/kvm/vmx/tdx.c tdx_uret_msrs",
        ),
    ),
)
