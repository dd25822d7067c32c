# SPDX-License-Identifier: Apache-2.0
"""PKRU outside of the guest: each caller that stores an XSAVE image has a rule of its own.

Of a task that runs, the register is the truth; of one that is scheduled out, `thread.pkru`.
Source: arch/x86/kernel/fpu/xstate.c copy_uabi_to_xstate(), its comment on three callers.
"""

from xsavvy.isa.components import PKRU
from xsavvy.kvm.ioctls import set_xsave_sets_pkru
from xsavvy.kvm.uabi import pkru_after_ptrace
from xsavvy.model.constants import Constants
from xsavvy.model.values import Task, Value
from xsavvy.model.xstate import note_pkru_inuse

from .machine import TaskMachine
from .values import PkruHome

__all__ = [
    "has_pkru",
    "kvm_set_pkru",
    "ptrace_set_pkru",
    "save_pkru_slot",
    "set_pkru_of_task",
    "write_pkru",
    "xrstor_pkru",
]


def has_pkru(s: TaskMachine, k: Constants) -> bool:
    """The kernel has protection keys on: CR4.PKE is set, XCR0[9] too."""
    return k.host_pku != 0


def write_pkru(s: TaskMachine, k: Constants, value: int) -> None:
    """Execute WRPKRU, where the kernel has protection keys on."""
    if k.host_pku:
        s.hw_pkru[s.cpu] = value
        note_pkru_inuse(s, k)


def save_pkru_slot(s: TaskMachine, k: Constants, task: int) -> None:
    """Save PKRU to a task's image, as XSAVES does with the other components; initial means not in use.

    An image that waits to be loaded is left alone: TIF_NEED_FPU_LOAD is set then.
    """
    if k.pkru_from == PkruHome.XSTATE and (task != Task.VMM or s.sig_image_waits == 0):
        inuse = s.hw_xinuse[s.cpu] & PKRU
        s.fp_task_pkru_bv[task] = 1 if inuse else 0
        s.fp_task_pkru[task] = s.hw_pkru[s.cpu] if inuse else Value.INIT


def xrstor_pkru(s: TaskMachine, k: Constants, xstate_bv: int, value: int) -> None:
    """Restore PKRU with XRSTOR: from the image, or to 0 and out of use."""
    if s.hw_xcr0[s.cpu] & PKRU:
        s.hw_pkru[s.cpu] = value if xstate_bv & PKRU else Value.INIT
        s.hw_xinuse[s.cpu] &= ~PKRU
        if xstate_bv & PKRU:
            s.hw_xinuse[s.cpu] |= PKRU


def set_pkru_of_task(s: TaskMachine, k: Constants, value: int) -> None:
    """Execute WRPKRU in user mode."""
    write_pkru(s, k, value)
    s.ghost_vmm_pkru = value


def ptrace_set_pkru(s: TaskMachine, k: Constants, xstate_bv: int, value: int, rule: int) -> None:
    """Store PKRU for a stopped thread, by a kernel's rule; what the tracer may expect is what XRSTOR would do.

    Where the context switch takes PKRU from the image, it is stored with the other components.
    """
    if k.host_pku and k.pkru_from == PkruHome.XSTATE:
        s.fp_task_pkru_bv[Task.VMM] = 1 if xstate_bv & PKRU else 0
        s.fp_task_pkru[Task.VMM] = value if xstate_bv & PKRU else Value.INIT
    if k.host_pku and k.pkru_from == PkruHome.THREAD:
        s.thread_pkru[Task.VMM] = pkru_after_ptrace(s.thread_pkru[Task.VMM], xstate_bv, value, rule)
    if k.host_pku:
        s.ghost_vmm_pkru = value if xstate_bv & PKRU else Value.INIT


def kvm_set_pkru(s: TaskMachine, k: Constants, xstate_bv: int) -> None:
    """Store an image for the guest: PKRU follows if the image has it, and stays as it is if not."""
    if set_xsave_sets_pkru(xstate_bv):
        s.vcpu_pkru = Value.GUEST2
    if xstate_bv & PKRU:
        s.ghost_pkru = Value.GUEST2
