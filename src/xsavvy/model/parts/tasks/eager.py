# SPDX-License-Identifier: Apache-2.0
"""Until v5.1 registers are switched with the task, unless fpu->initialized is 0, as it is in a 32-bit sigreturn().

A kernel thread has it always 0. The run loop's history has the rest.
Source: arch/x86/include/asm/fpu/internal.h switch_fpu_prepare() of v4.19; commits 5f409e20b794, 68239654acaf.
"""

from xsavvy.checker import Program
from xsavvy.model.constants import Constants
from xsavvy.model.history import eager
from xsavvy.model.values import Task

from .machine import TaskMachine
from .sigreturn import restore_image
from .values import NO_CPU

__all__ = ["knows_uninitialized_tasks"]

save_registers = eager.save_prev
load_registers = eager.restore_next
save_for_kernel = eager.kernel_fpu_save
restore_after_kernel = eager.kernel_fpu_restore


def has_no_registers(s: TaskMachine, k: Constants) -> int:
    """Say whether the current task's registers are neither to be saved nor to be loaded."""
    return 1 if s.current == Task.NOBODY or (s.current == Task.VMM and s.vmm_dropped) else 0


def save_prev(s: TaskMachine, k: Constants) -> None:
    """Save the outgoing task's registers to its image, if it has any."""
    if has_no_registers(s, k) and s.current == Task.VMM:
        s.thread_last_cpu[Task.VMM] = NO_CPU
        s.tif_need_fpu_load[Task.VMM] = 1
    elif s.current != Task.NOBODY:
        save_registers(s, k)


def restore_next(s: TaskMachine, k: Constants) -> None:
    """Load the incoming task's registers, if it has any and this CPU does not hold them."""
    if has_no_registers(s, k):
        s.tif_need_fpu_load[Task.VMM] = 0
    else:
        load_registers(s, k)


def kernel_fpu_save(s: TaskMachine, k: Constants) -> None:
    """Save the current task's registers, if it has any; else nobody may trust these."""
    if has_no_registers(s, k):
        s.cpu_fpregs_owner[s.cpu] = Task.NOBODY
    else:
        save_for_kernel(s, k)


def kernel_fpu_restore(s: TaskMachine, k: Constants) -> None:
    """Put the current task's registers back, if it has any."""
    if has_no_registers(s, k) == 0:
        restore_after_kernel(s, k)


def drop(s: TaskMachine, k: Constants) -> None:
    """Clear fpu->initialized: fpu__drop()."""
    s.vmm_dropped = 1
    s.thread_last_cpu[Task.VMM] = NO_CPU
    s.cpu_fpregs_owner[s.cpu] = Task.NOBODY


def restore_dropped(s: TaskMachine, k: Constants) -> None:
    """Set fpu->initialized and load the image."""
    s.vmm_dropped = 0
    restore_image(s, k)


def knows_uninitialized_tasks(program: Program) -> Program:
    """Undo 5f409e20b794 for tasks that have no registers of their own for a while."""
    return (
        program.replaced("context_switch.switch_fpu", effect=save_prev)
        .replaced("context_switch.switch_fpu_finish", effect=restore_next)
        .replaced("kthread.switch_fpu", effect=save_prev)
        .replaced("kthread.switch_fpu_finish", effect=restore_next)
        .replaced("kernel_fpu.kernel_fpu_begin.save", effect=kernel_fpu_save)
        .replaced("kernel_fpu.kernel_fpu_end", effect=kernel_fpu_restore)
        .replaced("ia32_restore_sig.invalidate_fpregs_state", effect=drop)
        .replaced("ia32_restore_sig.os_xrstor_safe", effect=restore_dropped)
    )
