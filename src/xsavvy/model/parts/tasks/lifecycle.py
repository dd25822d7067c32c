# SPDX-License-Identifier: Apache-2.0
"""A new program in an old task, a new task, and a tracer who writes the registers of a stopped one.

All three change an fpstate in memory while a CPU may still hold older registers of that task, and have to say so:
by TIF_NEED_FPU_LOAD, and by taking back the task's or the CPU's claim that they belong together.
Source: arch/x86/kernel/fpu/core.c fpu_flush_thread(), fpu_clone(); arch/x86/kernel/fpu/regset.c xstateregs_set().
"""

from xsavvy.checker import Path, Step
from xsavvy.isa.components import PKRU, SSE, XTILEDATA
from xsavvy.kvm.uabi import AS_XRSTOR, DROPPED, WITH_ITS_BIT
from xsavvy.model.constants import Constants
from xsavvy.model.fpu import fpregs_mark_activate, nothing
from xsavvy.model.values import BH_OFF, Buffer, Task, Value
from xsavvy.model.xstate import xfd_update_state, xsaves

from .delivery import reload_image, restore_init
from .machine import TaskMachine
from .pkru import ptrace_set_pkru, save_pkru_slot, write_pkru
from .values import DEFAULT_PKRU, NO_CPU

__all__ = [
    "LIFECYCLE_PATHS",
    "PTRACE_IMAGES",
    "load_init",
    "ptrace_set",
    "ptrace_set_with_bit",
    "ptrace_set_without_pkru",
    "reset_and_invalidate_task",
]

CORE = "linux:arch/x86/kernel/fpu/core.c"
FLUSH = f"{CORE} fpu_flush_thread()"
CLONE = f"{CORE} fpu_clone()"

PTRACE_IMAGES = (SSE, PKRU, SSE | PKRU)
"""XSTATE_BV of the images that a tracer writes."""


# execve().


def reset_image(s: TaskMachine, k: Constants) -> None:
    """Copy the initial state to the fpstate, and tell that memory is the truth."""
    s.fp_xstate_bv[Buffer.VMM] = 0
    s.fp_sse[Buffer.VMM] = Value.INIT
    s.fp_tile[Buffer.VMM] = Value.INIT
    s.fp_xfd[Buffer.VMM] = k.xfd_capable
    s.tif_need_fpu_load[Task.VMM] = 1
    s.ghost_vmm_sse = Value.INIT


def reset_and_invalidate_cpu(s: TaskMachine, k: Constants) -> None:
    """Reset the image, and take this CPU's registers from whoever owned them; another CPU keeps its claim."""
    s.cpu_fpregs_owner[s.cpu] = Task.NOBODY
    reset_image(s, k)


def reset_and_invalidate_task(s: TaskMachine, k: Constants) -> None:
    """Reset the image, and take back the task's claim to any CPU's registers."""
    s.thread_last_cpu[Task.VMM] = NO_CPU
    reset_image(s, k)


def load_init(s: TaskMachine, k: Constants) -> None:
    """Load the initial state to the registers at once, and claim them: exec before commit 33344368cb08."""
    reset_image(s, k)
    xfd_update_state(s, k, Buffer.VMM)
    restore_init(s, k)
    fpregs_mark_activate(s, k)


def default_pkru(s: TaskMachine, k: Constants) -> None:
    """Write the kernel's default to PKRU."""
    write_pkru(s, k, DEFAULT_PKRU)
    s.ghost_vmm_pkru = DEFAULT_PKRU if k.host_pku else s.ghost_vmm_pkru


# fork().


def save_to_child(s: TaskMachine, k: Constants) -> None:
    """Save the registers to the child's fpstate, which has no room for dynamic components; memory is its truth."""
    s.fp_xfeatures[Buffer.OTHER] = s.fp_xfeatures[Buffer.VMM] & ~XTILEDATA
    s.fp_xfd[Buffer.OTHER] = k.xfd_capable
    s.fp_tile[Buffer.OTHER] = Value.INIT
    xsaves(s, k, Buffer.OTHER)
    s.tif_need_fpu_load[Task.OTHER] = 1
    s.thread_last_cpu[Task.OTHER] = NO_CPU


