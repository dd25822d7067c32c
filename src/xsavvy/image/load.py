# SPDX-License-Identifier: Apache-2.0
"""Would XRSTOR or XRSTORS load an image on a processor, what would each component become, and if not, why?

The rules are the instructions' plans in `isa`, applied to the image's bytes; here they are told in words.  One question
no instruction asks: whether the image has its components where this processor reads them.

Sources: `isa.restore`; SDM "Operation of XRSTOR", "Operation of XRSTORS".
"""

from __future__ import annotations

from dataclasses import dataclass

from xsavvy.image.apply import Result, execute, illegal_values
from xsavvy.image.file.saved import Saved
from xsavvy.image.recover import Certainty, Recovered
from xsavvy.image.registers import Registers
from xsavvy.isa.components import ALL, indices, names
from xsavvy.isa.control import Control
from xsavvy.isa.faults import Fault, Reason
from xsavvy.isa.instruction import Instruction
from xsavvy.isa.layout import Layout
from xsavvy.isa.processor import Processor
from xsavvy.isa.restore import Header, RestorePlan

__all__ = ["Fate", "Verdict", "header_faults", "misplaced", "would_load"]


@dataclass(frozen=True)
class Fate:
    """What becomes of one component: `loaded`, `initialized`, `kept`, `dropped`; and why."""

    component: str
    becomes: str
    why: str = ""


@dataclass(frozen=True)
class Verdict:
    """What somebody who is handed an image says to it.

    Attributes:
        by: XRSTOR, XRSTORS, or KVM_SET_XSAVE and a kernel.
        accepts: whether it takes the image.
        sound: whether what it takes is what was saved.
        stop: the exception or errno, empty if it accepts.
        why: sentences.
        fates: what becomes of each component, empty if it refuses, as then nothing changes.
    """

    by: str
    accepts: bool
    sound: bool
    stop: str
    why: tuple[str, ...]
    fates: tuple[Fate, ...]


def would_load(
    saved: Saved,
    recovered: Recovered,
    processor: Processor,
    control: Control,
    instruction: Instruction = Instruction.XRSTOR,
) -> Verdict:
    """Ask XRSTOR or XRSTORS, with every component requested.

    >>> from xsavvy.isa.layout import LEGACY_PLACES
    >>> area = bytearray(576)
    >>> area[512] = 4
    >>> where = Recovered(Layout(LEGACY_PLACES), Certainty.FITS, "")
    >>> found = would_load(Saved(bytes(area)), where, Processor(), Control(3))
    >>> found.stop, found.why
    ('#GP(0)', ('XSTATE_BV names AVX, which XCR0 does not enable',))
    """
    by = instruction.value
    result = _executed(saved, processor, control, instruction)
    plan = result.plan
    assert isinstance(plan, RestorePlan)
    if result.stop is not None:
        why = _why(saved, plan, result.stop, processor, control, instruction)
        stop = result.stop.describe().partition(":")[0]
        return Verdict(by, False, False, stop, why, ())
    moved = misplaced(recovered, plan.layout, plan.loads)
    said = [f"{names(1 << index)[0]}: {why}" for index, why in moved.items()]
    if plan.extent > len(saved.area):
        said.append(f"it wants {plan.extent} bytes of memory, and the image has {len(saved.area)}")
    return Verdict(by, True, not moved, "", tuple(said), tuple(_fates(plan, control, moved)))


def _executed(
    saved: Saved, processor: Processor, control: Control, instruction: Instruction
) -> Result:
    """Execute the restore with memory behind the image; without it if what is loaded lies there."""
    start = Registers.initial(processor)
    memory = saved.area.ljust(processor.standard.size, b"\0")
    result = execute(processor, instruction, start, memory, ALL, control)
    plan = result.plan
    assert isinstance(plan, RestorePlan)
    if plan.layout is not None and plan.layout.extent(plan.loads) > len(saved.area):
        return execute(processor, instruction, start, saved.area, ALL, control)
    return result


