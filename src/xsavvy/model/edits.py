# SPDX-License-Identifier: Apache-2.0
"""How design choices change the order of steps: edits of the base program.

A step keeps its name wherever it goes; `label` finds it.
"""

from collections.abc import Mapping
from dataclasses import replace
from enum import IntEnum

from xsavvy.checker import Program, Step

from .constants import NmiWindow, PkruHome, PkruOrder, UserRegisters, XfeaturesHome
from .fpu import install_guest, nothing
from .history.xcr0 import stays_loaded
from .values import BH_OFF, NMI_OFF

__all__ = ["ImpossibleDesign", "apply_choices", "label"]

ON_THE_WAY_IN = ("load_guest_xcr0", "load_guest_xss")
ON_THE_WAY_OUT = ("load_host_xcr0", "load_host_xss")
LOAD_PKRU = "kvm_load_guest_pkru"
RESTORE_PKRU = "kvm_load_host_pkru"


class ImpossibleDesign(ValueError):
    """Choices that contradict each other; the message says which."""


def label(program: Program, step: str) -> str:
    """Return the full label of the one step of that name in the vCPU thread's paths."""
    vcpu = next(actor for actor in program.actors if actor.name == "vcpu")
    return next(
        f"{path.name}.{each.name}"
        for path in vcpu.paths
        for each in path.steps
        if each.name == step
    )


def apply_choices(program: Program, values: Mapping[str, IntEnum], vmx: bool) -> Program:
    """Return the program with its steps in the order that the choices ask for.

    Raises ImpossibleDesign.
    """
    if values["xfeatures_home"] == XfeaturesHome.OUTSIDE_LOOP:
        program = _xfeatures_outside_loop(program)
    if values["xfeatures_home"] == XfeaturesHome.WHILE_LOADED:
        load, restore = label(program, "load_guest_xcr0"), label(program, "load_host_xcr0")
        program = stays_loaded(program, load, restore)
    _own_buffer(program, values)
    home = values["pkru_home"]
    if home == PkruHome.OUTSIDE_LOOP:
        program = _pkru_outside_loop(program)
    if home == PkruHome.VMCS_FIELD:
        program = program.removed(label(program, LOAD_PKRU)).removed(label(program, RESTORE_PKRU))
    if home == PkruHome.WITH_XSTATE:
        program = _pkru_with_xstate(program)
    if values["pkru_order"] == PkruOrder.BEFORE_XCR0:
        program = _pkru_before_xcr0(program, values)
    already_held = not vmx and home == PkruHome.VENDOR_RUN
    if (
        values["nmi_window"] == NmiWindow.MASKED
        and home != PkruHome.VMCS_FIELD
        and not already_held
    ):
        program = _mask_nmis(program)
    return program


def _xfeatures_outside_loop(program: Program) -> Program:
    after = "vcpu_enter_guest.load_guest_xfd_err"
    for step in ON_THE_WAY_IN:
        program = program.moved(label(program, step), after=after)
        after = label(program, step)
    for step in ON_THE_WAY_OUT:
        program = program.moved(label(program, step), before="vcpu_exit_guest.sync_xfd")
    return program


def _own_buffer(program: Program, values: Mapping[str, IntEnum]) -> None:
    """Refuse thread.fpu for the VMM's registers where a pointer is swapped: the buffer is what the pointer leaves."""
    swaps = program.step("kvm_load_guest_fpu.install_guest").effect is install_guest
    if values["user_registers"] == UserRegisters.THREAD_FPU and swaps:
        raise ImpossibleDesign(
            "user_registers=thread_fpu: from v5.16 the pointer to the fpstate is swapped, which leaves the task's own "
            "where it is; choose an older kernel"
        )


def _pkru_outside_loop(program: Program) -> Program:
    enter = next(path for path in program.paths() if path.name == "vcpu_enter_guest")
    leave = next(path for path in program.paths() if path.name == "vcpu_exit_guest")
    program = program.moved(label(program, LOAD_PKRU), after=f"{enter.name}.{enter.steps[-1].name}")
    return program.moved(label(program, RESTORE_PKRU), before=f"{leave.name}.{leave.steps[0].name}")


def _pkru_with_xstate(program: Program) -> Program:
    load, restore = label(program, LOAD_PKRU), label(program, RESTORE_PKRU)
    program = program.replaced(load, needs=BH_OFF).replaced(restore, needs=BH_OFF)
    program = program.moved(load, after="kvm_load_guest_fpu.restore_incoming")
    return program.moved(restore, before="kvm_put_guest_fpu.save_outgoing")


def _pkru_before_xcr0(program: Program, values: Mapping[str, IntEnum]) -> Program:
    if int(values["pkru_home"]) != int(values["xfeatures_home"]):
        raise ImpossibleDesign(
            "pkru_order=before_xcr0: PKRU and XCR0 must be switched in the same place; "
            "set pkru_home and xfeatures_home alike"
        )
    program = program.moved(label(program, LOAD_PKRU), before=label(program, ON_THE_WAY_IN[0]))
    return program.moved(label(program, RESTORE_PKRU), after=label(program, ON_THE_WAY_OUT[-1]))


def _mask_nmis(program: Program) -> Program:
    source = "seed 002 (masking NMIs in the local APIC)"
    mask = Step("mask_nmi", nothing, enters=NMI_OFF, source=source)
    unmask = replace(mask, name="unmask_nmi", enters=0, leaves=NMI_OFF)
    program = program.inserted(mask, before=label(program, LOAD_PKRU))
    return program.inserted(unmask, after=label(program, RESTORE_PKRU))
