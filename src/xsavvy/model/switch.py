# SPDX-License-Identifier: Apache-2.0
"""The scheduler's context switch, on one CPU or across two.

When the thread goes on elsewhere, the old CPU is left to the idle task: its registers keep what was in them and
its owner pointer keeps its word, which is what the test in `switch_fpu_return` is about.
Source: kernel/sched/core.c context_switch(), arch/x86/kernel/process_64.c __switch_to(), both with their notifiers
in virt/kvm/kvm_main.c kvm_sched_out() and kvm_sched_in().
"""

from xsavvy.checker import REST, Path, Step

from .constants import Constants, PkruSample
from .fpu import nothing
from .machine import Machine
from .values import IRQS_OFF, PREEMPT_OFF, Task, Value
from .xstate import installed_fpstate, note_pkru_inuse, xsaves

__all__ = ["CONTEXT_SWITCH", "SWITCH_CONTEXT", "save_and_set_tif_on_prev"]

SWITCH_TO = "linux:arch/x86/kernel/process_64.c __switch_to()"
SWITCH_CONTEXT = PREEMPT_OFF | IRQS_OFF


def save_prev(s: Machine, k: Constants) -> None:
    """Save the outgoing task's registers to its installed fpstate, unless memory has them.

    Its TIF_NEED_FPU_LOAD stays clear; the incoming task's is set later.
    """
    if s.tif_need_fpu_load[s.current] == 0:
        xsaves(s, k, installed_fpstate(s, k))
        s.thread_last_cpu[s.current] = s.cpu


def save_and_set_tif_on_prev(s: Machine, k: Constants) -> None:
    """Set the outgoing task's TIF_NEED_FPU_LOAD and save its registers.

    Source: commit 730faa15a069 (x86/fpu: Simplify the switch_fpu_prepare() + switch_fpu_finish() logic).
    """
    if s.tif_need_fpu_load[s.current] == 0:
        s.tif_need_fpu_load[s.current] = 1
        xsaves(s, k, installed_fpstate(s, k))
        s.thread_last_cpu[s.current] = s.cpu


def offload_pkru(s: Machine, k: Constants) -> None:
    """Remember the outgoing task's PKRU; a CPU that goes idle gets the default."""
    s.thread_pkru[s.current] = s.hw_pkru[s.cpu]
    if s.next_cpu != s.cpu:
        s.hw_pkru[s.cpu] = Value.INIT


def pick_next(s: Machine, k: Constants) -> None:
    """Make the incoming task the current one, on the CPU that it was picked for."""
    s.cpu = s.next_cpu
    s.current = s.next_task
    s.next_cpu = 0
    s.next_task = Task.NOBODY


def load_pkru(s: Machine, k: Constants) -> None:
    """Load the incoming task's PKRU if the register has another one."""
    if s.hw_pkru[s.cpu] != s.thread_pkru[s.current]:
        s.hw_pkru[s.cpu] = s.thread_pkru[s.current]
        note_pkru_inuse(s, k)
    s.thread_pkru[s.current] = Value.INIT


def set_tif_on_next(s: Machine, k: Constants) -> None:
    """Set the incoming task's TIF_NEED_FPU_LOAD."""
    s.tif_need_fpu_load[s.current] = 1


def sched_in(s: Machine, k: Constants) -> None:
    """Let KVM's notifier load the vCPU again: it samples the host's PKRU."""
    if s.current == Task.VMM and s.vcpu_loaded and k.pkru_sample == PkruSample.VCPU_LOAD:
        s.vcpu_host_pkru = s.hw_pkru[s.cpu]


CONTEXT_SWITCH = Path(
    "context_switch",
    (
        Step(
            "switch_fpu",
            save_prev,
            source="linux:arch/x86/include/asm/fpu/sched.h switch_fpu_prepare()",
        ),
        Step(
            "x86_pkru_load.prev",
            offload_pkru,
            source="linux:arch/x86/kernel/process_64.c x86_pkru_load()",
        ),
        Step("current_task", pick_next, source=SWITCH_TO),
        Step(
            "x86_pkru_load.next",
            load_pkru,
            source="linux:arch/x86/kernel/process_64.c x86_pkru_load()",
        ),
        Step(
            "switch_fpu_finish",
            set_tif_on_next,
            source="linux:arch/x86/include/asm/fpu/sched.h switch_fpu_finish()",
        ),
        Step(
            "finish_lock_switch",
            nothing,
            leaves=IRQS_OFF,
            source="linux:kernel/sched/core.c finish_task_switch()",
        ),
        Step("kvm_sched_in", sched_in, source="linux:virt/kvm/kvm_main.c kvm_sched_in()"),
    ),
    then=REST,
    source="linux:kernel/sched/core.c context_switch()",
)
"""Interrupts are off until finish_lock_switch(); KVM's sched-out notifier changes nothing that is modelled."""
