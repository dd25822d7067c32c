# SPDX-License-Identifier: Apache-2.0
"""When a task calls execve() or fork(), stops for its tracer, or gives its CPU to a kernel thread.

Source: execve(2), fork(2), ptrace(2).
"""

from xsavvy.checker import Event
from xsavvy.model.constants import Constants
from xsavvy.model.values import USER_MODE, Task

from .lifecycle import PTRACE_IMAGES, ptrace_set_without_pkru
from .machine import TaskMachine

__all__ = ["SET_REGSET", "lifecycle_events"]

SET_REGSET = "PTRACE_SETREGSET"
TAKEN = 1
USER = ("vmm",)


def take(s: TaskMachine, k: Constants) -> int:
    """Enter the kernel for it."""
    return TAKEN


def has_no_child(s: TaskMachine, k: Constants) -> bool:
    """There is room for one more task in the model: the other task was not started."""
    return s.task_exists == 0


def stop(s: TaskMachine, k: Constants) -> int:
    """Stop for the tracer, and let it run on this CPU."""
    s.vmm_stopped = 1
    s.next_task = Task.OTHER
    s.next_cpu = s.cpu
    return TAKEN


def is_stopped(s: TaskMachine, k: Constants) -> bool:
    """Only a stopped thread can be written or let go."""
    return s.vmm_stopped != 0


def let_go(s: TaskMachine, k: Constants) -> None:
    """Let the stopped thread go on."""
    s.vmm_stopped = 0


def lifecycle_events() -> tuple[Event, ...]:
    """Return the events of this module."""

    def tracer(name: str, effect: object, source: str, **rest: object) -> Event:
        return Event(
            name,
            "tracer",
            effect,  # type: ignore[arg-type]
            when=is_stopped,
            interrupts=("task",),
            at=("task",),
            source=source,
            **rest,  # type: ignore[arg-type]
        )

    return (
        Event(
            "execve",
            "vmm",
            take,
            interrupts=("vcpu",),
            at=USER,
            to={TAKEN: "begin_new_exec"},
            leaves=USER_MODE,
            source="linux:fs/exec.c",
        ),
        Event(
            "fork",
            "vmm",
            take,
            when=has_no_child,
            interrupts=("vcpu",),
            at=USER,
            to={TAKEN: "copy_thread"},
            leaves=USER_MODE,
            source="linux:kernel/fork.c",
        ),
        Event(
            "stop for the tracer",
            "vmm",
            stop,
            interrupts=("vcpu",),
            at=("exit_to_user",),
            moves={"switch": "context_switch"},
            to={TAKEN: "ptrace_stop"},
            source="linux:kernel/signal.c ptrace_stop()",
        ),
        tracer(
            SET_REGSET,
            ptrace_set_without_pkru,
            "linux:arch/x86/kernel/fpu/regset.c xstateregs_set()",
            choose={"xstate_bv": PTRACE_IMAGES},
        ),
        tracer("PTRACE_CONT", let_go, "linux:kernel/ptrace.c ptrace_resume()"),
        Event(
            "a kernel thread runs",
            "scheduler",
            take,
            interrupts=("vcpu",),
            at=USER,
            moves={"switch": "kthread"},
            to={TAKEN: "exit_to_user"},
            leaves=USER_MODE,
            source="linux:kernel/sched/core.c schedule()",
        ),
    )
