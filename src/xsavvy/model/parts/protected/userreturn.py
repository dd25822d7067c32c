# SPDX-License-Identifier: Apache-2.0
"""User-return MSRs, of which TSC_AUX stands for all, and another VM's vCPU that needs them on the same CPU.

KVM keeps a guest's value in the register until the thread returns to user mode, and skips a write when its per-CPU
cache says that the value is there already. Hardware and firmware that load the register do not tell the cache.
Source: arch/x86/kvm/x86.c kvm_set_user_return_msr(), kvm_on_user_return() (since v7.3 msrs.c).
"""

from xsavvy.checker import Event, Path, Program, Step
from xsavvy.kvm.protected import user_return_write_is_needed
from xsavvy.model.constants import Constants
from xsavvy.model.fpu import nothing
from xsavvy.model.interrupts import LEAVE_USER
from xsavvy.model.values import GUEST_MODE, IRQS_OFF, PREEMPT_OFF, USER_MODE, Task, Value

from .machine import HOST_TSC_AUX, ProtectedMachine

__all__ = ["kvm_set_user_return_msr", "with_user_return"]

X86 = "linux:arch/x86/kvm/x86.c"
OTHERS_TSC_AUX = Value.INIT
"""The other VM's guest has never written TSC_AUX: it is zero there, as in every guest that does not use it."""


def kvm_set_user_return_msr(s: ProtectedMachine, k: Constants, value: int) -> None:
    """Write TSC_AUX and note it in the cache, unless the cache says that the value is there."""
    if user_return_write_is_needed(value, s.cpu_uret_tsc_aux[s.cpu]):
        s.hw_tsc_aux[s.cpu] = value
        s.cpu_uret_tsc_aux[s.cpu] = value


def kvm_on_user_return(s: ProtectedMachine, k: Constants) -> None:
    """Put the host's TSC_AUX back before user mode, unless the cache says that it is there."""
    kvm_set_user_return_msr(s, k, HOST_TSC_AUX)


def prepare_other(s: ProtectedMachine, k: Constants) -> None:
    """Let the other VM's guest have its TSC_AUX."""
    kvm_set_user_return_msr(s, k, OTHERS_TSC_AUX)


def start_other(s: ProtectedMachine, k: Constants) -> int:
    """Let the other task call KVM_RUN for a vCPU of an ordinary VM."""
    return LEAVE_USER


def preempt_other(s: ProtectedMachine, k: Constants) -> None:
    """Let the protected vCPU's thread have this CPU; the other vCPU's MSRs stay in the registers."""
    s.next_task = Task.VMM
    s.next_cpu = s.cpu


def _other_vcpu() -> Path:
    source = f"{X86} vcpu_enter_guest(), for an ordinary VM"
    return Path(
        "other_vcpu",
        (
            Step("preempt_disable", nothing, enters=PREEMPT_OFF, source=source),
            Step(
                "prepare_switch_to_guest",
                prepare_other,
                needs=PREEMPT_OFF,
                source="linux:arch/x86/kvm/svm/svm.c svm_prepare_switch_to_guest()",
            ),
            Step("local_irq_disable", nothing, enters=IRQS_OFF, source=source),
            Step("vmenter", nothing, enters=GUEST_MODE, needs=IRQS_OFF, source=source),
            Step("vmexit", nothing, leaves=GUEST_MODE | IRQS_OFF, source=source),
            Step("preempt_enable", nothing, leaves=PREEMPT_OFF, source=source),
            Step("handle_exit", nothing, source=source),
        ),
        then="other_vcpu",
        source="a vCPU of another VM, in another process",
    )


def _events() -> tuple[Event, ...]:
    return (
        Event(
            "KVM_RUN of another VM",
            "vmm",
            start_other,
            interrupts=("task",),
            at=("task",),
            to={LEAVE_USER: "other_vcpu"},
            leaves=USER_MODE,
            source="userspace",
        ),
        Event(
            "preemption of the other vCPU",
            "scheduler",
            preempt_other,
            interrupts=("task",),
            at=("other_vcpu.handle_exit",),
            moves={"switch": "context_switch"},
            source="linux:kernel/sched/core.c preempt_schedule_irq()",
        ),
        Event(
            "exit to userspace of the other VM",
            "vmm",
            start_other,
            interrupts=("task",),
            at=("other_vcpu.handle_exit",),
            to={LEAVE_USER: "task_exit_to_user"},
            source="a port or MMIO access",
        ),
    )


def with_user_return(program: Program) -> Program:
    """Add the notifier of both returns to user mode, and the other VM's vCPU."""
    step = Step(
        "kvm_on_user_return",
        kvm_on_user_return,
        needs=IRQS_OFF,
        source="linux:arch/x86/include/asm/entry-common.h arch_exit_work(), fire_user_return_notifiers()",
    )
    program = program.inserted(step, before="exit_to_user.switch_fpu_return")
    program = program.inserted(step, before="task_exit_to_user.switch_fpu_return")
    return program.with_path("task", _other_vcpu()).with_event(*_events())
