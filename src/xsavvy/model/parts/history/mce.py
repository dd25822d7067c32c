# SPDX-License-Identifier: Apache-2.0
"""Machine checks: one may come whenever the guest or the VMM runs, and while the guest is entered.

KVM calls the host's handler: kvm_machine_check() tells it that user mode was interrupted. A recoverable error then ends
in memory_failure(), which takes locks and may sleep: until v5.7 inside the handler, which turns interrupts on for it,
since then as task work on the way out. A #MC in the kernel's own code is fatal or repaired by an exception table; it
touches nothing modelled.
Source: arch/x86/kvm/x86.h kvm_machine_check(), arch/x86/kernel/cpu/mce/core.c do_machine_check(); commits 5567d11c21a1,
1811d979c716, ebd1a3365500, 63669bd1d50f.
"""

from dataclasses import replace

from xsavvy.checker import Event, Path, Program, Step
from xsavvy.model.constants import Constants
from xsavvy.model.edits import label
from xsavvy.model.emulate import finish
from xsavvy.model.fpu import nothing
from xsavvy.model.guest import idle_exit, leave
from xsavvy.model.interrupts import LEAVE_USER, leave_user, preempt
from xsavvy.model.values import GUEST_MODE, IRQS_OFF, USER_MODE

from .machine import HistoryExit, HistoryMachine

__all__ = [
    "calls_outside_the_loop",
    "entry_calls_outside_the_loop",
    "sleeps_in_the_handler",
    "vmx_calls_inside",
    "with_machine_checks",
]

TAKEN = 1
CORE = "linux:arch/x86/kernel/cpu/mce/core.c"
OLD = f"{CORE} do_machine_check() (up to v5.7)"
CALL, ENTRY_CALL = "kvm_machine_check", "mce_during_vmentry"
HANDLERS = {CALL: "do_machine_check", ENTRY_CALL: "do_machine_check_at_entry"}
SLEEP = "memory_failure sleeps"
USER = "user_machine_check"


def check_came(s: HistoryMachine, k: Constants) -> int:
    """Call the host's handler if the guest was left for a #MC."""
    return TAKEN if s.vcpu_exit == HistoryExit.MACHINE_CHECK else 0


def check_came_at_entry(s: HistoryMachine, k: Constants) -> int:
    """Call the host's handler if VM entry failed by a #MC."""
    return TAKEN if s.vcpu_exit == HistoryExit.MACHINE_CHECK_AT_ENTRY else 0


def queue_task_work(s: HistoryMachine, k: Constants) -> None:
    """Leave memory_failure() to the task, on its way out of the kernel or back to its guest."""
    s.task_mce = 1


def task_work_is_due(s: HistoryMachine, k: Constants) -> int:
    """Do what was left to the task."""
    if s.task_mce:
        s.task_mce = 0
        return TAKEN
    return 0


def handle_machine_check(s: HistoryMachine, k: Constants) -> None:
    """Do nothing more: the handler has run."""
    if (
        s.vcpu_exit == HistoryExit.MACHINE_CHECK
        or s.vcpu_exit == HistoryExit.MACHINE_CHECK_AT_ENTRY
    ):
        finish(s, k)


def with_machine_checks(program: Program, vmx: bool) -> Program:
    """Add the event, the calls of the handler where v5.17 has them, and the task work."""
    program = _with_paths(program)
    call = Step(CALL, check_came, to={TAKEN: HANDLERS[CALL]}, source=_call_source(vmx))
    after = "vcpu_exit_guest.handle_exit_irqoff" if vmx else "svm_vcpu_run.stgi"
    program = _routed(program.inserted(call, after=after), CALL)
    if vmx:
        source = "linux:arch/x86/kvm/vmx/vmx.c vmx_vcpu_run(), exit reason MCE_DURING_VMENTRY"
        entry = replace(call, name=ENTRY_CALL, effect=check_came_at_entry, source=source)
        entry = replace(entry, to={TAKEN: HANDLERS[ENTRY_CALL]})
        program = program.inserted(entry, before="vmx_vcpu_run.exit_fastpath")
        program = _routed(program, ENTRY_CALL)
    return _with_events(program, vmx)


def _call_source(vmx: bool) -> str:
    if vmx:
        return "linux:arch/x86/kvm/vmx/vmx.c handle_exception_irqoff()"
    return "linux:arch/x86/kvm/svm/svm.c svm_vcpu_run(), svm_handle_mce()"