def _why(
    saved: Saved,
    plan: RestorePlan,
    stop: object,
    processor: Processor,
    control: Control,
    instruction: Instruction,
) -> tuple[str, ...]:
    """Say in words what the fault is for."""
    assert isinstance(stop, Fault)
    if stop.reason is Reason.HEADER:
        features = control.features if instruction.supervisor else control.xcr0
        compacts = bool(saved.header.compacted and processor.xsavec)
        return tuple(header_faults(saved.header, features, compacts, instruction.supervisor))
    if stop.reason is Reason.XFD:
        return (f"IA32_XFD disables {', '.join(names(stop.xfd_err))}, which XSTATE_BV has",)
    if stop.reason is Reason.MXCSR:
        value = int.from_bytes(saved.area[24:28], "little")
        wrong = value & ~processor.mxcsr_mask
        return (
            f"MXCSR {value:#x} has {wrong:#x}, which is reserved under {processor.mxcsr_mask:#x}",
        )
    if stop.reason is Reason.PAYLOAD_PAGE:
        return (f"the image ends at byte {len(saved.area)}, what it names at {plan.extent}",)
    if stop.reason is Reason.PAYLOAD:
        wrong = illegal_values(processor, saved.area, saved.header)
        return (
            f"{_names(wrong)}: a register refuses the value (not canonical, or a reserved bit)",
        )
    return (stop.reason.value,)


def header_faults(head: Header, features: int, compacts: bool, supervisor: bool) -> list[str]:
    """Say in words what is wrong with a header where components in `features` are enabled.

    >>> header_faults(Header(0b11, xcomp_bv=0b1), 0b111, False, False)
    ['XCOMP_BV is 0x1, and has to be 0 in the standard format']
    """
    found = []
    where = "XCR0 and IA32_XSS do not enable" if supervisor else "XCR0 does not enable"
    if not compacts:
        if head.xstate_bv & ~features:
            found.append(f"XSTATE_BV names {_names(head.xstate_bv & ~features)}, which {where}")
        xcomp_bv = head.xcomp_bv | head.compacted << 63
        if xcomp_bv:
            found.append(f"XCOMP_BV is {xcomp_bv:#x}, and has to be 0 in the standard format")
        if not head.bytes_16_23_zero:
            found.append("bytes 16 to 23 of the header are not 0")
    else:
        if head.xcomp_bv & ~features:
            found.append(f"XCOMP_BV names {_names(head.xcomp_bv & ~features)}, which {where}")
        if head.xstate_bv & ~head.xcomp_bv:
            beyond = _names(head.xstate_bv & ~head.xcomp_bv)
            found.append(f"XSTATE_BV names {beyond}, which XCOMP_BV does not")
        if not head.bytes_16_23_zero or not head.bytes_24_63_zero:
            found.append("bytes 16 to 63 of the header are not 0")
    if head.xstate_bv_63:
        found.append("XSTATE_BV has bit 63")
    return found or [Reason.HEADER.value]


def _names(mask: int) -> str:
    return ", ".join(names(mask))


def misplaced(recovered: Recovered, layout: Layout | None, loads: int) -> dict[int, str]:
    """Find components that would be read from another place than the image has them at."""
    found = {}
    for index in indices(loads):
        mine = recovered.layout.get(index)
        theirs = layout.get(index) if layout is not None else None
        if mine is None:
            found[index] = "the image's place for it is not known"
        elif theirs is not None and mine.offset != theirs.offset:
            found[index] = f"saved at {mine.offset}, read at {theirs.offset}"
        elif theirs is not None and mine.size != theirs.size:
            found[index] = f"saved with {mine.size} bytes, read with {theirs.size}"
    if recovered.certainty is Certainty.GUESS:
        return {index: f"{why} (if the guess is right)" for index, why in found.items()}
    return found


def _fates(plan: RestorePlan, control: Control, moved: dict[int, str]) -> list[Fate]:
    found = []
    for index in indices(control.features):
        name, bit = names(1 << index)[0], 1 << index
        if plan.loads & bit:
            found.append(Fate(name, "loaded", moved.get(index, "")))
        elif plan.inits & bit:
            found.append(Fate(name, "initialized", "XSTATE_BV does not name it"))
        else:
            found.append(Fate(name, "kept", "supervisor state, which XRSTOR does not touch"))
    how = "loaded" if plan.loads_mxcsr else "initialized" if plan.inits_mxcsr else "kept"
    found.append(Fate("MXCSR", how))
    return found
