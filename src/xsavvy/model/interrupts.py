# SPDX-License-Identifier: Apache-2.0
"""What comes in between two steps: an NMI, a softirq that uses the FPU, the scheduler, a signal.

Each is let in wherever the interrupted place's context does not mask it; nothing here is aimed at a place, except
that a task interrupted in user mode comes back through the exit path.
Source: arch/x86/kernel/nmi.c, arch/x86/kernel/fpu/core.c irq_fpu_usable(); for the contexts, the function of
each step.
"""

from xsavvy.checker import REST, Event, Path, Step

from .constants import Constants
from .fpu import nothing
from .machine import Machine
from .values import BH_OFF, GUEST_MODE, IRQS_OFF, NMI_OFF, PREEMPT_OFF, USER_MODE, Exit, Task

__all__ = ["PERF_NMI", "interrupt_events"]

LEAVE_USER = 1

PERF_NMI = Path(
    "perf_nmi",
    (
        Step(
            "copy_from_user_nmi",
            nothing,
            source="linux:arch/x86/events/core.c perf_callchain_user()",
        ),
    ),
    then=REST,
    source="linux:arch/x86/kernel/nmi.c exc_nmi()",
)
"""An NMI handler that walks the current task's user stack: it reads user memory through the page tables."""

ATOMIC = PREEMPT_OFF | BH_OFF | IRQS_OFF | NMI_OFF | GUEST_MODE
NO_INTERRUPT = IRQS_OFF | GUEST_MODE


def interrupt_exit(s: Machine, k: Constants) -> bool:
    """VMX runs the host's handler of the interrupt that caused the exit before it enables interrupts."""
    return s.vcpu_exit == Exit.INTERRUPT


def leave_user(s: Machine, k: Constants) -> int:
    """Send the interrupted task through the exit path when it goes on."""
    return LEAVE_USER


def preempt(s: Machine, k: Constants) -> None:
    """Let the other task have this CPU."""
    s.next_task = Task.OTHER
    s.next_cpu = s.cpu


def preempt_user(s: Machine, k: Constants) -> int:
    """Let the other task have this CPU, at the expense of user code."""
    preempt(s, k)
    return LEAVE_USER


def migrate(s: Machine, k: Constants) -> None:
    """Move the vCPU thread to the other CPU."""
    s.next_task = Task.VMM
    s.next_cpu = 1 - s.cpu


def migrate_user(s: Machine, k: Constants) -> int:
    """Move the vCPU thread to the other CPU while it runs user code."""
    migrate(s, k)
    return LEAVE_USER


def cpu_is_there(s: Machine, k: Constants, cpu: int) -> bool:
    """A scenario may have one CPU only."""
    return cpu < k.cpus


def switch_to_vmm(s: Machine, k: Constants, cpu: int) -> int:
    """Let the vCPU thread go on, here or on the other CPU; this task sleeps."""
    s.next_task = Task.VMM
    s.next_cpu = cpu
    return LEAVE_USER


def irq_exit_event() -> Event:
    """Return VMX's place for the softirq of the interrupt that caused an exit."""
    return Event(
        "softirq at irq_exit",
        "softirq",
        nothing,
        when=interrupt_exit,
        interrupts=("vcpu",),
        at=("vcpu_exit_guest.handle_exit_irqoff",),
        moves={"softirq": "kernel_fpu"},
        source="linux:arch/x86/kvm/vmx/vmx.c handle_external_interrupt_irqoff()",
    )


def interrupt_events(vmx: bool) -> tuple[Event, ...]:
    """Return the host's interruptions, for one vendor."""
    sched = "linux:kernel/sched/core.c"
    softirq = "linux:arch/x86/kernel/fpu/core.c irq_fpu_usable()"
    to_switch = {"switch": "context_switch"}
    vcpu_user = {LEAVE_USER: "exit_to_user"}
    task_user = {LEAVE_USER: "task_exit_to_user"}
    events: tuple[Event, ...] = (
        Event(
            "NMI",
            "nmi",
            nothing,
            interrupts=("softirq", "vcpu", "task"),
            masked_by=NMI_OFF | GUEST_MODE,
            moves={"nmi": "perf_nmi"},
            summary="A sampling interrupt comes, whose handler walks the user's stack.",
            source="linux:arch/x86/events/core.c (a sampling interrupt; nmi_uaccess_okay() refuses during a switch)",
        ),
        # Until commit 59f5ede3bc0f a hard interrupt could use the FPU inside fpregs_lock(); `kernels` adds BH_OFF.
        Event(
            "softirq",
            "softirq",
            nothing,
            interrupts=("vcpu", "task", "switch"),
            masked_by=NO_INTERRUPT | USER_MODE,
            moves={"softirq": "kernel_fpu"},
            summary="A hard interrupt comes, and ends in a softirq that uses the FPU.",
            source=softirq,
        ),
        Event(
            "softirq in user mode",
            "softirq",
            leave_user,
            interrupts=("vcpu",),
            at=("vmm",),
            moves={"softirq": "kernel_fpu"},
            to=vcpu_user,
            leaves=USER_MODE,
            source=softirq,
        ),
        Event(
            "softirq in user mode (other task)",
            "softirq",
            leave_user,
            interrupts=("task",),
            at=("task",),
            moves={"softirq": "kernel_fpu"},
            to=task_user,
            leaves=USER_MODE,
            source=softirq,
        ),
        Event(
            "preemption",
            "scheduler",
            preempt,
            interrupts=("vcpu",),
            masked_by=ATOMIC | USER_MODE,
            moves=to_switch,
            source=f"{sched} preempt_schedule_irq()",
        ),
        Event(
            "preemption in user mode",
            "scheduler",
            preempt_user,
            interrupts=("vcpu",),
            at=("vmm",),
            moves=to_switch,
            to=vcpu_user,
            leaves=USER_MODE,
            source=f"{sched} schedule()",
        ),
        Event(
            "migration",
            "scheduler",
            migrate,
            interrupts=("vcpu",),
            masked_by=ATOMIC | USER_MODE,
            moves=to_switch,
            source=f"{sched} migration_cpu_stop()",
        ),
        Event(
            "migration in user mode",
            "scheduler",
            migrate_user,
            interrupts=("vcpu",),
            at=("vmm",),
            moves=to_switch,
            to=vcpu_user,
            leaves=USER_MODE,
            source=f"{sched} migration_cpu_stop()",
        ),
        Event(
            "wake-up of the vCPU thread",
            "scheduler",
            switch_to_vmm,
            when=cpu_is_there,
            interrupts=("task",),
            at=("task",),
            choose={"cpu": (0, 1)},
            moves=to_switch,
            to=task_user,
            leaves=USER_MODE,
            fair=True,
            source=f"{sched} schedule()",
        ),
        Event(
            "signal",
            "vmm",
            leave_user,
            interrupts=("vcpu",),
            at=("vcpu_run",),
            to={LEAVE_USER: "kvm_put_guest_fpu"},
            source="linux:arch/x86/kvm/x86.c vcpu_run(), xfer_to_guest_mode_handle_work()",
        ),
        Event(
            "exit request",
            "vmm",
            leave_user,
            interrupts=("vcpu",),
            at=("vcpu_enter_guest.kvm_vcpu_exit_request",),
            to={LEAVE_USER: "cancel_injection"},
            source="linux:arch/x86/kvm/x86.c kvm_vcpu_exit_request()",
        ),
    )
    return (*events, irq_exit_event()) if vmx else events
