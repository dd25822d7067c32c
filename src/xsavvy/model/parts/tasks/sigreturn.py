# SPDX-License-Identifier: Apache-2.0
"""The return of a signal handler: the registers come back from the frame.

From a 64-bit frame straight from user memory, with page faults off and a second try after one; from a 32-bit frame by
way of the fpstate, which is the truth meanwhile.
Source: arch/x86/kernel/fpu/signal.c fpu__restore_sig(), restore_fpregs_from_user().
"""

from xsavvy.checker import Path, Step
from xsavvy.isa.components import PKRU, SSE
from xsavvy.model.constants import Constants
from xsavvy.model.fpu import fpregs_mark_activate, nothing
from xsavvy.model.values import BH_OFF, Buffer, Task, Value
from xsavvy.model.xstate import xfd_update_state, xrstors, xsaves

from .delivery import clear_user_states, mark_handler, update_xfd
from .frame import check_xstate_in_sigframe, fault_in_frame_size, load_from_frame
from .machine import TaskMachine
from .pkru import xrstor_pkru
from .values import NO_CPU, Outcome, Pages

__all__ = ["SIGRETURN_PATHS", "copy_verbatim", "mark_initialized", "restore_image"]

SIGNAL = "linux:arch/x86/kernel/fpu/signal.c"
CLEAR = "linux:arch/x86/kernel/fpu/core.c fpu__clear_user_states()"
RESTORE = f"{SIGNAL} restore_fpregs_from_user()"
COMPAT = f"{SIGNAL} __fpu_restore_sig()"


def mark_cleared(s: TaskMachine, k: Constants) -> None:
    """Claim the registers: a sigreturn() that failed leaves initial ones."""
    mark_handler(s, k)
    s.vmm_dropped = 0
    s.vmm_returning = 0
    s.sig_faulted_in = 0
    s.sig_fx_only = 0


# Return, from a 64-bit frame.


def xrstor_from_user(s: TaskMachine, k: Constants) -> int:
    """XRSTOR the registers from the frame with page faults off."""
    return load_from_frame(s, k)


def invalidate_cpu(s: TaskMachine, k: Constants) -> None:
    """Take this CPU's registers from whoever owned them, if that may be another task: they are clobbered."""
    if s.tif_need_fpu_load[s.current]:
        s.cpu_fpregs_owner[s.cpu] = Task.NOBODY


def is_page_fault(s: TaskMachine, k: Constants) -> int:
    """Try again after a page fault, give up after any other."""
    return Outcome.BAD if s.uapi_frame_bad and s.uapi_frame_page == Pages.PRESENT else Outcome.DONE


def mark_returned(s: TaskMachine, k: Constants) -> None:
    """Claim the registers: the interrupted code goes on with these."""
    fpregs_mark_activate(s, k)
    s.vmm_handler = 0
    s.vmm_returning = 0
    s.sig_faulted_in = 0
    s.sig_fx_only = 0
    s.ghost_vmm_sse = s.ghost_frame_sse
    s.ghost_vmm_pkru = s.ghost_frame_pkru


def _return() -> tuple[Path, ...]:
    clobbered: dict[int, str] = {Outcome.PAGE_FAULT: "xrstor_failed", Outcome.BAD: "xrstor_failed"}
    failed: dict[int, str] = {Outcome.BAD: "sigreturn_failed"}
    return (
        Path(
            "fpu__restore_sig",
            (Step("check_xstate_in_sigframe", check_xstate_in_sigframe, source=SIGNAL),),
            then="restore_fpregs_from_user",
            source=f"{SIGNAL} fpu__restore_sig()",
        ),
        Path(
            "restore_fpregs_from_user",
            (
                Step("fpregs_lock", nothing, enters=BH_OFF, source=RESTORE),
                Step("xfd_update_state", update_xfd, needs=BH_OFF, source=RESTORE),
                Step(
                    "xrstor_from_user", xrstor_from_user, needs=BH_OFF, to=clobbered, source=RESTORE
                ),
                Step("fpregs_mark_activate", mark_returned, needs=BH_OFF, source=RESTORE),
                Step("fpregs_unlock", nothing, leaves=BH_OFF, source=RESTORE),
            ),
            then="exit_to_user",
            source=RESTORE,
        ),
        Path(
            "xrstor_failed",
            (
                Step("cpu_invalidate_fpregs_state", invalidate_cpu, needs=BH_OFF, source=RESTORE),
                Step("fpregs_unlock", nothing, leaves=BH_OFF, source=RESTORE),
                Step("is_page_fault", is_page_fault, to=failed, source=RESTORE),
                Step("fault_in_readable", fault_in_frame_size, to=failed, source=RESTORE),
            ),
            then="restore_fpregs_from_user",
            source=f"{RESTORE}, label retry",
        ),
        Path(
            "sigreturn_failed",
            clear_user_states(
                Step("fpregs_mark_activate", mark_cleared, needs=BH_OFF, source=CLEAR)
            ),
            then="setup_rt_frame",
            source=f"{SIGNAL} fpu__restore_sig(), label out; then SIGSEGV",
        ),
    )


