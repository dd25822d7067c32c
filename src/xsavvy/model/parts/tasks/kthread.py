# SPDX-License-Identifier: Apache-2.0
"""A kernel thread has the VMM's CPU for a while: it has no registers to save, and leaves the VMM's where they are.

Until v5.14 the context switch took the next task's PKRU from its XSAVE image (`pkru_from`); then from thread.pkru.
Source: arch/x86/kernel/process_64.c __switch_to(); commit 954436989cc5 for what came before.
"""

from xsavvy.checker import REST, Path, Program, Step
from xsavvy.model.constants import Constants
from xsavvy.model.fpu import kernel_fpu_save, nothing
from xsavvy.model.switch import SWITCH_CONTEXT, save_prev
from xsavvy.model.values import Task, Value

from .machine import TaskMachine
from .pkru import save_pkru_slot, write_pkru
from .values import DEFAULT_PKRU, PkruAfterKthread, PkruHome, PkruOfInit

__all__ = ["KTHREAD", "with_pkru_of_image"]

SWITCH_TO = "linux:arch/x86/kernel/process_64.c __switch_to()"


def offload_pkru(s: TaskMachine, k: Constants) -> None:
    """Remember the outgoing task's PKRU; a CPU that goes idle gets the default. Without CR4.PKE do nothing."""
    if s.current != Task.NOBODY:
        save_pkru_slot(s, k, s.current)
    if k.host_pku and k.pkru_from == PkruHome.THREAD:
        s.thread_pkru[s.current] = s.hw_pkru[s.cpu]
        if s.next_cpu != s.cpu:
            write_pkru(s, k, Value.INIT)


def pkru_of_image(s: TaskMachine, k: Constants) -> int:
    """Read the incoming task's PKRU from its image, where an unused one stands for an initial one."""
    if s.fp_task_pkru_bv[s.current]:
        return s.fp_task_pkru[s.current]
    return DEFAULT_PKRU if k.pkru_of_init == PkruOfInit.KERNEL_DEFAULT else Value.INIT


def load_pkru_of_image(s: TaskMachine, k: Constants) -> None:
    """Load the incoming task's PKRU from its image."""
    write_pkru(s, k, pkru_of_image(s, k))


def load_pkru(s: TaskMachine, k: Constants) -> None:
    """Load the incoming task's PKRU if the register has another one. Without CR4.PKE do nothing."""
    if k.host_pku and k.pkru_from == PkruHome.XSTATE:
        load_pkru_of_image(s, k)
    if k.host_pku and k.pkru_from == PkruHome.THREAD:
        if s.hw_pkru[s.cpu] != s.thread_pkru[s.current]:
            write_pkru(s, k, s.thread_pkru[s.current])
        s.thread_pkru[s.current] = Value.INIT


# The kernel thread.


def to_kthread(s: TaskMachine, k: Constants) -> None:
    """Make the kernel thread the current task; it runs with the kernel's PKRU."""
    offload_pkru(s, k)
    s.current = Task.NOBODY
    if k.pkru_from == PkruHome.XSTATE:
        write_pkru(s, k, DEFAULT_PKRU)


def from_kthread(s: TaskMachine, k: Constants) -> None:
    """Make the VMM's thread the current task again, with its PKRU; nothing is to be saved."""
    s.current = Task.VMM
    load_pkru(s, k)
    if k.pkru_from == PkruHome.XSTATE and k.pkru_after_kthread == PkruAfterKthread.KERNEL_DEFAULT:
        write_pkru(s, k, DEFAULT_PKRU)


def set_tif_on_vmm(s: TaskMachine, k: Constants) -> None:
    """Set TIF_NEED_FPU_LOAD of the VMM's thread."""
    s.tif_need_fpu_load[Task.VMM] = 1


def save_of_user_task(s: TaskMachine, k: Constants) -> None:
    """Save the current task's registers unless memory has them, or it is a kernel thread, which has none."""
    if s.current != Task.NOBODY:
        kernel_fpu_save(s, k)


KTHREAD = Path(
    "kthread",
    (
        Step("switch_fpu", save_prev, source="linux:arch/x86/include/asm/fpu/sched.h"),
        Step("x86_pkru_load.prev", to_kthread, source=SWITCH_TO),
        Step("kthread", nothing, leaves=SWITCH_CONTEXT, source="any kernel thread"),
        Step("schedule", nothing, enters=SWITCH_CONTEXT, source="linux:kernel/sched/core.c"),
        Step("x86_pkru_load.next", from_kthread, source=SWITCH_TO),
        Step(
            "switch_fpu_finish",
            set_tif_on_vmm,
            source="linux:arch/x86/include/asm/fpu/sched.h switch_fpu_finish()",
        ),
    ),
    then=REST,
    source="linux:kernel/sched/core.c context_switch(), to a kernel thread and back",
)


def with_pkru_of_image(program: Program) -> Program:
    """Return a program whose scheduler knows hosts without CR4.PKE, PKRU in an image, and kernel threads."""
    switch = "context_switch"
    return (
        program.replaced(f"{switch}.x86_pkru_load.prev", effect=offload_pkru)
        .replaced(f"{switch}.x86_pkru_load.next", effect=load_pkru)
        .replaced("kernel_fpu.kernel_fpu_begin.save", effect=save_of_user_task)
        .with_path("switch", KTHREAD)
    )