def start_child(s: TaskMachine, k: Constants) -> None:
    """Give the child the parent's PKRU, and let it be scheduled."""
    s.thread_pkru[Task.OTHER] = s.hw_pkru[s.cpu]
    save_pkru_slot(s, k, Task.OTHER)
    s.task_exists = 1
    s.ghost_other_sse = s.ghost_vmm_sse
    s.ghost_other_pkru = s.ghost_vmm_pkru


# PTRACE_SETREGSET.


def ptrace_set_image(s: TaskMachine, k: Constants, xstate_bv: int) -> None:
    """Take back the stopped task's claim to any CPU's registers, and store an image in its fpstate."""
    s.thread_last_cpu[Task.VMM] = NO_CPU
    s.fp_xstate_bv[Buffer.VMM] = xstate_bv & SSE
    s.fp_sse[Buffer.VMM] = Value.VMM2
    s.ghost_vmm_sse = Value.VMM2 if xstate_bv & SSE else Value.INIT


def ptrace_set_without_pkru(s: TaskMachine, k: Constants, xstate_bv: int) -> None:
    """Store an image; PKRU lives elsewhere and is forgotten."""
    ptrace_set_image(s, k, xstate_bv)
    ptrace_set_pkru(s, k, xstate_bv, Value.VMM2, DROPPED)


def ptrace_set_with_bit(s: TaskMachine, k: Constants, xstate_bv: int) -> None:
    """Store an image, and PKRU if the image has it."""
    ptrace_set_image(s, k, xstate_bv)
    ptrace_set_pkru(s, k, xstate_bv, Value.VMM2, WITH_ITS_BIT)


def ptrace_set(s: TaskMachine, k: Constants, xstate_bv: int) -> None:
    """Store an image, and PKRU as XRSTOR would."""
    ptrace_set_image(s, k, xstate_bv)
    ptrace_set_pkru(s, k, xstate_bv, Value.VMM2, AS_XRSTOR)


def goes_on(s: TaskMachine, k: Constants) -> bool:
    """A stopped thread goes on when its tracer lets it."""
    return s.vmm_stopped == 0


LIFECYCLE_PATHS = (
    Path(
        "begin_new_exec",
        (
            Step("bprm_creds", nothing, source="linux:fs/exec.c begin_new_exec()"),
            Step("fpregs_lock", nothing, enters=BH_OFF, source=FLUSH),
            Step("fpu_reset_fpregs", reset_and_invalidate_cpu, needs=BH_OFF, source=FLUSH),
            Step("fpregs_unlock", nothing, leaves=BH_OFF, source=FLUSH),
            Step(
                "pkru_flush_thread",
                default_pkru,
                source="linux:arch/x86/kernel/process.c flush_thread()",
            ),
        ),
        then="exit_to_user",
        source="linux:fs/exec.c begin_new_exec(), arch/x86/kernel/process.c flush_thread()",
    ),
    Path(
        "copy_thread",
        (
            Step("fpregs_lock", nothing, enters=BH_OFF, source=CLONE),
            Step("fpregs_restore_userregs", reload_image, needs=BH_OFF, source=CLONE),
            Step("save_fpregs_to_fpstate", save_to_child, needs=BH_OFF, source=CLONE),
            Step("fpregs_unlock", nothing, leaves=BH_OFF, source=CLONE),
            Step(
                "wake_up_new_task",
                start_child,
                source="linux:arch/x86/kernel/process.c copy_thread()",
            ),
        ),
        then="exit_to_user",
        source=f"{CLONE}, kernel/fork.c",
    ),
    Path(
        "ptrace_stop",
        (Step("ptrace_stop", nothing, when=goes_on, source="linux:kernel/signal.c ptrace_stop()"),),
        then="exit_to_user",
        source="linux:kernel/signal.c ptrace_stop()",
    ),
)
