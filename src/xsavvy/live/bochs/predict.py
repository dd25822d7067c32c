# SPDX-License-Identifier: Apache-2.0
"""The model's answer to a case: the plans of `xsavvy.isa`, `xsavvy.image.apply`, and nothing else.

What is the processor's choice is told from outside: Bochs computes XINUSE from the registers' values.
"""

from __future__ import annotations

import dataclasses
import struct
from typing import Any, Final, NamedTuple

from xsavvy.image.apply import execute
from xsavvy.image.registers import Registers
from xsavvy.isa.access import plan_rdpkru, plan_wrpkru, plan_xgetbv, plan_xsetbv
from xsavvy.isa.components import CET_S, CET_U
from xsavvy.isa.control import Control, Operand
from xsavvy.isa.faults import Fault, Stop
from xsavvy.isa.instruction import Instruction
from xsavvy.isa.layout import Layout
from xsavvy.isa.system import (
    PL0_SSP,
    PL1_SSP,
    PL2_SSP,
    PL3_SSP,
    U_CET,
    XSS,
    plan_mov_cr0,
    plan_mov_cr4,
    plan_rdmsr,
    plan_wrmsr,
)
from xsavvy.live.answer import Answer, Difference, differences
from xsavvy.live.machine.instruction import MEMORY
from xsavvy.live.machine.memory import PAGE
from xsavvy.live.machine.operand import ABSENT, WRITABLE

from .case import MSR_NUMBERS, BochsCase, Reply
from .part import Part

__all__ = ["Prediction", "disagreements", "family"]

LOW: Final = 0xFFFF_FFFF
FAMILY: Final = {name: Instruction[name.removesuffix("64").upper()] for name in MEMORY}
IN_COMPONENT: Final = {
    CET_U: (U_CET, PL3_SSP),
    CET_S: (PL0_SSP, PL1_SSP, PL2_SSP),
}
"""The MSRs that are a component, in the order of its bytes."""
HEADER_BV: Final = slice(512, 520)


def family(case: BochsCase) -> Instruction:
    """Give the instruction of a case with an operand."""
    return FAMILY[case.instruction]


class _State(NamedTuple):
    """What an instruction may change, beside memory."""

    registers: Registers
    xcr0: int
    msrs: dict[int, int]


