# SPDX-License-Identifier: Apache-2.0
"""The signal frame: XSAVE into user memory, XRSTOR from it, and what either needs of the pages.

XSAVE writes the standard format with every user component, PKRU too. XRSTOR goes straight from user memory to the
registers, so that a fault may leave some of them changed.
Source: arch/x86/kernel/fpu/signal.c, arch/x86/kernel/fpu/xstate.h xsave_to_user_sigframe().
"""

from xsavvy.isa.components import PKRU, SSE
from xsavvy.isa.masks import xrstor_loads, xsave_bv
from xsavvy.kvm.uabi import frame_is_extended
from xsavvy.model.constants import Constants
from xsavvy.model.values import TILE, Value

from .machine import TaskMachine
from .pkru import xrstor_pkru
from .values import FrameSize, Outcome, Pages

__all__ = [
    "check_xstate_in_sigframe",
    "check_xstate_of_kernel_size",
    "fault_in_frame_size",
    "fault_in_kernel_size",
    "load_from_frame",
    "save_to_frame",
    "set_frame_pkru_bit",
    "set_frame_pkru_slot",
    "xrstor_reads_the_end",
]


def save_to_frame(s: TaskMachine, k: Constants) -> None:
    """Execute XSAVE to the frame, and write its software bytes: its size, both magic numbers, FP and SSE in use."""
    rfbm = (SSE | PKRU) & s.hw_xcr0[s.cpu]
    s.uapi_frame_bv = xsave_bv(0, rfbm, s.hw_xinuse[s.cpu], 0) | SSE
    s.uapi_frame_sse = s.hw_sse[s.cpu]
    s.uapi_frame_pkru = s.hw_pkru[s.cpu] if s.uapi_frame_bv & PKRU else Value.INIT
    s.uapi_frame_size = FrameSize.KERNEL
    s.uapi_frame_bad = 0


def set_frame_pkru_slot(s: TaskMachine, k: Constants) -> None:
    """Put the interrupted code's PKRU into the frame, which XSAVE wrote with all keys enabled."""
    if k.host_pku:
        s.uapi_frame_pkru = s.ghost_frame_pkru


def set_frame_pkru_bit(s: TaskMachine, k: Constants) -> None:
    """Put the interrupted code's PKRU into the frame, and mark it as in use."""
    if k.host_pku:
        s.uapi_frame_pkru = s.ghost_frame_pkru
        s.uapi_frame_bv |= PKRU


def xrstor_reads_the_end(s: TaskMachine, k: Constants) -> int:
    """Say whether XRSTOR reads the page with the end of the frame: unless the frame ends before it."""
    return 0 if s.uapi_frame_size == FrameSize.SMALLER_HOST or s.sig_fx_only else 1


def load_from_frame(s: TaskMachine, k: Constants) -> int:
    """Execute XRSTOR from the frame, or FXRSTOR and an init of the rest.

    A fault may come after some registers are changed: here XMM are.
    """
    s.hw_sse[s.cpu] = s.uapi_frame_sse if s.uapi_frame_bv & SSE else Value.INIT
    s.hw_xinuse[s.cpu] |= SSE
    if xrstor_reads_the_end(s, k) and s.uapi_frame_page != Pages.PRESENT:
        return Outcome.PAGE_FAULT
    if s.uapi_frame_bad and s.sig_fx_only == 0:
        return Outcome.BAD
    s.hw_tile[s.cpu] = Value.INIT
    s.hw_xinuse[s.cpu] &= ~TILE
    present = 0 if s.sig_fx_only else xrstor_loads(PKRU, s.uapi_frame_bv)
    xrstor_pkru(s, k, present, s.uapi_frame_pkru)
    return Outcome.DONE


def check_xstate_in_sigframe(s: TaskMachine, k: Constants) -> None:
    """Look for the second magic number where the frame says that it ends."""
    s.sig_fx_only = 0 if frame_is_extended(s.uapi_frame_size, s.uapi_frame_size) else 1


def check_xstate_of_kernel_size(s: TaskMachine, k: Constants) -> int:
    """Look for the second magic number where the kernel's own frames end, whatever this frame says."""
    if s.uapi_frame_page == Pages.UNMAPPED:
        return Outcome.BAD
    at = FrameSize.SMALLER_HOST if s.uapi_frame_size == FrameSize.SMALLER_HOST else FrameSize.KERNEL
    s.sig_fx_only = 0 if frame_is_extended(at, FrameSize.KERNEL) else 1
    return Outcome.DONE


def fault_in_frame_size(s: TaskMachine, k: Constants) -> int:
    """Fault in as many bytes as the frame says that it has: the end of the frame only if it admits to it."""
    if s.uapi_frame_size == FrameSize.KERNEL:
        return fault_in_kernel_size(s, k)
    s.sig_faulted_in = 1
    return Outcome.DONE


def fault_in_kernel_size(s: TaskMachine, k: Constants) -> int:
    """Fault in as many bytes as XRSTOR may read."""
    if s.uapi_frame_page == Pages.UNMAPPED:
        return Outcome.BAD
    s.uapi_frame_page = Pages.PRESENT
    s.sig_faulted_in = 1
    return Outcome.DONE