# Return, from a 32-bit frame: through the fpstate.


def save_and_invalidate(s: TaskMachine, k: Constants) -> None:
    """Make memory the truth: save the registers if they are still that, and let nobody trust them."""
    if s.tif_need_fpu_load[Task.VMM] == 0:
        xsaves(s, k, Buffer.VMM)
        s.tif_need_fpu_load[Task.VMM] = 1
    s.thread_last_cpu[Task.VMM] = NO_CPU
    s.cpu_fpregs_owner[s.cpu] = Task.NOBODY


def copy_sigframe(s: TaskMachine, k: Constants) -> int:
    """Check the frame's header, then copy its components to the fpstate."""
    if s.uapi_frame_bad or s.uapi_frame_page == Pages.UNMAPPED:
        return Outcome.BAD
    s.uapi_frame_page = Pages.PRESENT
    s.fp_xstate_bv[Buffer.VMM] = s.uapi_frame_bv & SSE
    s.fp_sse[Buffer.VMM] = s.uapi_frame_sse
    s.fp_task_pkru_bv[Task.VMM] = 1 if s.uapi_frame_bv & PKRU else 0
    s.fp_task_pkru[Task.VMM] = s.uapi_frame_pkru
    s.sig_image_waits = 1
    return Outcome.DONE


def copy_verbatim(s: TaskMachine, k: Constants) -> int:
    """Copy the frame to the fpstate, header and all, then check: the standard format before commit 484cea4f362e."""
    if k.compacted == 0 and s.uapi_frame_page != Pages.UNMAPPED:
        s.fp_reserved = s.uapi_frame_bad
    return copy_sigframe(s, k)


def mark_initialized(s: TaskMachine, k: Constants) -> None:
    """Set fpu->initialized: from now on a context switch saves the registers, which are not yet loaded.

    Since v5.2 a cleared TIF_NEED_FPU_LOAD means the same.
    """
    if s.vmm_dropped:
        s.vmm_dropped = 0
    else:
        s.tif_need_fpu_load[Task.VMM] = 0


def restore_image(s: TaskMachine, k: Constants) -> None:
    """XRSTORS the fpstate, PKRU included; its header was checked, so that this does not fault."""
    xfd_update_state(s, k, Buffer.VMM)
    xrstors(s, k, Buffer.VMM)
    xrstor_pkru(s, k, PKRU if s.fp_task_pkru_bv[Task.VMM] else 0, s.fp_task_pkru[Task.VMM])


def forget_pkru_slot(s: TaskMachine, k: Constants) -> None:
    """Claim the registers, and forget the slot that nothing reads any more."""
    mark_returned(s, k)
    s.sig_image_waits = 0
    s.fp_task_pkru_bv[Task.VMM] = 0
    s.fp_task_pkru[Task.VMM] = Value.INIT


def _compat_return() -> tuple[Path, ...]:
    bad: dict[int, str] = {Outcome.BAD: "sigreturn_failed"}
    return (
        Path(
            "ia32_restore_sig",
            (
                Step("fpregs_lock", nothing, enters=BH_OFF, source=COMPAT),
                Step("invalidate_fpregs_state", save_and_invalidate, needs=BH_OFF, source=COMPAT),
                Step("fpregs_unlock", nothing, leaves=BH_OFF, source=COMPAT),
                Step("copy_sigframe_from_user_to_xstate", copy_sigframe, to=bad, source=COMPAT),
                Step("restore.fpregs_lock", nothing, enters=BH_OFF, source=COMPAT),
                Step("os_xrstor_safe", restore_image, needs=BH_OFF, source=COMPAT),
                Step("fpregs_mark_activate", forget_pkru_slot, needs=BH_OFF, source=COMPAT),
                Step("restore.fpregs_unlock", nothing, leaves=BH_OFF, source=COMPAT),
            ),
            then="exit_to_user",
            source=COMPAT,
        ),
    )


SIGRETURN_PATHS = (*_return(), *_compat_return())
