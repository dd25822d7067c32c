# SPDX-License-Identifier: Apache-2.0
"""The run loop's machine, and what the kernel does to a host task's registers besides running a guest.

The VMM's thread is the task that gets signals, calls execve() or fork() and is traced; the other task is whoever has
its CPU meanwhile. One signal frame is kept: that of the VMM's thread.
"""

from typing import Annotated

from xsavvy.checker import Below, Choice, Each, Flag, Init, Mask
from xsavvy.isa.components import PKRU, SSE
from xsavvy.model.machine import CPUS, TASKS, Machine
from xsavvy.model.values import TILE, Task, Value

from .values import FrameSize, Pages

__all__ = ["TaskMachine"]


class TaskMachine(Machine):
    """Two host tasks with signals, exec, fork and a tracer, beside and under KVM."""

    thread_last_cpu: Annotated[
        list[int], Each(TASKS, Below(CPUS + 1), Task), "fpu.last_cpu; 2 stands for -1, no CPU"
    ]

    # The VMM's thread.
    vmm_handler: Annotated[int, Flag(), "the VMM's thread is in a signal handler"]
    vmm_returning: Annotated[int, Flag(), "it is in sigreturn()"]
    vmm_stopped: Annotated[int, Flag(), "it is stopped for its tracer"]
    vmm_dropped: Annotated[
        int, Flag(), "until v5.1: fpu->initialized is 0, its registers are neither saved nor loaded"
    ]
    task_exists: Annotated[int, Flag(), Init(1), "the other task was started"]

    # Its signal frame, in user memory.
    uapi_frame_bv: Annotated[int, Mask(SSE | PKRU), "XSTATE_BV in the signal frame"]
    uapi_frame_sse: Annotated[int, Choice(Value), "XMM in the signal frame"]
    uapi_frame_pkru: Annotated[int, Choice(Value), "PKRU in the signal frame"]
    uapi_frame_size: Annotated[int, Choice(FrameSize), "xstate_size in the frame"]
    uapi_frame_bad: Annotated[int, Flag(), "reserved bytes of the frame's header are not zero"]
    uapi_frame_page: Annotated[int, Choice(Pages), "the page with the end of the frame"]
    sig_faulted_in: Annotated[int, Flag(), "the kernel has faulted the frame in and tries again"]
    sig_fx_only: Annotated[int, Flag(), "the kernel takes the frame for one without XSAVE state"]

    sig_image_waits: Annotated[
        int, Flag(), "the VMM's fpstate holds the frame, to be loaded: no save may pass over it"
    ]

    # More of the fpstates.
    fp_reserved: Annotated[int, Flag(), "reserved header bytes of the VMM's fpstate are not zero"]
    fp_task_pkru: Annotated[
        list[int], Each(TASKS, Choice(Value), Task), "PKRU's slot, where it counts"
    ]
    fp_task_pkru_bv: Annotated[list[int], Each(TASKS, Flag(), Task), "and its bit of XSTATE_BV"]
    vcpu_xfd: Annotated[
        int, Mask(TILE), "guest_fpu.xfd, in the design that keeps it apart from fpstate.xfd"
    ]

    # What should be true.
    ghost_vmm_sse: Annotated[int, Choice(Value), Init(Value.VMM), "the VMM's XMM"]
    ghost_other_sse: Annotated[int, Choice(Value), Init(Value.OTHER), "the other task's XMM"]
    ghost_other_pkru: Annotated[int, Choice(Value), "the other task's PKRU"]
    ghost_frame_sse: Annotated[int, Choice(Value), "what sigreturn() must put into XMM"]
    ghost_frame_pkru: Annotated[int, Choice(Value), "what sigreturn() must put into PKRU"]
    ghost_uapi_tile: Annotated[
        int,
        Choice(Value),
        Init(Value.ANY),
        "TILEDATA that KVM_SET_XSAVE set and KVM_GET_XSAVE gave back; any once the guest touched it",
    ]
