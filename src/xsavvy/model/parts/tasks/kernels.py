# SPDX-License-Identifier: Apache-2.0
"""What commits change in this part.

The base is v5.17. Whether XCR0 keeps PKRU on a host that was booted with nopku is a constant (`part`).
"""

from collections.abc import Callable, Mapping

from xsavvy.checker import Program, Step
from xsavvy.model.change import with_step, without_step
from xsavvy.model.delta import Delta
from xsavvy.model.switch import save_and_set_tif_on_prev
from xsavvy.model.values import BH_OFF

from .delivery import CLEARING_PATHS, XFD_UPDATE, enable_all_keys
from .eager import knows_uninitialized_tasks
from .frame import (
    check_xstate_in_sigframe,
    check_xstate_of_kernel_size,
    fault_in_kernel_size,
    set_frame_pkru_bit,
    set_frame_pkru_slot,
)
from .lifecycle import load_init, ptrace_set, ptrace_set_with_bit, reset_and_invalidate_task
from .lifecycle_events import SET_REGSET
from .sigreturn import copy_verbatim, mark_initialized
from .values import Outcome, PkruAfterKthread, PkruHome, PkruOfInit

__all__ = ["DELTAS"]

Edit = Callable[[Program], Program]
SIGNAL = "linux:arch/x86/kernel/signal.c get_sigframe(); commit 70044df250d0"
CHECK = "fpu__restore_sig.check_xstate_in_sigframe"
RESET = "begin_new_exec.fpu_reset_fpregs"
UPDATE = "copy_fpstate_to_sigframe.update_pkru_in_sigframe"


def _if_there(label: str, effect: Callable[..., object]) -> Edit:
    """Change a step that another commit brings; a kernel without that one has nothing to change."""

    def edit(program: Program) -> Program:
        labels = {f"{path.name}.{step.name}" for path in program.paths() for step in path.steps}
        return program.replaced(label, effect=effect) if label in labels else program

    return edit


def _tif_on_prev(program: Program) -> Program:
    program = program.replaced("kthread.switch_fpu", effect=save_and_set_tif_on_prev)
    return program.removed("kthread.switch_fpu_finish")


def _xfd_before_init(program: Program) -> Program:
    for path in CLEARING_PATHS:
        program = program.inserted(XFD_UPDATE, before=f"{path}.restore_fpregs_from_init_fpstate")
    return program


def _all_keys_before_xsave(program: Program) -> Program:
    enable = Step("sig_prepare_pkru", enable_all_keys, source=SIGNAL)
    update = Step("update_pkru_in_sigframe", set_frame_pkru_slot, needs=BH_OFF, source=SIGNAL)
    program = program.inserted(enable, after="setup_rt_frame.get_sigframe")
    return program.inserted(update, after="copy_fpstate_to_sigframe.xsave_to_user")


def _slow_path_after_fault(program: Program) -> Program:
    program = program.removed("xrstor_failed.is_page_fault")
    program = program.removed("xrstor_failed.fault_in_readable")
    return program.replaced_path("xrstor_failed", then="ia32_restore_sig")


def _ptrace(effect: Callable[..., object]) -> Edit:
    return lambda program: program.replaced_event(SET_REGSET, effect=effect)


def _initialized_first(program: Program) -> Program:
    source = "linux:arch/x86/kernel/fpu/signal.c of v4.19; commit 68239654acaf"
    step = Step("fpu_initialized", mark_initialized, source=source, inferred=True)
    return program.inserted(step, before="ia32_restore_sig.restore.fpregs_lock")


DELTAS: Mapping[str, Delta] = {
    "68239654acaf": Delta(
        without=_initialized_first,
        summary="ia32_restore_sig: claims the registers before the lock that covers their load",
    ),
    "5f409e20b794": Delta(
        without=knows_uninitialized_tasks,
        summary="context_switch and kernel_fpu: leave a task alone that has no registers",
    ),
    "0cecca9d03c9": Delta(
        lacks={
            "pkru_of_init": PkruOfInit.HARDWARE_INIT,
            "pkru_after_kthread": PkruAfterKthread.OWN,
        }
    ),
    "33344368cb08": Delta(
        without=with_step(RESET, load_init),
        summary="begin_new_exec: loads initial registers instead of an image for later",
    ),
    "fcb3635f5018": Delta(
        without=_slow_path_after_fault,
        summary="xrstor_failed: goes on with the slow path, by way of the fpstate",
    ),
    "484cea4f362e": Delta(
        without=with_step("ia32_restore_sig.copy_sigframe_from_user_to_xstate", copy_verbatim),
        summary="ia32_restore_sig: a standard-format frame is copied before its header is checked",
    ),
    "d8778e393afa": Delta(
        without=without_step("xrstor_failed.cpu_invalidate_fpregs_state"),
        summary="xrstor_failed: another task's claim to the clobbered registers is left",
    ),
    "510b80a6a0f1": Delta(lacks={"pkru_of_init": PkruOfInit.KERNEL_DEFAULT}),
    "correct_pkru_inconsistency": Delta(
        lacks={"pkru_after_kthread": PkruAfterKthread.KERNEL_DEFAULT}
    ),
    "954436989cc5": Delta(lacks={"pkru_from": PkruHome.XSTATE}),
    "4a804c4f8356": Delta(
        edit=_ptrace(ptrace_set_with_bit), summary="PTRACE_SETREGSET: PKRU is taken with its bit"
    ),
    "d7e5aceace51": Delta(
        edit=_ptrace(ptrace_set), summary="PTRACE_SETREGSET: PKRU becomes 0 without its bit"
    ),
    "1f69383b203e": Delta(
        edit=with_step(RESET, reset_and_invalidate_task),
        summary="begin_new_exec: the task's claim to every CPU's registers is taken back",
    ),
    "d877550eaf2d": Delta(
        edit=_if_there("xrstor_failed.fault_in_readable", fault_in_kernel_size),
        summary="xrstor_failed: faults in the kernel's size, not the frame's",
    ),
    "70044df250d0": Delta(
        edit=_all_keys_before_xsave,
        summary="setup_rt_frame: PKRU is 0 while the frame is written, and put into it afterwards",
    ),
    "ae6012d72fa6": Delta(
        edit=_if_there(UPDATE, set_frame_pkru_bit),
        summary="copy_fpstate_to_sigframe: sets PKRU's bit with its value",
    ),
    "dc8aa31a7ac2": Delta(
        edit=with_step(
            CHECK, check_xstate_of_kernel_size, to={Outcome.BAD.value: "sigreturn_failed"}
        ),
        summary="fpu__restore_sig: looks for the second magic number at the kernel's size",
    ),
    "44eeff9bc467": Delta(
        edit=with_step(CHECK, check_xstate_in_sigframe, to={}),
        summary="fpu__restore_sig: looks for it at the frame's size again",
    ),
    "730faa15a069": Delta(
        edit=_tif_on_prev, summary="kthread: TIF on prev, switch_fpu_finish removed"
    ),
    "388eff894d6b": Delta(
        edit=_xfd_before_init, summary="handle_signal, sigreturn_failed: IA32_XFD before the init"
    ),
}
