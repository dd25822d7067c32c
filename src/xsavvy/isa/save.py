# SPDX-License-Identifier: Apache-2.0
"""XSAVE, XSAVEOPT, XSAVEC and XSAVES: what they write, and why they do not.

Each plan is a pure function; `xsavvy.image` and the model carry it out.  A stopped plan writes
nothing.  Memory is needed up to the end of the last component of RFBM, in use or not.  Read
`plan_xsave` first, the others say only how they differ.

Sources: SDM "Operation of XSAVE", "Operation of XSAVEOPT", "Operation of XSAVEC", "Operation of
XSAVES"; APM the same instructions.
"""

from __future__ import annotations

from typing import NamedTuple

from xsavvy.isa import masks
from xsavvy.isa.components import ALL
from xsavvy.isa.control import ANYWHERE, Control, Operand, Tracking
from xsavvy.isa.entry import entry_stop, write_stop
from xsavvy.isa.faults import Stop
from xsavvy.isa.instruction import Instruction
from xsavvy.isa.layout import Layout
from xsavvy.isa.processor import Processor


class SavePlan(NamedTuple):
    """What a save does to memory; registers never change.

    Attributes:
        stop: fault or exit; then nothing is written and the masks are 0.
        rfbm: requested-feature bitmap.
        layout: where the components go.
        extent: bytes that must be accessible and writable.
        compacted: XCOMP_BV[63] gets 1 and XCOMP_BV is written; else XCOMP_BV is untouched.
        writes: components whose bytes are written at least.
        may_write: components whose bytes are written at most (more than `writes` only where the
            modified optimisation is allowed); the bytes are those of the registers.
        initial: components of `writes` that are written as the initial configuration.
        writes_mxcsr: MXCSR and MXCSR_MASK are written.
        xstate_bv: new XSTATE_BV without bit 63 (in standard format memory's bit 63 stays).
        xcomp_bv: new XCOMP_BV without bit 63, when `compacted`.
    """

    stop: Stop
    rfbm: int
    layout: Layout
    extent: int = 0
    compacted: bool = False
    writes: int = 0
    may_write: int = 0
    initial: int = 0
    writes_mxcsr: int = 0
    xstate_bv: int = 0
    xcomp_bv: int = 0


def plan_xsave(
    processor: Processor,
    control: Control,
    instruction_mask: int,
    tracking: Tracking,
    old_bv: int,
    operand: Operand = ANYWHERE,
) -> SavePlan:
    """Write all requested components in standard form; those not in use as initial bytes.

    `old_bv` is XSTATE_BV in memory without bit 63.

    Faults: #UD no XSAVE, CR4.OSXSAVE=0, prefix; #NM CR0.TS; #GP misaligned; #PF.
    Status: confirmed on Zen 4.

    >>> plan = plan_xsave(Processor(), Control(0b11), 0b10, Tracking(0b01), 0b101)
    >>> bin(plan.xstate_bv), bin(plan.writes), bin(plan.initial), plan.writes_mxcsr
    ('0b101', '0b10', '0b10', 1)
    """
    rfbm = masks.rfbm_user(instruction_mask, control.xcr0)
    layout = processor.standard
    extent = layout.extent(rfbm)
    stop = entry_stop(processor, Instruction.XSAVE, control, instruction_mask, operand)
    stop = stop or write_stop(control, operand, extent)
    if stop:
        return SavePlan(stop, rfbm, layout, extent)
    writes = masks.xsave_writes(rfbm)
    return SavePlan(
        stop=None,
        rfbm=rfbm,
        layout=layout,
        extent=extent,
        writes=writes,
        may_write=writes,
        initial=masks.xsave_writes_initial(rfbm, tracking.xinuse, control.xfd),
        writes_mxcsr=masks.xsave_writes_mxcsr(rfbm),
        xstate_bv=masks.xsave_bv(old_bv, rfbm, tracking.xinuse, control.xfd),
    )


def plan_xsaveopt(
    processor: Processor,
    control: Control,
    instruction_mask: int,
    tracking: Tracking,
    old_bv: int,
    operand: Operand = ANYWHERE,
) -> SavePlan:
    """Write requested components that are in use and modified, in standard form.

    XSTATE_BV and MXCSR are as XSAVE writes them; neither optimisation applies to MXCSR.

    Faults: #UD no XSAVEOPT, CR4.OSXSAVE=0, prefix; #NM CR0.TS; #GP misaligned; #PF.
    Status: confirmed on Zen 4.

    >>> plan = plan_xsaveopt(Processor(), Control(0b11), 0b11, Tracking(0b11, True, 0b10), 0)
    >>> bin(plan.writes), bin(plan.may_write), bin(plan.xstate_bv), plan.writes_mxcsr
    ('0b10', '0b11', '0b11', 1)
    """
    rfbm = masks.rfbm_user(instruction_mask, control.xcr0)
    layout = processor.standard
    extent = layout.extent(rfbm)
    stop = entry_stop(processor, Instruction.XSAVEOPT, control, instruction_mask, operand)
    stop = stop or write_stop(control, operand, extent)
    if stop:
        return SavePlan(stop, rfbm, layout, extent)
    xinuse, xfd = tracking.xinuse, control.xfd
    return SavePlan(
        stop=None,
        rfbm=rfbm,
        layout=layout,
        extent=extent,
        writes=masks.xsaveopt_writes(rfbm, xinuse, xfd, tracking.xmodified),
        may_write=masks.xsaveopt_writes(rfbm, xinuse, xfd, ALL),
        writes_mxcsr=masks.xsave_writes_mxcsr(rfbm),
        xstate_bv=masks.xsave_bv(old_bv, rfbm, xinuse, xfd),
    )


