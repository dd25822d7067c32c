# SPDX-License-Identifier: Apache-2.0
"""The instructions' plans applied to bytes: `execute` is one instruction on one processor.

The plan says what happens; this module only moves the bytes.  Bytes that the plan does not name
stay as they were: components that are not written, 416-511, the reserved part of the header.

Sources: SDM "Operation of XSAVE" and its five siblings; every byte compared with Zen 4 for
components 0-2 and 5-7 by `xsavvy conform --silicon`.
"""

from __future__ import annotations

import struct
from typing import Final, NamedTuple

from xsavvy.image import header, legacy
from xsavvy.image.legacy import INITIAL_X87
from xsavvy.image.registers import MXCSR_INITIAL, XMM_INITIAL, Registers, initial
from xsavvy.isa import masks, restore, save
from xsavvy.isa import registers as rules
from xsavvy.isa.components import ALL, CET, CET_S, CET_U, SSE, indices
from xsavvy.isa.components import X87 as X87_BIT
from xsavvy.isa.control import ANYWHERE, Control, Operand
from xsavvy.isa.faults import Fault, Stop
from xsavvy.isa.instruction import Instruction
from xsavvy.isa.processor import Processor
from xsavvy.isa.restore import Header, RestorePlan
from xsavvy.isa.save import SavePlan

_MXCSR: Final = struct.Struct("<I")
_MXCSR_AND_MASK: Final = struct.Struct("<II")
_MXCSR_OFFSET: Final = 24
_XMM: Final = slice(160, 416)
_EXTENDED: Final = ALL & ~(X87_BIT | SSE)
_MOVED_BYTES: Final = {9: 4}
"""PKRU fills 4 of its component's 8 bytes; a save leaves the others alone (inferred)."""


class Result(NamedTuple):
    """What an instruction did.

    Attributes:
        stop: fault or exit that prevented it, else None.
        memory: the area afterwards.
        registers: the registers afterwards.
        plan: what the rules said.
    """

    stop: Stop
    memory: bytes
    registers: Registers
    plan: SavePlan | RestorePlan

    @property
    def fault(self) -> Fault | None:
        """Give the exception, None for an exit and for success."""
        return self.stop if isinstance(self.stop, Fault) else None


def enabled(processor: Processor, *, cpl: int = 0) -> Control:
    """Enable everything that a processor supports.

    >>> enabled(Processor(xcr0_supported=7)).xcr0
    7
    """
    return Control(processor.xcr0_supported, processor.xss_supported, cpl=cpl)


def execute(
    processor: Processor,
    instruction: Instruction,
    registers: Registers,
    memory: bytes | bytearray,
    instruction_mask: int,
    control: Control | None = None,
    *,
    wide: bool = True,
    operand: Operand = ANYWHERE,
    xmodified: int = ALL,
) -> Result:
    """Execute one save or restore.

    Args:
        processor: what the part supports.
        instruction: which one.
        registers: before the instruction.
        memory: the XSAVE area; what lies beyond its end is not mapped.
        instruction_mask: EDX:EAX.
        control: what is enabled; everything supported at CPL 0 by default.
        wide: the form with REX.W (64-bit FIP and FDP).
        operand: address, further limits of access, prefixes.
        xmodified: XMODIFIED as the instruction may use it; by default no optimisation applies.

    >>> part = Processor(xcr0_supported=0b11)
    >>> area = bytes(576)
    >>> saved = execute(part, Instruction.XSAVE, Registers.initial(part), area, 0b11)
    >>> saved.stop, saved.memory[:2].hex(), saved.memory[24:28].hex()
    (None, '7f03', '801f0000')
    >>> execute(part, Instruction.XRSTOR, saved.registers, area[:512], 0).fault.error_code
    0
    """
    control = control or enabled(processor)
    size = len(memory)
    if operand.accessible is None or operand.accessible > size:
        operand = operand._replace(accessible=size)
    if instruction.saves:
        return _save(
            processor, instruction, registers, memory, instruction_mask, control, wide, operand,
            xmodified,
        )  # fmt: skip
    return _restore(
        processor, instruction, registers, memory, instruction_mask, control, wide, operand
    )


# --- saving ---------------------------------------------------------------------------------


def _save(
    processor: Processor,
    instruction: Instruction,
    registers: Registers,
    memory: bytes | bytearray,
    instruction_mask: int,
    control: Control,
    wide: bool,
    operand: Operand,
    xmodified: int,
) -> Result:
    tracking = registers.tracking(xmodified)
    old_bv = 0
    if not instruction.compacts and len(memory) >= 520:
        old_bv = int.from_bytes(memory[512:520], "little")
    plan: SavePlan
    match instruction:
        case Instruction.XSAVE:
            plan = save.plan_xsave(
                processor, control, instruction_mask, tracking, old_bv & ALL, operand
            )
        case Instruction.XSAVEOPT:
            plan = save.plan_xsaveopt(
                processor, control, instruction_mask, tracking, old_bv & ALL, operand
            )
        case Instruction.XSAVEC:
            plan = save.plan_xsavec(processor, control, instruction_mask, tracking, operand)
        case _:
            plan = save.plan_xsaves(processor, control, instruction_mask, tracking, operand)
    if plan.stop:
        return Result(plan.stop, bytes(memory), registers, plan)
    area = bytearray(memory)
    write_components(area, registers, plan, processor, wide)
    if plan.compacted:
        header.write(area, xstate_bv=plan.xstate_bv, xcomp_bv=plan.xcomp_bv, compacted=True)
    else:
        bits = plan.xstate_bv | old_bv & ~ALL
        area[512:520] = bits.to_bytes(8, "little")
    return Result(None, bytes(area), registers, plan)


