# SPDX-License-Identifier: Apache-2.0
"""XRSTOR and XRSTORS: what they load, initialise and leave, and why they refuse.

After the checks of `entry`: #PF on the header, #GP for the header (whatever RFBM is), #NM for
XFD, #PF on the rest, #GP for MXCSR, #GP for a supervisor register's value.  A stopped plan
changes no register, however late the cause.  Memory is needed up to the end of the last component
of RFBM in the standard format, of those that are loaded in the compacted one.

Sources: SDM "Operation of XRSTOR", "Standard Form of XRSTOR", "Compacted Form of XRSTOR",
"Operation of XRSTORS", "XRSTOR and the Init and Modified Optimizations"; order measured on Zen 4
(the place of XFD and of supervisor values is inferred).
"""

from __future__ import annotations

from typing import NamedTuple

from xsavvy.isa import masks
from xsavvy.isa.control import ANYWHERE, Control, Operand
from xsavvy.isa.entry import entry_stop, header_stop, read_stop
from xsavvy.isa.faults import Reason, Stop, not_available, protection
from xsavvy.isa.instruction import Instruction
from xsavvy.isa.layout import Layout
from xsavvy.isa.processor import Processor


class Header(NamedTuple):
    """An XSAVE header as read from memory, bit 63 of both bitmaps kept apart.

    Attributes:
        xstate_bv, xstate_bv_63: bytes 0 to 7.
        xcomp_bv, compacted: bytes 8 to 15.
        bytes_16_23_zero, bytes_24_63_zero: whether the reserved bytes are 0.
    """

    xstate_bv: int
    xcomp_bv: int = 0
    compacted: int = 0
    xstate_bv_63: int = 0
    bytes_16_23_zero: int = 1
    bytes_24_63_zero: int = 1


class RestorePlan(NamedTuple):
    """What a restore does to registers; memory never changes.

    Attributes:
        stop: fault or exit; then nothing changes and the masks are 0.
        rfbm: requested-feature bitmap.
        layout: where the components come from, None when the header was not accepted.
        extent: bytes that must be accessible.
        loads: components loaded from memory.
        inits: components set to their initial configuration.
        loads_mxcsr, inits_mxcsr: MXCSR is loaded, or set to 1F80H; neither: unchanged.
        xinuse: XINUSE afterwards as the manual gives it; a processor may clear the bit of a
            component that was loaded with its initial configuration.
        xmodified: XMODIFIED afterwards.
    """

    stop: Stop
    rfbm: int
    layout: Layout | None = None
    extent: int = 0
    loads: int = 0
    inits: int = 0
    loads_mxcsr: int = 0
    inits_mxcsr: int = 0
    xinuse: int = 0
    xmodified: int = 0


def plan_xrstor(
    processor: Processor,
    control: Control,
    instruction_mask: int,
    header: Header,
    mxcsr: int = 0x1F80,
    xinuse: int = 0,
    operand: Operand = ANYWHERE,
) -> RestorePlan:
    """Load requested components that XSTATE_BV has, initialise the other requested ones.

    XCOMP_BV[63] chooses the format; offsets in the compacted one follow from XCOMP_BV alone.
    `mxcsr` is the value in memory, `xinuse` XINUSE before.

    Faults: #UD no XSAVE, CR4.OSXSAVE=0, prefix; #NM CR0.TS; #GP misaligned; #PF header;
        #GP header; #NM XFD; #PF; #GP MXCSR.
    Status: confirmed on Zen 4, except XFD.

    >>> plan = plan_xrstor(Processor(), Control(0b11), 0b11, Header(0b01))
    >>> plan.loads, plan.inits, plan.loads_mxcsr
    (1, 2, 1)
    >>> plan_xrstor(Processor(), Control(0b11), 0, Header(0b100)).stop.describe()
    '#GP(0): the XSAVE header is not legal'
    """
    rfbm = masks.rfbm_user(instruction_mask, control.xcr0)
    stop = entry_stop(processor, Instruction.XRSTOR, control, instruction_mask, operand)
    stop = stop or header_stop(control, operand)
    if stop:
        return RestorePlan(stop, rfbm)
    if header.compacted and processor.xsavec:
        return _compacted(processor, control, rfbm, header, mxcsr, xinuse, operand, control.xcr0, 0)
    return _standard(processor, control, rfbm, header, mxcsr, xinuse, operand)


