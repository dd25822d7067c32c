# SPDX-License-Identifier: Apache-2.0
"""Until v4.14 the guest's FPU is loaded at entry, and put at vcpu_put() or when the thread is scheduled out.

It is loaded inside __kernel_fpu_begin() and put by __kernel_fpu_end(): as long as it is there, irq_fpu_usable()
refuses, so that no interrupt touches it and the scheduler never sees it.
Source: arch/x86/kvm/x86.c vcpu_enter_guest(), kvm_load_guest_fpu(), kvm_put_guest_fpu() of v3.18; commit f775b13eedee.
"""

from xsavvy.checker import Program, Step, Witness
from xsavvy.model.constants import Constants
from xsavvy.model.fpu import nothing
from xsavvy.model.interrupts import interrupt_exit
from xsavvy.model.machine import Machine
from xsavvy.model.properties import task_has_control
from xsavvy.model.values import USER_MODE, Buffer, Task
from xsavvy.model.xstate import xrstors, xsaves

__all__ = ["ENTER", "LOAD", "SKIP", "guest_is_loaded", "loads_at_entry"]

LOAD = 1
SKIP = 1
X86 = "linux:arch/x86/kvm/x86.c (up to v4.14)"
ENTER = f"{X86} vcpu_enter_guest()"
USABLE = "linux:arch/x86/kernel/fpu/core.c irq_fpu_usable(): in_kernel_fpu (up to v4.14)"


def load_is_due(s: Machine, k: Constants) -> int:
    """Load the guest's FPU unless it is loaded."""
    return 0 if s.guest_fp_in_use else LOAD


def put_is_due(s: Machine, k: Constants) -> int:
    """Put the guest's FPU only if it is loaded."""
    return 0 if s.guest_fp_in_use else SKIP


def guest_is_loaded(s: Machine, k: Constants) -> bool:
    """Tell whether this CPU's registers are a guest's, whose thread is current."""
    return s.current == Task.VMM and s.guest_fp_in_use != 0


def fpu_is_usable(s: Machine, k: Constants) -> bool:
    """Refuse the registers to an interrupt while a guest's are in them."""
    return not guest_is_loaded(s, k)


def fpu_is_usable_at_exit(s: Machine, k: Constants) -> bool:
    """Let the interrupt that caused an exit use the registers under the same condition."""
    return interrupt_exit(s, k) and fpu_is_usable(s, k)


def kvm_sched_out(s: Machine, k: Constants) -> None:
    """Put the guest's FPU when its thread is scheduled out: save the guest's registers, load the task's."""
    if guest_is_loaded(s, k):
        xsaves(s, k, Buffer.GUEST)
        s.guest_fp_in_use = 0
        xrstors(s, k, Buffer.VMM)


def other_runs(s: Machine, k: Constants) -> bool:
    """The other task runs in user mode while the vCPU is loaded."""
    return task_has_control(s, k) and s.task_context & USER_MODE != 0 and s.vcpu_loaded != 0


def loads_at_entry(program: Program) -> Program:
    """Undo f775b13eedee: the swap is part of vcpu_enter_guest(), of vcpu_put() and of the notifier at sched-out."""
    program = _load_at_entry(program)
    program = _put_at_vcpu_put(program)
    sched_out = Step("kvm_sched_out", kvm_sched_out, source=f"{X86} kvm_arch_vcpu_put()")
    program = program.inserted(sched_out, before="context_switch.switch_fpu")
    return _other_witness(_unusable(program))


def _load_at_entry(program: Program) -> Program:
    due = Step("guest_fpu_loaded", load_is_due, to={LOAD: "kvm_load_guest_fpu"}, source=ENTER)
    program = program.replaced_path("kvm_arch_vcpu_ioctl_run", then="vcpu_run")
    program = program.inserted(due, after="vcpu_enter_guest.prepare_switch_to_guest")
    program = program.replaced_path("kvm_load_guest_fpu", then="vcpu_enter_guest.local_irq_disable")
    for step in ("fpregs_lock", "fpregs_unlock"):
        program = program.replaced(f"kvm_load_guest_fpu.{step}", effect=nothing, enters=0, leaves=0)
    return program


def _put_at_vcpu_put(program: Program) -> Program:
    due = Step(
        "guest_fpu_loaded",
        put_is_due,
        to={SKIP: "kvm_put_guest_fpu.fpregs_unlock"},
        source=f"{X86} kvm_put_guest_fpu()",
    )
    return program.inserted(due, after="kvm_put_guest_fpu.fpregs_lock")


def _unusable(program: Program) -> Program:
    program = program.replaced_event("softirq", when=fpu_is_usable, source=USABLE)
    if any(event.name == "softirq at irq_exit" for event in program.events):
        program = program.replaced_event(
            "softirq at irq_exit", when=fpu_is_usable_at_exit, source=USABLE
        )
    return program


def _other_witness(program: Program) -> Program:
    """Keep the witness: the registers are in memory whenever the other task runs."""
    name = "other_task_runs"
    if all(each.name != name for each in program.witnesses):
        return program
    sentence = "Another task runs while the guest's registers are in memory."
    return program.without_witness(name).with_witness(Witness(name, sentence, other_runs))