def write_components(
    area: bytearray, registers: Registers, plan: SavePlan, processor: Processor, wide: bool
) -> None:
    """Write what a save plan lists into an area, without the header."""
    writes, blank = plan.writes, plan.initial
    if writes & X87_BIT:
        x87 = INITIAL_X87 if blank & X87_BIT else registers.x87
        legacy.store(area, x87, processor, wide)
    if writes & SSE:
        area[_XMM] = XMM_INITIAL if blank & SSE else registers.xmm
    if plan.writes_mxcsr:
        _MXCSR_AND_MASK.pack_into(area, _MXCSR_OFFSET, registers.mxcsr, processor.mxcsr_mask)
    layout, extended = plan.layout, registers.extended
    for index in indices(writes & _EXTENDED):
        place = layout[index]
        moved = _MOVED_BYTES.get(index, place.size)
        data = initial(index, place.size) if blank >> index & 1 else extended[index]
        area[place.offset : place.offset + moved] = data[:moved]


# --- restoring ------------------------------------------------------------------------------


def _restore(
    processor: Processor,
    instruction: Instruction,
    registers: Registers,
    memory: bytes | bytearray,
    instruction_mask: int,
    control: Control,
    wide: bool,
    operand: Operand,
) -> Result:
    head, mxcsr = Header(0), 0
    if len(memory) >= 576:
        head = header.read(memory)
        (mxcsr,) = _MXCSR.unpack_from(memory, _MXCSR_OFFSET)
    if instruction.supervisor:
        illegal = illegal_values(processor, memory, head)
        plan = restore.plan_xrstors(
            processor, control, instruction_mask, head, mxcsr, registers.xinuse, operand, illegal
        )
    else:
        plan = restore.plan_xrstor(
            processor, control, instruction_mask, head, mxcsr, registers.xinuse, operand
        )
    if plan.stop:
        after = registers
        if isinstance(plan.stop, Fault) and plan.stop.xfd_err:
            after = registers.with_xfd_err(plan.stop.xfd_err)
        return Result(plan.stop, bytes(memory), after, plan)
    after = read_components(memory, registers, plan, processor, wide, mxcsr)
    return Result(None, bytes(memory), after, plan)


def read_components(
    memory: bytes | bytearray,
    registers: Registers,
    plan: RestorePlan,
    processor: Processor,
    wide: bool,
    mxcsr: int,
) -> Registers:
    """Read what a restore plan lists from an area; `mxcsr` is the value in it."""
    loads, inits = plan.loads, plan.inits
    x87, xmm, extended = registers.x87, registers.xmm, registers.extended
    blank = 0
    if loads & X87_BIT:
        x87 = legacy.load(memory, processor, wide, x87)
        blank |= X87_BIT if legacy.is_initial(x87, processor) else 0
    elif inits & X87_BIT:
        x87 = INITIAL_X87
    if loads & SSE:
        xmm = bytes(memory[_XMM])
        blank |= SSE if xmm == XMM_INITIAL else 0
    elif inits & SSE:
        xmm = XMM_INITIAL
    if (loads | inits) & _EXTENDED and plan.layout is not None:
        changed = dict(extended)
        for index in indices(loads & _EXTENDED):
            offset, size = plan.layout[index]
            data = bytes(memory[offset : offset + _MOVED_BYTES.get(index, size)])
            if len(data) < size:
                data = data.ljust(size, b"\0")
            changed[index] = data
            blank |= 1 << index if data == initial(index, size) else 0
        for index in indices(inits & _EXTENDED):
            changed[index] = initial(index, processor.subleaves[index].size)
        extended = changed
    if plan.inits_mxcsr:
        new_mxcsr = MXCSR_INITIAL
    else:
        new_mxcsr = mxcsr if plan.loads_mxcsr else registers.mxcsr
    xinuse = plan.xinuse
    if processor.xinuse_by_value:
        xinuse = masks.xinuse_after_xrstor_by_value(registers.xinuse, loads, inits, blank)
    return Registers(x87, new_mxcsr, xmm, extended, xinuse, registers.xfd_err)


def illegal_values(processor: Processor, memory: bytes | bytearray, head: Header) -> int:
    """List components of a compacted area that hold a value which its register refuses.

    Looks at CET_U and CET_S; the values of other supervisor components are not judged.
    """
    found = 0
    if not (head.compacted and head.xstate_bv & CET):
        return 0
    layout, width = processor.compacted(head.xcomp_bv), processor.linear_address_bits
    for bit in (CET_U, CET_S):
        index = bit.bit_length() - 1
        if not (head.xstate_bv & bit and index in layout):
            continue
        offset, size = layout[index]
        if offset + size > len(memory):
            continue
        values = list(struct.unpack_from(f"<{size // 8}Q", memory, offset))
        legal = True
        if bit == CET_U:
            cet = values.pop(0)
            legal = bool(rules.cet_ok(cet, processor.cet_ss, processor.cet_ibt, width))
        if not legal or not all(rules.ssp_ok(value, width) for value in values):
            found |= bit
    return found