def _with_paths(program: Program) -> Program:
    handler = (Step("do_machine_check", queue_task_work, source=f"{CORE} queue_task_work()"),)
    for name in HANDLERS.values():
        path = Path(name, handler, then="vcpu_run", source=f"{CORE} do_machine_check()")
        program = program.with_path("vcpu", path)
    work = Path(
        "memory_failure",
        (Step("memory_failure", nothing, source=f"{CORE} kill_me_maybe()"),),
        then="vcpu_run.xfer_to_guest_mode_work",
        source=f"{CORE} kill_me_maybe()",
    )
    due = Step(
        "task_work_run",
        task_work_is_due,
        to={TAKEN: "memory_failure"},
        source="linux:kernel/entry/kvm.c xfer_to_guest_mode_work()",
    )
    done = Step(
        "handle_machine_check",
        handle_machine_check,
        source="linux:arch/x86/kvm/vmx/vmx.c handle_machine_check()",
    )
    program = program.with_path("vcpu", work).with_path("vcpu", _user_path())
    program = program.inserted(due, before="vcpu_run.xfer_to_guest_mode_work")
    return program.inserted(done, before="handle_exit.handle_exit")


def _user_path() -> Path:
    """Return what follows a #MC in user mode: memory_failure() on the way back, by the handler or as task work."""
    source = f"{CORE} do_machine_check(), kill_me_maybe()"
    failure = (Step("memory_failure", nothing, source=source),)
    return Path(USER, failure, then="exit_to_user", source=source)


def _with_events(program: Program, vmx: bool) -> Program:
    run = "vmx_vcpu_run" if vmx else "svm_vcpu_run"
    reasons = (
        (HistoryExit.MACHINE_CHECK, HistoryExit.MACHINE_CHECK_AT_ENTRY)
        if vmx
        else (HistoryExit.MACHINE_CHECK,)
    )
    check = Event(
        "machine check",
        "hardware",
        leave,
        when=idle_exit,
        interrupts=("vcpu",),
        at=(f"{run}.vmexit",),
        choose={"reason": reasons},
        source='sdm:"Machine-Check Architecture"; VM exits by #MC and failed VM entries',
    )
    user = Event(
        "machine check in user mode",
        "hardware",
        leave_user,
        interrupts=("vcpu",),
        at=("vmm",),
        to={LEAVE_USER: USER},
        leaves=USER_MODE,
        source='sdm:"Machine-Check Architecture"',
    )
    sleep = Event(
        SLEEP,
        "scheduler",
        preempt,
        interrupts=("vcpu",),
        masked_by=GUEST_MODE | USER_MODE,
        at=("memory_failure.memory_failure", f"{USER}.memory_failure"),
        moves={"switch": "context_switch"},
        source="linux:mm/memory-failure.c memory_failure(): lock_page()",
    )
    return program.with_event(check).with_event(user).with_event(sleep)


def _routed(program: Program, call: str) -> Program:
    """Let the handler return to the step after its call."""
    here = label(program, call)
    name = here.partition(".")[0]
    path = next(each for each in program.paths() if each.name == name)
    names = [step.name for step in path.steps]
    after = names[names.index(call) + 1]
    return program.replaced_path(HANDLERS[call], then=f"{name}.{after}")


def calls_outside_the_loop(program: Program) -> Program:
    """Apply ebd1a3365500: SVM calls the handler in handle_exit_irqoff."""
    if not label(program, CALL).startswith("svm_vcpu_run"):
        return program
    moved = program.moved(label(program, CALL), after="vcpu_exit_guest.handle_exit_irqoff")
    return _routed(moved, CALL)


def entry_calls_outside_the_loop(program: Program) -> Program:
    """Apply 63669bd1d50f: VMX calls the handler for a failed entry in handle_exit_irqoff."""
    if not any(step.name == ENTRY_CALL for path in program.paths() for step in path.steps):
        return program
    moved = program.moved(label(program, ENTRY_CALL), after=label(program, CALL))
    return _routed(_routed(moved, CALL), ENTRY_CALL)


def vmx_calls_inside(program: Program) -> Program:
    """Undo vmx_mc_irqoff: VMX calls the handler at the end of its run function."""
    if not label(program, CALL).startswith("vcpu_exit_guest"):
        return program
    moved = program.moved(label(program, CALL), before="vmx_vcpu_run.exit_fastpath")
    program = _routed(moved, CALL)
    if any(step.name == ENTRY_CALL for path in program.paths() for step in path.steps):
        program = _routed(program, ENTRY_CALL)
    return program


def sleeps_in_the_handler(program: Program) -> Program:
    """Undo 5567d11c21a1: the handler turns interrupts on and calls memory_failure() itself."""
    for name in HANDLERS.values():
        program = program.replaced(f"{name}.do_machine_check", effect=nothing, source=OLD)
        begin = Step("ist_begin_non_atomic", nothing, leaves=IRQS_OFF, source=OLD)
        failure = Step("memory_failure", nothing, source=OLD)
        end = Step("ist_end_non_atomic", nothing, enters=IRQS_OFF, source=OLD)
        after = f"{name}.do_machine_check"
        for step in (end, failure, begin):
            program = program.inserted(step, after=after)
    places = tuple(f"{name}.memory_failure" for name in HANDLERS.values())
    return program.replaced_event(SLEEP, at=(*places, f"{USER}.memory_failure"))
