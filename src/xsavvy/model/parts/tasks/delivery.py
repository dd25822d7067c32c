# SPDX-License-Identifier: Apache-2.0
"""Delivery of a signal: the registers go to a frame in user memory, and the handler gets initial ones.

A signal is looked for where a task goes back to user mode. All of this may be preempted except what stands between
fpregs_lock() and fpregs_unlock(). `sigreturn` has the way back.
Source: arch/x86/kernel/signal.c handle_signal(), arch/x86/kernel/fpu/signal.c, arch/x86/kernel/fpu/core.c.
"""

from xsavvy.checker import Path, Step
from xsavvy.isa.components import SSE
from xsavvy.model.constants import Constants
from xsavvy.model.fpu import fpregs_mark_activate, nothing, switch_fpu_return
from xsavvy.model.values import BH_OFF, TILE, Fault, Task, Value
from xsavvy.model.xstate import xfd_update_state

from .frame import save_to_frame
from .machine import TaskMachine
from .pkru import write_pkru
from .values import DEFAULT_PKRU, Outcome, Pages

__all__ = [
    "CLEARING_PATHS",
    "DELIVERY_PATHS",
    "XFD_UPDATE",
    "clear_user_states",
    "enable_all_keys",
    "mark_handler",
    "reload_image",
    "restore_init",
    "update_xfd",
]

SIGNAL = "linux:arch/x86/kernel/fpu/signal.c"
CORE = "linux:arch/x86/kernel/fpu/core.c"
SAVE = f"{SIGNAL} copy_fpstate_to_sigframe()"
CLEAR = f"{CORE} fpu_clear_user_states()"

CLEARING_PATHS = ("handle_signal", "sigreturn_failed")
"""Paths that give a task initial registers."""


def reload_image(s: TaskMachine, k: Constants) -> None:
    """Reload the installed fpstate if TIF_NEED_FPU_LOAD is set; an image with reserved bits set is a #GP."""
    valid = s.cpu_fpregs_owner[s.cpu] == s.current and s.thread_last_cpu[s.current] == s.cpu
    own = s.current == Task.VMM and s.guest_fp_in_use == 0
    if own and s.fp_reserved and s.tif_need_fpu_load[Task.VMM] and not valid:
        s.fault = Fault.XRSTORS_GP
    else:
        switch_fpu_return(s, k)


# Delivery.


def note_what_was_interrupted(s: TaskMachine, k: Constants) -> None:
    """Let the ghost know what the interrupted code must find again."""
    s.ghost_frame_sse = s.ghost_vmm_sse
    s.ghost_frame_pkru = s.ghost_vmm_pkru


def xsave_to_user(s: TaskMachine, k: Constants) -> int:
    """XSAVE the registers to the frame with page faults off; a page that is away is a fault."""
    if s.uapi_frame_page != Pages.PRESENT:
        return Outcome.PAGE_FAULT
    save_to_frame(s, k)
    return Outcome.DONE


def clear_user(s: TaskMachine, k: Constants) -> None:
    """Write zeros to the frame with page faults on, so that its pages are there."""
    s.uapi_frame_page = Pages.PRESENT


def enable_all_keys(s: TaskMachine, k: Constants) -> None:
    """Write 0 to PKRU, so that the frame can be written whatever key its stack has."""
    write_pkru(s, k, Value.INIT)


def update_xfd(s: TaskMachine, k: Constants) -> None:
    """Load the task's IA32_XFD before its registers."""
    xfd_update_state(s, k, s.current)


def restore_init(s: TaskMachine, k: Constants) -> None:
    """XRSTOR the initial state to every user component, and write the kernel's default to PKRU."""
    s.hw_sse[s.cpu] = Value.INIT
    s.hw_tile[s.cpu] = Value.INIT
    s.hw_xinuse[s.cpu] &= ~(SSE | TILE)
    write_pkru(s, k, DEFAULT_PKRU)


def mark_handler(s: TaskMachine, k: Constants) -> None:
    """Claim the registers: the handler starts with these."""
    fpregs_mark_activate(s, k)
    s.vmm_handler = 1
    s.ghost_vmm_sse = Value.INIT
    s.ghost_vmm_pkru = DEFAULT_PKRU if k.host_pku else s.ghost_vmm_pkru


XFD_UPDATE = Step("xfd_update_state", update_xfd, needs=BH_OFF, source=CLEAR)
"""What commit 388eff894d6b adds to fpu_clear_user_states()."""


def clear_user_states(mark: Step) -> tuple[Step, ...]:
    """Return the steps of fpu__clear_user_states(); `mark` claims the registers."""
    return (
        Step("clear.fpregs_lock", nothing, enters=BH_OFF, source=CLEAR),
        Step(
            "restore_fpregs_from_init_fpstate",
            restore_init,
            needs=BH_OFF,
            source=f"{CORE} restore_fpregs_from_init_fpstate()",
        ),
        mark,
        Step("clear.fpregs_unlock", nothing, leaves=BH_OFF, source=CLEAR),
    )


def _deliver() -> tuple[Path, ...]:
    faulted: dict[int, str] = {Outcome.PAGE_FAULT: "sigframe_fault"}
    return (
        Path(
            "setup_rt_frame",
            (
                Step(
                    "get_sigframe",
                    note_what_was_interrupted,
                    source="linux:arch/x86/kernel/signal.c",
                ),
            ),
            then="copy_fpstate_to_sigframe",
            source="linux:arch/x86/kernel/signal_64.c x64_setup_rt_frame()",
        ),
        Path(
            "copy_fpstate_to_sigframe",
            (
                Step("fpregs_lock", nothing, enters=BH_OFF, source=SAVE),
                Step("fpregs_restore_userregs", reload_image, needs=BH_OFF, source=SAVE),
                Step("xsave_to_user", xsave_to_user, needs=BH_OFF, to=faulted, source=SAVE),
                Step("fpregs_unlock", nothing, leaves=BH_OFF, source=SAVE),
            ),
            then="handle_signal",
            source=SAVE,
        ),
        Path(
            "sigframe_fault",
            (
                Step("fpregs_unlock", nothing, leaves=BH_OFF, source=SAVE),
                Step("clear_user", clear_user, source=SAVE),
            ),
            then="copy_fpstate_to_sigframe",
            source=f"{SAVE}, label retry",
        ),
        Path(
            "handle_signal",
            clear_user_states(
                Step("fpregs_mark_activate", mark_handler, needs=BH_OFF, source=CLEAR)
            ),
            then="exit_to_user",
            source="linux:arch/x86/kernel/signal.c handle_signal()",
        ),
    )


DELIVERY_PATHS = _deliver()
