# SPDX-License-Identifier: Apache-2.0
"""Until v5.1 a task's registers are switched with the task, and kernel_fpu_end() puts them back.

There is no TIF_NEED_FPU_LOAD: the model's flag says only that a task is scheduled out. fpregs_lock() does not exist
either; the copies of the swap are made with preemption off, and a softirq may use the registers between them.
Source: commit 5f409e20b794; arch/x86/include/asm/fpu/internal.h switch_fpu_prepare(), switch_fpu_finish() and
arch/x86/kernel/fpu/core.c __kernel_fpu_begin(), __kernel_fpu_end() before it; mail cover of the series, v4.
"""

from xsavvy.checker import Program
from xsavvy.model.constants import Constants
from xsavvy.model.fpu import fpregs_mark_activate, nothing
from xsavvy.model.machine import Machine
from xsavvy.model.values import PREEMPT_OFF, Fault
from xsavvy.model.xstate import installed_fpstate, xrstors, xsaves

__all__ = ["SWAPS", "switches_eagerly"]

SWITCH = "linux:arch/x86/include/asm/fpu/internal.h (up to v5.1)"
CORE = "linux:arch/x86/kernel/fpu/core.c (up to v5.1)"
SWAPS = ("kvm_load_guest_fpu", "kvm_put_guest_fpu")
LOCKED = (
    "save_outgoing",
    "xfd_update_state",
    "restore_incoming",
    "fpregs_mark_activate",
)


def save_prev(s: Machine, k: Constants) -> None:
    """Save the outgoing task's registers to its own image."""
    xsaves(s, k, installed_fpstate(s, k))
    s.thread_last_cpu[s.current] = s.cpu
    s.tif_need_fpu_load[s.current] = 1


def restore_next(s: Machine, k: Constants) -> None:
    """Load the incoming task's registers, unless this CPU still holds them."""
    if s.cpu_fpregs_owner[s.cpu] != s.current or s.thread_last_cpu[s.current] != s.cpu:
        xrstors(s, k, installed_fpstate(s, k))
    if s.fault == Fault.NONE:
        fpregs_mark_activate(s, k)


def kernel_fpu_save(s: Machine, k: Constants) -> None:
    """Save the current task's registers, which are always in the CPU."""
    xsaves(s, k, installed_fpstate(s, k))


def kernel_fpu_restore(s: Machine, k: Constants) -> None:
    """Put the current task's registers back; the image stays as good as they are until they change."""
    xrstors(s, k, installed_fpstate(s, k))


def switches_eagerly(program: Program) -> Program:
    """Undo 5f409e20b794: the registers go with the task, and nothing is left for later."""
    program = _eager_switch(program)
    program = program.replaced(
        "kernel_fpu.kernel_fpu_begin.save", effect=kernel_fpu_save, source=CORE
    )
    program = program.replaced("kernel_fpu.kernel_fpu_begin.disown", effect=nothing, source=CORE)
    program = program.replaced("kernel_fpu.kernel_fpu_end", effect=kernel_fpu_restore, source=CORE)
    for path in ("vcpu_enter_guest", "exit_to_user", "task_exit_to_user"):
        program = program.removed(f"{path}.switch_fpu_return")
    for path in SWAPS:
        program = _preempt_off(program, path)
    return program


def _eager_switch(program: Program) -> Program:
    program = program.replaced(
        "context_switch.switch_fpu", effect=save_prev, source=f"{SWITCH} switch_fpu_prepare()"
    )
    return program.replaced(
        "context_switch.switch_fpu_finish",
        effect=restore_next,
        source=f"{SWITCH} switch_fpu_finish()",
    )


def _preempt_off(program: Program, path: str) -> Program:
    """Let preempt_disable() stand where fpregs_lock() came later."""
    install = "install_guest" if path == "kvm_load_guest_fpu" else "install_user"
    for step in (*LOCKED, install):
        program = program.replaced(f"{path}.{step}", needs=PREEMPT_OFF)
    source = (
        f"linux:arch/x86/kvm/x86.c {path}(): preempt_disable() and preempt_enable() (up to v5.1)"
    )
    program = program.replaced(f"{path}.fpregs_lock", enters=PREEMPT_OFF, source=source)
    return program.replaced(f"{path}.fpregs_unlock", leaves=PREEMPT_OFF, source=source)
