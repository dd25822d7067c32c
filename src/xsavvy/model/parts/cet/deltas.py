# SPDX-License-Identifier: Apache-2.0
"""What commits change in this part; guests have CET from v6.18 on, INIT zeroes MPX state since v4.14."""

from collections.abc import Mapping

from xsavvy.checker import Program
from xsavvy.model.delta import Delta
from xsavvy.model.fpu import nothing
from xsavvy.model.kernels import install_user_if_in_use

from .access import OWN_SWAPS, vcpu_load
from .border import HostSCet
from .component12 import save_all_and_set_tif_on_prev
from .control import load_ssp_from_smram, save_ssp_to_smram, set_checked_cr
from .copying import copy_registers
from .emulator import check_far_jump, refuse_branches, refuse_task_switches
from .guest import mov_owned_cr4
from .intercept import pass_through
from .reset import (
    reset_any_component,
    reset_at_entry,
    reset_if_in_use,
    reset_nothing,
)

__all__ = ["DELTAS"]


def _tif_on_prev(program: Program) -> Program:
    return program.replaced("context_switch.switch_fpu", effect=save_all_and_set_tif_on_prev)


def _has(program: Program, name: str) -> bool:
    return any(path.name == name for path in program.paths())


def _hardened_puts(program: Program) -> Program:
    for path in OWN_SWAPS:
        if _has(program, path):
            program = program.replaced(f"{path}.install_user", effect=install_user_if_in_use)
    return program


def _no_load_for_mp_state(program: Program) -> Program:
    if not _has(program, "mp_load_guest_fpu"):
        return program
    program = program.replaced("kvm_get_mp_state.vcpu_load", effect=vcpu_load, to={})
    program = program.replaced("mp_state_done.done", effect=nothing, to={})
    return program.without_path("mp_load_guest_fpu").without_path("mp_put_guest_fpu")


def _no_reset(program: Program) -> Program:
    return program.replaced("kvm_vcpu_reset.kvm_xstate_reset", effect=reset_nothing)


def _reset_at_entry(program: Program) -> Program:
    return program.replaced("kvm_vcpu_reset.kvm_xstate_reset", effect=reset_at_entry)


def _reset_every_component(program: Program) -> Program:
    return program.replaced("kvm_vcpu_reset.kvm_xstate_reset", effect=reset_any_component)


def _reset_if_in_use(program: Program) -> Program:
    program = _no_load_for_mp_state(program)
    return program.replaced("kvm_vcpu_reset.kvm_xstate_reset", effect=reset_if_in_use)


def _check_cr(program: Program) -> Program:
    return program.replaced("kvm_set_cr.kvm_set_cr", effect=set_checked_cr)


def _ssp_in_smram(program: Program) -> Program:
    program = program.replaced("enter_smm.enter_smm", effect=save_ssp_to_smram)
    return program.replaced("leave_smm.leave_smm", effect=load_ssp_from_smram)


def _pass_through_on_vmx(program: Program) -> Program:
    return pass_through(program) if _has(program, "vmx_vcpu_run") else program


def _pass_through_on_svm(program: Program) -> Program:
    return program if _has(program, "vmx_vcpu_run") else pass_through(program)


def _own_cr4_cet(program: Program) -> Program:
    if not _has(program, "vmx_vcpu_run"):
        return program
    return program.replaced_event("MOV CR", effect=mov_owned_cr4)


DELTAS: Mapping[str, Delta] = {
    "a554d207dc46": Delta(without=_no_reset, summary="kvm_vcpu_reset: INIT zeroes no component"),
    "f775b13eedee": Delta(
        without=_reset_at_entry,
        summary="kvm_vcpu_reset: puts what is loaded, and the next entry loads it",
    ),
    "f958bd2314d1": Delta(
        without=_no_load_for_mp_state,
        summary="kvm_get_mp_state: the guest's registers are not swapped in",
    ),
    "69f6ed1d14c6": Delta(
        without=copy_registers,
        summary="every put of the guest's registers: copies, whether or not they were loaded",
    ),
    "730faa15a069": Delta(
        edit=_tif_on_prev, summary="context_switch: TIF on prev, with component 12"
    ),
    "c26675447faf": Delta(
        edit=_reset_every_component, summary="kvm_vcpu_reset: for MPX or CET, not for MPX alone"
    ),
    "586ef9dcbb28": Delta(edit=_check_cr, summary="kvm_set_cr: CR4.CET needs CR0.WP"),
    "1a61bd0d126a": Delta(edit=_ssp_in_smram, summary="enter_smm, leave_smm: SSP too"),
    "584ba3ffb984": Delta(sets={"cet_host": HostSCet.CONSTANT}),
    "57c3db7e2e26": Delta(
        edit=refuse_branches, summary="x86_emulate_instruction: refuses branches that CET sees"
    ),
    "82c0ec028258": Delta(
        edit=refuse_task_switches, summary="kvm_task_switch: refused while CET is on"
    ),
    "d4c03f63957c": Delta(
        edit=check_far_jump, summary="x86_emulate_instruction: a far jump looks at SSP"
    ),
    "25f3840483e6": Delta(
        edit=_pass_through_on_vmx, summary="events WRMSR U_CET, PL0_SSP, S_CET: no exit on VMX"
    ),
    "38c46bdbf998": Delta(
        edit=_pass_through_on_svm, summary="events WRMSR U_CET, PL0_SSP, S_CET: no exit on SVM"
    ),
    "d292035fb5d2": Delta(edit=_own_cr4_cet, summary="event MOV CR: CR4.CET does not exit on VMX"),
    "9bc610b6a2a7": Delta(
        edit=_hardened_puts,
        summary="every put of the guest's registers: nothing to do if not in use",
    ),
    "8819a49f9ff8": Delta(
        edit=_reset_if_in_use,
        summary="kvm_vcpu_reset: only if in use; kvm_get_mp_state: nothing is swapped in",
    ),
}
