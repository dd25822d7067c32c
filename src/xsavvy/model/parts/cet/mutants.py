# SPDX-License-Identifier: Apache-2.0
"""Changes that must break the properties of this part, one for each."""

from xsavvy.model.change import with_step
from xsavvy.model.fpu import nothing, restore_incoming
from xsavvy.model.mutant import Mutant

from .access import finish_ssp_tab
from .border import leave_host_out
from .control import set_cr
from .emulator import far_jump

__all__ = ["MUTANTS"]

INTEL = "sapphire-rapids"


MUTANTS = (
    Mutant(
        "the swap has no component 12",
        "cet",
        INTEL,
        with_step("kvm_load_guest_fpu.restore_incoming", restore_incoming),
    ),
    Mutant(
        "HOST_S_CET is not loaded", "cet", INTEL, with_step("vmx_vcpu_run.vmexit", leave_host_out)
    ),
    Mutant(
        "the user's CET state is not put back",
        "cet",
        INTEL,
        with_step("kvm_put_guest_fpu.restore_incoming", nothing),
    ),
    Mutant(
        "U_CET is read without a reload",
        "cet-msrs",
        INTEL,
        with_step("access_u_cet.switch_fpu_return", nothing),
    ),
    Mutant(
        "INT_SSP_TAB is not written",
        "cet-supervisor",
        INTEL,
        with_step("set_msr_ssp_tab.set_msr_ssp_tab", finish_ssp_tab),
    ),
    Mutant(
        "CR4.CET is not checked", "cet-control", INTEL, with_step("kvm_set_cr.kvm_set_cr", set_cr)
    ),
    Mutant(
        "the far jump is not checked",
        "cet-emulator",
        INTEL,
        with_step("x86_emulate_instruction.far_jump", far_jump),
    ),
)
