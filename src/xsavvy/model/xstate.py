# SPDX-License-Identifier: Apache-2.0
"""XSAVES and XRSTORS on tokens: the mask rules of `isa.masks`, applied to the model's machine.

The same rules, applied to bytes, are what `image` does and what silicon was asked about. Nothing here knows who
calls; `fpu` and `run` do.
"""

from xsavvy.isa.components import CET_U, PKRU, SSE
from xsavvy.isa.masks import (
    xinuse_after_xrstor,
    xrstor_inits,
    xrstor_loads,
    xrstor_xfd_blocks,
    xsavec_bv,
)

from .constants import Constants, SaveMask, UserRegisters
from .machine import Machine
from .values import IMAGE, TILE, Buffer, Fault, Task, Value

__all__ = [
    "forget_image",
    "installed_fpstate",
    "note_pkru_inuse",
    "xfd_update_state",
    "xrstors",
    "xsaves",
]


def installed_fpstate(s: Machine, k: Constants) -> int:
    """Name the buffer that `current->thread.fpu.fpstate` points to.

    Source: arch/x86/kernel/fpu/core.c fpu_swap_kvm_fpstate() (the pointer is swapped, not the contents).
    """
    if s.current == Task.VMM and s.guest_fp_in_use and k.user_registers == UserRegisters.OWN_BUFFER:
        return Buffer.GUEST
    return s.current


def xsaves(s: Machine, k: Constants, buffer: int) -> None:
    """Save this CPU's registers to a buffer.

    RFBM is the buffer's own xfeatures; with `save_mask=all` it is everything the host has enabled, which a buffer
    without room does not survive.
    Source: arch/x86/kernel/fpu/xstate.h os_xsave(); SDM "XSAVES: Save Processor Extended States Supervisor".
    """
    cpu = s.cpu
    features = s.hw_xcr0[cpu] | s.hw_xss[cpu]
    rfbm = s.fp_xfeatures[buffer] & features
    if k.save_mask == SaveMask.ALL:
        rfbm = features
    saved = xsavec_bv(rfbm, s.hw_xinuse[cpu], s.hw_xfd[cpu] & s.hw_xcr0[cpu]) & IMAGE
    if saved & TILE & ~s.fp_xfeatures[buffer]:
        s.fault = Fault.WRITE_BEYOND_FPSTATE
    s.fp_xstate_bv[buffer] = saved
    if saved & SSE:
        s.fp_sse[buffer] = s.hw_sse[cpu]
    if saved & CET_U:
        s.fp_cet_u[buffer] = s.hw_cet_u[cpu]
    if saved & TILE:
        s.fp_tile[buffer] = s.hw_tile[cpu]


def xrstors(s: Machine, k: Constants, buffer: int) -> None:
    """Restore this CPU's registers from a buffer; every kernel component but PKRU.

    A component that the buffer lacks goes to its initial configuration. XCOMP_BV was written with the buffer's
    xfeatures, so the instruction faults when XCR0 and XSS are not the host's; it faults too when it must load a
    component that XFD disables. The kernel survives neither.
    Source: arch/x86/include/asm/fpu/xcr.h and arch/x86/kernel/fpu/core.c restore_fpregs_from_fpstate(); SDM
    "XRSTORS: Restore Processor Extended States Supervisor", "Extended Feature Disable (XFD)".
    """
    cpu = s.cpu
    features = s.hw_xcr0[cpu] | s.hw_xss[cpu]
    xstate_bv = s.fp_xstate_bv[buffer]
    rfbm = (k.host_xcr0 | k.host_xss) & features & ~PKRU
    if s.fp_xfeatures[buffer] & ~features:
        s.fault = Fault.XRSTORS_GP
        return
    if xrstor_xfd_blocks(rfbm, xstate_bv, s.hw_xfd[cpu] & s.hw_xcr0[cpu]):
        s.hw_xfd_err[cpu] |= TILE
        s.fault = Fault.XRSTORS_NM
        return
    loads = xrstor_loads(rfbm, xstate_bv)
    inits = xrstor_inits(rfbm, xstate_bv)
    if loads & SSE:
        s.hw_sse[cpu] = s.fp_sse[buffer]
    if inits & SSE:
        s.hw_sse[cpu] = Value.INIT
    if loads & CET_U:
        s.hw_cet_u[cpu] = s.fp_cet_u[buffer]
    if inits & CET_U:
        s.hw_cet_u[cpu] = Value.INIT
    if loads & TILE:
        s.hw_tile[cpu] = s.fp_tile[buffer]
    if inits & TILE:
        s.hw_tile[cpu] = Value.INIT
    s.hw_xinuse[cpu] = xinuse_after_xrstor(s.hw_xinuse[cpu], loads & IMAGE, inits & IMAGE)


def forget_image(s: Machine, k: Constants, buffer: int) -> None:
    """Mark a buffer's contents as stale: from now on the registers are the truth.

    The kernel does not do this; it may not read them either until the next save, and the mark makes it visible
    if it does.
    """
    s.fp_sse[buffer] = Value.ANY
    s.fp_cet_u[buffer] = Value.ANY
    s.fp_tile[buffer] = Value.ANY


def xfd_update_state(s: Machine, k: Constants, buffer: int) -> None:
    """Make IA32_XFD that of a buffer, unless the kernel's cache says that it is already.

    Source: arch/x86/kernel/fpu/xstate.h xfd_update_state().
    """
    if k.xfd_capable:
        if s.cpu_xfd_state[s.cpu] != s.fp_xfd[buffer]:
            s.hw_xfd[s.cpu] = s.fp_xfd[buffer]
            s.cpu_xfd_state[s.cpu] = s.fp_xfd[buffer]


def note_pkru_inuse(s: Machine, k: Constants) -> None:
    """Set XINUSE[PKRU] after a WRPKRU.

    A value other than 0 is always in use. For 0 processors differ: some track the value, some the write.
    Source: SDM "XSAVE-Managed State" and "Processor Tracking of XSAVE-Managed State"; commit ae6012d72fa6
    (x86/pkeys: Ensure updated PKRU value is XRSTOR'd) for processors that track the value.
    """
    if k.pkru_inuse_tracked == 0:
        return
    if k.pkru_inuse_by_value and s.hw_pkru[s.cpu] == Value.INIT:
        s.hw_xinuse[s.cpu] &= ~PKRU
    else:
        s.hw_xinuse[s.cpu] |= PKRU
