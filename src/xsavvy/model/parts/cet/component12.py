# SPDX-License-Identifier: Apache-2.0
"""Component 12 in the run loop's XSAVES and XRSTORS.

Each function does what the run loop's step does, and moves PL0_SSP to PL2_SSP in the same instruction. XINUSE[12] and
XSTATE_BV[12] are left out: a component that is not saved because it is initial comes back as initial, so the value
alone says all. Host tasks have no component 12 (guest-only since v6.17), so restoring one of theirs initializes it.
Source: arch/x86/include/asm/fpu/xstate.h XFEATURE_MASK_GUEST_SUPERVISOR; `model.fpu`, `model.switch`.
"""

from collections.abc import Callable, Mapping, Sequence

from xsavvy.checker import Program
from xsavvy.isa.components import CET_S
from xsavvy.model.constants import Constants
from xsavvy.model.fpu import (
    fpregs_mark_activate,
    kernel_fpu_save,
    restore_incoming,
    save_outgoing,
    switch_fpu_return,
)
from xsavvy.model.switch import save_and_set_tif_on_prev, save_prev
from xsavvy.model.values import Buffer, Task, Value
from xsavvy.model.xstate import installed_fpstate

from .machine import CetMachine

__all__ = [
    "EFFECTS",
    "carry_component_12",
    "reload_cet_s",
    "save_all_and_set_tif_on_prev",
    "save_all_outgoing",
    "save_cet_s",
]


def save_cet_s(s: CetMachine, k: Constants) -> None:
    """Save component 12 to the installed fpstate, if that has room for it."""
    buffer = installed_fpstate(s, k)
    if buffer == Buffer.GUEST and s.fp_xfeatures[buffer] & s.hw_xss[s.cpu] & CET_S:
        s.fp_cet_s = s.hw_cet_s[s.cpu]


def restore_cet_s(s: CetMachine, k: Constants) -> None:
    """Restore component 12 from the installed fpstate; one that lacks it initializes it."""
    buffer = installed_fpstate(s, k)
    if k.host_xss & s.hw_xss[s.cpu] & CET_S:
        s.hw_cet_s[s.cpu] = Value.INIT
        if s.fp_xfeatures[buffer] & CET_S:
            s.hw_cet_s[s.cpu] = s.fp_cet_s


def forget_cet_s(s: CetMachine, k: Constants) -> None:
    """Mark the guest's component 12 in memory as stale, if its fpstate is the installed one."""
    if installed_fpstate(s, k) == Buffer.GUEST:
        s.fp_cet_s = Value.ANY


def save_all_outgoing(s: CetMachine, k: Constants) -> None:
    """XSAVES the registers to the installed fpstate, component 12 too, unless memory has them."""
    if s.tif_need_fpu_load[Task.VMM] == 0:
        save_cet_s(s, k)
    save_outgoing(s, k)


def restore_all_incoming(s: CetMachine, k: Constants) -> None:
    """XRSTORS the incoming fpstate, component 12 too."""
    restore_incoming(s, k)
    restore_cet_s(s, k)


def activate_all(s: CetMachine, k: Constants) -> None:
    """Claim this CPU's registers for the current task and clear TIF_NEED_FPU_LOAD."""
    fpregs_mark_activate(s, k)
    forget_cet_s(s, k)


def reload_cet_s(s: CetMachine, k: Constants) -> None:
    """Reload the installed fpstate, component 12 too, if TIF_NEED_FPU_LOAD is set and the registers are not ours."""
    if s.tif_need_fpu_load[s.current]:
        if s.cpu_fpregs_owner[s.cpu] != s.current or s.thread_last_cpu[s.current] != s.cpu:
            restore_cet_s(s, k)
        forget_cet_s(s, k)
    switch_fpu_return(s, k)


def kernel_fpu_save_all(s: CetMachine, k: Constants) -> None:
    """Set TIF_NEED_FPU_LOAD and save the current task's registers, component 12 too."""
    if s.tif_need_fpu_load[s.current] == 0:
        save_cet_s(s, k)
    kernel_fpu_save(s, k)


def save_all_of_prev(s: CetMachine, k: Constants) -> None:
    """Save the outgoing task's registers, component 12 too, unless memory has them."""
    if s.tif_need_fpu_load[s.current] == 0:
        save_cet_s(s, k)
    save_prev(s, k)


def save_all_and_set_tif_on_prev(s: CetMachine, k: Constants) -> None:
    """Set the outgoing task's TIF_NEED_FPU_LOAD and save its registers, component 12 too."""
    if s.tif_need_fpu_load[s.current] == 0:
        save_cet_s(s, k)
    save_and_set_tif_on_prev(s, k)


EFFECTS: Mapping[str, Callable[..., object]] = {
    "save_outgoing": save_all_outgoing,
    "restore_incoming": restore_all_incoming,
    "fpregs_mark_activate": activate_all,
    "switch_fpu_return": reload_cet_s,
    "kernel_fpu_begin.save": kernel_fpu_save_all,
    "switch_fpu": save_all_of_prev,
}
"""The run loop's steps that save or restore, and what they do in this part."""


def carry_component_12(program: Program, names: Sequence[str] = ()) -> Program:
    """Return the program with component 12 in every XSAVES and XRSTORS of it, or of the paths named."""
    for path in program.paths():
        for step in path.steps:
            if step.name in EFFECTS and (not names or path.name in names):
                label = f"{path.name}.{step.name}"
                program = program.replaced(label, effect=EFFECTS[step.name])
    return program