def plan_xrstors(
    processor: Processor,
    control: Control,
    instruction_mask: int,
    header: Header,
    mxcsr: int = 0x1F80,
    xinuse: int = 0,
    operand: Operand = ANYWHERE,
    illegal: int = 0,
) -> RestorePlan:
    """Restore from the compacted format, supervisor components too.

    `illegal` are the components whose bytes hold a value that the register refuses
    (`registers.cet_ok`, `registers.ssp_ok`); it matters for loaded ones only.

    Faults: #UD no XSAVES, CR4.OSXSAVE=0, prefix, ENABLE_XSAVES=0; #NM CR0.TS; #GP CPL; exit;
        #GP misaligned; #PF header; #GP header; #NM XFD; #PF; #GP MXCSR; #GP value.
    Status: header rules and values confirmed on Bochs; #PF and XFD inferred.

    >>> plan_xrstors(Processor(), Control(0b11), 3, Header(0b11)).stop.describe()
    '#GP(0): XRSTORS needs XCOMP_BV[63]=1'
    """
    rfbm = masks.rfbm_supervisor(instruction_mask, control.xcr0, control.xss)
    stop = entry_stop(processor, Instruction.XRSTORS, control, instruction_mask, operand)
    stop = stop or header_stop(control, operand)
    if stop:
        return RestorePlan(stop, rfbm)
    if not header.compacted:
        return RestorePlan(protection(Reason.NOT_COMPACTED), rfbm)
    features = control.xcr0 | control.xss
    return _compacted(processor, control, rfbm, header, mxcsr, xinuse, operand, features, illegal)


def _standard(
    processor: Processor,
    control: Control,
    rfbm: int,
    header: Header,
    mxcsr: int,
    xinuse: int,
    operand: Operand,
) -> RestorePlan:
    """Restore from the standard format, the caller's checks done.

    A processor without XSAVEC knows no other format: to it XCOMP_BV[63] is one more reserved bit.
    """
    xcomp_bv_zero = header.xcomp_bv | header.compacted
    if not masks.standard_header_ok(
        header.xstate_bv,
        header.xstate_bv_63,
        xcomp_bv_zero,
        header.bytes_16_23_zero,
        control.xcr0,
    ):
        return RestorePlan(protection(Reason.HEADER), rfbm)
    layout = processor.standard
    extent = layout.extent(rfbm)
    loads_mxcsr = masks.standard_loads_mxcsr(rfbm)
    return _finish(
        processor, control, rfbm, header.xstate_bv, mxcsr, xinuse, operand,
        layout, extent, loads_mxcsr, 0, 0,
    )  # fmt: skip


def _compacted(
    processor: Processor,
    control: Control,
    rfbm: int,
    header: Header,
    mxcsr: int,
    xinuse: int,
    operand: Operand,
    features: int,
    illegal: int,
) -> RestorePlan:
    """Restore from the compacted format, the caller's checks done."""
    xstate_bv = header.xstate_bv
    if not masks.compacted_header_ok(
        xstate_bv,
        header.xstate_bv_63,
        header.xcomp_bv,
        header.bytes_16_23_zero and header.bytes_24_63_zero,
        features,
    ):
        return RestorePlan(protection(Reason.HEADER), rfbm)
    layout = processor.compacted(header.xcomp_bv)
    extent = layout.extent(masks.xrstor_loads(rfbm, xstate_bv))
    return _finish(
        processor, control, rfbm, xstate_bv, mxcsr, xinuse, operand, layout, extent,
        masks.compacted_loads_mxcsr(rfbm, xstate_bv),
        masks.compacted_inits_mxcsr(rfbm, xstate_bv),
        illegal,
    )  # fmt: skip


def _finish(
    processor: Processor,
    control: Control,
    rfbm: int,
    xstate_bv: int,
    mxcsr: int,
    xinuse: int,
    operand: Operand,
    layout: Layout,
    extent: int,
    loads_mxcsr: int,
    inits_mxcsr: int,
    illegal: int,
) -> RestorePlan:
    """Check what is left in either format, then list the effects."""
    loads = masks.xrstor_loads(rfbm, xstate_bv)
    stop: Stop
    blocked = masks.xrstor_xfd_blocks(rfbm, xstate_bv, control.xfd)
    if blocked:
        stop = not_available(Reason.XFD, blocked)
    else:
        stop = read_stop(control, operand, extent)
    if not stop and loads_mxcsr and not masks.mxcsr_ok(mxcsr, processor.mxcsr_mask):
        stop = protection(Reason.MXCSR)
    if not stop and loads & illegal:
        stop = protection(Reason.PAYLOAD)
    if stop:
        return RestorePlan(stop, rfbm, layout, extent)
    inits = masks.xrstor_inits(rfbm, xstate_bv)
    return RestorePlan(
        stop=None,
        rfbm=rfbm,
        layout=layout,
        extent=extent,
        loads=loads,
        inits=inits,
        loads_mxcsr=loads_mxcsr,
        inits_mxcsr=inits_mxcsr,
        xinuse=masks.xinuse_after_xrstor(xinuse, loads, inits),
        xmodified=masks.xmodified_after_restore(rfbm),
    )