def plan_xsavec(
    processor: Processor,
    control: Control,
    instruction_mask: int,
    tracking: Tracking,
    operand: Operand = ANYWHERE,
) -> SavePlan:
    """Write requested components that are in use, in compacted form.

    The header's first 16 bytes are overwritten, the rest of it is untouched.  MXCSR goes with
    the XMM registers, which count as in use while MXCSR is not 1F80H.

    Faults: #UD no XSAVEC, CR4.OSXSAVE=0, prefix; #NM CR0.TS; #GP misaligned; #PF.
    Status: confirmed on Zen 4.

    >>> plan = plan_xsavec(Processor(), Control(0b11), 0b11, Tracking(0b01, False))
    >>> bin(plan.writes), bin(plan.xstate_bv), bin(plan.xcomp_bv), plan.writes_mxcsr
    ('0b11', '0b11', '0b11', 1)
    """
    rfbm = masks.rfbm_user(instruction_mask, control.xcr0)
    layout = processor.compacted(masks.xsavec_xcomp_bv(rfbm))
    extent = layout.extent(rfbm)
    stop = entry_stop(processor, Instruction.XSAVEC, control, instruction_mask, operand)
    stop = stop or write_stop(control, operand, extent)
    if stop:
        return SavePlan(stop, rfbm, layout, extent)
    xinuse = masks.in_use(tracking.xinuse, tracking.mxcsr_initial)
    writes = masks.xsavec_writes(rfbm, xinuse, control.xfd)
    return SavePlan(
        stop=None,
        rfbm=rfbm,
        layout=layout,
        extent=extent,
        compacted=True,
        writes=writes,
        may_write=writes,
        writes_mxcsr=masks.xsavec_writes_mxcsr(writes),
        xstate_bv=masks.xsavec_bv(rfbm, xinuse, control.xfd),
        xcomp_bv=masks.xsavec_xcomp_bv(rfbm),
    )


def plan_xsaves(
    processor: Processor,
    control: Control,
    instruction_mask: int,
    tracking: Tracking,
    operand: Operand = ANYWHERE,
) -> SavePlan:
    """Write requested components, supervisor ones too, that are in use and modified, compacted.

    As XSAVEC, with IA32_XSS in RFBM and the modified optimisation; that does not apply to the SSE
    component while MXCSR is not 1F80H.

    Faults: #UD no XSAVES, CR4.OSXSAVE=0, prefix, ENABLE_XSAVES=0; #NM CR0.TS; #GP CPL; exit;
        #GP misaligned; #PF.
    Status: masks documented and agreed with Bochs; extent and #PF inferred from XSAVEC.

    >>> part = Processor(xss_supported=1 << 11)
    >>> plan = plan_xsaves(part, Control(0b11, 1 << 11), ~0, Tracking(0b1))
    >>> hex(plan.xcomp_bv), hex(plan.xstate_bv)
    ('0x803', '0x1')
    """
    rfbm = masks.rfbm_supervisor(instruction_mask, control.xcr0, control.xss)
    layout = processor.compacted(masks.xsavec_xcomp_bv(rfbm))
    extent = layout.extent(rfbm)
    stop = entry_stop(processor, Instruction.XSAVES, control, instruction_mask, operand)
    stop = stop or write_stop(control, operand, extent)
    if stop:
        return SavePlan(stop, rfbm, layout, extent)
    xinuse, xfd = tracking.xinuse, control.xfd
    forced = masks.mxcsr_forces_sse(rfbm, tracking.mxcsr_initial)
    writes = masks.xsaves_writes(rfbm, xinuse, xfd, tracking.xmodified) | forced
    return SavePlan(
        stop=None,
        rfbm=rfbm,
        layout=layout,
        extent=extent,
        compacted=True,
        writes=writes,
        may_write=masks.xsaves_writes(rfbm, xinuse, xfd, ALL) | forced,
        writes_mxcsr=masks.xsavec_writes_mxcsr(writes),
        xstate_bv=masks.xsavec_bv(rfbm, xinuse, xfd) | forced,
        xcomp_bv=masks.xsavec_xcomp_bv(rfbm),
    )
