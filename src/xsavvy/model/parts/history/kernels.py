# SPDX-License-Identifier: Apache-2.0
"""What commits change in this part, beyond what they change in the run loop."""

from collections.abc import Mapping

from xsavvy.checker import Program
from xsavvy.model.delta import Delta

from .bounds import deactivates_despite_mpx, keeps_active_for_mpx, switches_bounds
from .emulator import faults_first, loads_guest_fpu, puts_xcr0_first, touches_registers_unlocked
from .hotplug import synchronizes_xfd_state
from .images import reads_pkru_from_the_image
from .mce import (
    calls_outside_the_loop,
    entry_calls_outside_the_loop,
    sleeps_in_the_handler,
    vmx_calls_inside,
)

__all__ = ["DELTAS"]


def _loads_at_entry(program: Program) -> Program:
    return switches_bounds(loads_guest_fpu(program))


def _lazy(program: Program) -> Program:
    return keeps_active_for_mpx(faults_first(program))


DELTAS: Mapping[str, Delta] = {
    "xfd_state_in_sync": Delta(
        edit=synchronizes_xfd_state, summary="CPU bring-up: writes the cache of IA32_XFD"
    ),
    "ebd1a3365500": Delta(
        edit=calls_outside_the_loop, summary="SVM: kvm_machine_check after the loop"
    ),
    "63669bd1d50f": Delta(
        edit=entry_calls_outside_the_loop,
        summary="VMX: kvm_machine_check for a failed entry after the loop",
    ),
    "5567d11c21a1": Delta(
        without=sleeps_in_the_handler,
        summary="do_machine_check: interrupts on and memory_failure() inside the handler",
    ),
    "emulator_fpu_lock": Delta(
        without=touches_registers_unlocked,
        summary="the emulator: no lock, no reload before it touches registers",
    ),
    "vmx_mc_irqoff": Delta(
        without=vmx_calls_inside, summary="VMX: kvm_machine_check inside the run function"
    ),
    "f775b13eedee": Delta(
        without=_loads_at_entry, summary="the emulator loads the guest's FPU; KVM loads bounds"
    ),
    "38cfd5e3df9c": Delta(
        without=reads_pkru_from_the_image, summary="KVM_GET_XSAVE: PKRU from the guest's image"
    ),
    "fc5b7f3b": Delta(
        without=puts_xcr0_first, summary="the emulator's load of the guest's FPU puts XCR0 first"
    ),
    "653f52c316a4": Delta(
        without=_lazy, summary="CR0.TS: not for a guest with MPX; a #NM before the emulator"
    ),
    "mpx_eager_fpu": Delta(
        without=deactivates_despite_mpx, summary="CR0.TS: for a guest with MPX too"
    ),
}