class Prediction:
    """The model of one emulated processor."""

    def __init__(self, part: Part) -> None:
        self._processor = part.processor
        self._everything = Control(part.processor.xcr0_supported)
        self._initial = Registers.initial(part.processor)
        self._blank = bytes(part.image_bytes)
        self._has_pkru = part.has_pkru
        self._kept = part.has_cet

    def predict(self, case: BochsCase) -> Reply:
        """Predict a case."""
        before = self._before(case)
        control = Control(
            case.xcr0, case.xss, cpl=case.cpl, osxsave=case.osxsave,
            pke=case.pke and self._processor.pku, ts=case.ts,
        )  # fmt: skip
        if case.has_operand:
            stop, after, memory = self._moved(case, control, before)
            value = None
        else:
            stop, after, value = self._accessed(case, control, before)
            memory = case.memory
        return self._reply(case, before, after, stop, memory, value)

    def layout(self, case: BochsCase) -> Layout:
        """Give where components lie in the operand, to name its bytes."""
        part = self._processor
        if not case.has_operand:
            return part.standard
        xcomp_bv = int.from_bytes(case.memory[520:528], "little")
        if family(case).compacts:
            return part.compacted(case.rfbm & (case.xcr0 | case.xss))
        if not family(case).saves and xcomp_bv >> 63:
            return part.compacted(xcomp_bv & ~(1 << 63))
        return part.standard

    @property
    def standard(self) -> Layout:
        """Give where components lie in the state that is read back."""
        return self._processor.standard

    def _before(self, case: BochsCase) -> _State:
        """Load the setup image and the MSRs, as the kernel does."""
        loaded = execute(
            self._processor, Instruction.XRSTOR, self._initial, case.setup,
            self._everything.xcr0, self._everything,
        )  # fmt: skip
        msrs = dict(zip(MSR_NUMBERS, case.msrs, strict=True))
        if not self._kept:
            msrs = {number: 0 if number != XSS else value for number, value in msrs.items()}
        return _State(self._joined(loaded.registers, msrs), case.xcr0, msrs)

    def _joined(self, registers: Registers, msrs: dict[int, int]) -> Registers:
        """Put MSRs into the components that hold them, and track XINUSE by value."""
        extended = dict(registers.extended)
        for bit, numbers in IN_COMPONENT.items():
            index = bit.bit_length() - 1
            if index in extended:
                values = [msrs[number] for number in numbers]
                extended[index] = struct.pack(f"<{len(values)}Q", *values)
        return dataclasses.replace(registers, extended=extended).by_value(self._processor)

    def _parted(self, registers: Registers, msrs: dict[int, int]) -> dict[int, int]:
        """Read MSRs out of the components that hold them."""
        found = dict(msrs)
        for bit, numbers in IN_COMPONENT.items():
            data = registers.extended.get(bit.bit_length() - 1)
            if data is not None:
                found.update(zip(numbers, struct.unpack(f"<{len(numbers)}Q", data), strict=True))
        return found

    def _moved(
        self, case: BochsCase, control: Control, before: _State
    ) -> tuple[Stop, _State, bytes]:
        """Execute a save or a restore."""
        result = execute(
            self._processor, family(case), before.registers, case.memory, case.rfbm, control,
            wide=case.instruction.endswith("64"), operand=operand_of(case),
        )  # fmt: skip
        registers = result.registers.by_value(self._processor)
        after = _State(registers, before.xcr0, self._parted(registers, before.msrs))
        return result.stop, after, result.memory

    def _accessed(
        self, case: BochsCase, control: Control, before: _State
    ) -> tuple[Stop, _State, int | None]:
        """Execute an instruction without an area."""
        part, index, eax, edx = self._processor, case.index, case.rfbm & LOW, case.rfbm >> 32
        plan: Any
        match case.instruction:
            case "xgetbv":
                plan = plan_xgetbv(part, control, index, before.registers.tracking())
                return plan.stop, before, plan.value
            case "rdpkru":
                plan = plan_rdpkru(part, control, index, self._pkru(before.registers))
                return plan.stop, before, plan.value
            case "rdmsr":
                plan = plan_rdmsr(part, control, index, before.msrs.get(index, 0))
                return plan.stop, before, plan.value
            case "xsetbv":
                plan = plan_xsetbv(part, control, index, case.rfbm)
                after = before if plan.stop else before._replace(xcr0=plan.value)
            case "wrpkru":
                plan = plan_wrpkru(part, control, index, edx, eax)
                after = before if plan.stop else self._with_pkru(before, plan.value)
            case "wrmsr":
                plan = plan_wrmsr(part, control, index, case.rfbm)
                after = before if plan.stop else self._with_msr(before, index, plan.value)
            case "mov cr4,rax":
                plan, after = plan_mov_cr4(part, control, int(case.wp), eax), before
            case _:
                plan, after = plan_mov_cr0(control, int(case.cet), eax), before
        return plan.stop, after, None

    def _pkru(self, registers: Registers) -> int:
        return int.from_bytes(registers.extended.get(9, b"")[:4], "little")

    def _with_pkru(self, state: _State, value: int) -> _State:
        extended = {**state.registers.extended, 9: value.to_bytes(8, "little")}
        registers = dataclasses.replace(state.registers, extended=extended)
        return state._replace(registers=registers.by_value(self._processor))

    def _with_msr(self, state: _State, index: int, value: int) -> _State:
        msrs = {**state.msrs, index: value}
        return state._replace(registers=self._joined(state.registers, msrs), msrs=msrs)

    def _reply(
        self,
        case: BochsCase,
        before: _State,
        after: _State,
        stop: Stop,
        memory: bytes,
        value: int | None,
    ) -> Reply:
        """Lay a prediction out as the emulator's answer is."""
        fault = stop if isinstance(stop, Fault) else None
        address = None if fault is None else fault.address
        area = execute(
            self._processor, Instruction.XSAVE, after.registers, self._blank,
            self._everything.xcr0, self._everything,
        ).memory  # fmt: skip
        return Reply(
            Answer(
                vector=None if fault is None else int(fault.vector),
                error=0 if fault is None else fault.error_code or 0,
                cr2=None if address is None else address - case.offset,
                value=None if fault else value,
                xinuse_before=self._in_use(before),
                xinuse_after=self._in_use(after),
                memory=memory,
                after=area[: HEADER_BV.start] + bytes(8) + area[HEADER_BV.stop :],
            ),
            xcr0=after.xcr0,
            pkru=self._pkru(after.registers) if self._has_pkru else 0,
            msrs=tuple(after.msrs[number] for number in MSR_NUMBERS),
        )

    def _in_use(self, state: _State) -> int:
        plan = plan_xgetbv(self._processor, Control(state.xcr0), 1, state.registers.tracking())
        return plan.value


def operand_of(case: BochsCase) -> Operand:
    """Describe a case's pages as the model sees them: how far it can read, and write."""
    if not case.paged:
        return Operand(case.offset, prefixed=bool(case.prefix))
    pages = (case.first, case.second, ABSENT)
    readable = writable = 2 * PAGE
    for number in reversed(range(case.offset // PAGE, len(pages))):
        if pages[number] == ABSENT:
            readable = number * PAGE
        if pages[number] != WRITABLE:
            writable = number * PAGE
    first = case.offset
    return Operand(first, max(readable - first, 0), max(writable - first, 0), bool(case.prefix))


def disagreements(
    model: Prediction, case: BochsCase, predicted: Reply, seen: Reply
) -> tuple[Difference, ...]:
    """List where a prediction and an answer differ, the most telling first."""
    if predicted == seen:
        return ()
    found = list(differences(predicted.answer, seen.answer, model.layout(case), 0, model.standard))
    for name in ("xcr0", "pkru"):
        one, other = getattr(predicted, name), getattr(seen, name)
        if one != other:
            found.append(Difference(name.upper(), hex(one), hex(other)))
    for number, one, other in zip(MSR_NUMBERS, predicted.msrs, seen.msrs, strict=True):
        if one != other:
            found.append(Difference(f"MSR {number:#x}", hex(one), hex(other)))
    return tuple(found)
