# SPDX-License-Identifier: Apache-2.0
"""The model's answer to a case: `xsavvy.isa`'s plans and `xsavvy.image.apply`, and nothing else.

No rule of the processor stands here. What does: how a case's pages look to the model, how its
result is laid out like the processor's, and which other answers the manuals allow.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Final, NamedTuple

from xsavvy.image.apply import execute
from xsavvy.image.legacy import FCW_ALWAYS, FCW_BITS, summary
from xsavvy.image.registers import Registers
from xsavvy.isa.access import plan_rdpkru, plan_wrpkru, plan_xgetbv, plan_xsetbv
from xsavvy.isa.components import ALL, SSE
from xsavvy.isa.control import Control, Operand
from xsavvy.isa.faults import Fault, Reason, Stop, undefined
from xsavvy.isa.instruction import Instruction, decode
from xsavvy.isa.layout import ALIGNMENT, Layout
from xsavvy.live.answer import PAGE_FAULT, Answer
from xsavvy.live.case import Case
from xsavvy.live.host import Host
from xsavvy.live.machine.instruction import LENS, MEMORY
from xsavvy.live.machine.memory import PAGE
from xsavvy.live.machine.operand import ABSENT, SPACE, WRITABLE
from xsavvy.live.silicon import BACKGROUND

__all__ = ["Prediction"]

CLWB: Final = "CLWB"
LOW: Final = 0xFFFF_FFFF
FAMILY: Final = {name: Instruction[name.removesuffix("64").upper()] for name in MEMORY}
ALIGNMENT_CHECK: Final = 17
UNMODIFIED: Final = "modified optimisation: an unmodified component need not be written"
AS_ALIGNMENT_CHECK: Final = "with RFLAGS.AC=1, #AC may take the place of #GP for misalignment"
INITIAL_IN_USE: Final = "a component with initial data may count as in use"
OTHER_BYTE: Final = "no manual says which byte of the area CR2 names"

_CPL: Final = 3


class _Outcome(NamedTuple):
    """What the model says before it is laid out as an `Answer`."""

    stop: Stop
    registers: Registers
    memory: bytes
    value: int | None = None


class Prediction:
    """The model of one processor.

    Args:
        host: what the model is told about the processor.
    """

    def __init__(self, host: Host) -> None:
        self._host = host
        self._processor = host.processor
        self._control = Control(host.xcr0, cpl=_CPL, pke=bool(host.table.read(7).ecx >> 4 & 1))
        self._initial = Registers.initial(host.processor)
        self._blank = bytes(host.image_bytes)
        has_clwb = host.table.read(7).ebx >> 24 & 1
        self._clwb: Stop = None if has_clwb else undefined(Reason.UNSUPPORTED)

    def predict(self, case: Case, seen: Answer) -> Answer:
        """Predict a case; `seen` is not looked at where the processor tracks XINUSE by value."""
        del seen
        before = self._loaded(case.setup)
        return self._answer(case, before, self._outcome(case, before, ALL))

    def allowed(self, case: Case, seen: Answer) -> Iterator[tuple[str, Answer]]:
        """Give the other answers that the manuals allow here, each with the reason."""
        if case.in_place:
            before = self._loaded(case.setup)
            for left_out in _subsets(self._host.reachable):
                outcome = self._outcome(case, before, ALL & ~left_out)
                yield UNMODIFIED, self._answer(case, before, outcome)
        if seen.vector == ALIGNMENT_CHECK and case.align_check and case.offset % ALIGNMENT:
            predicted = self.predict(case, seen)
            yield AS_ALIGNMENT_CHECK, dataclasses.replace(predicted, vector=ALIGNMENT_CHECK)
        if not self._processor.is_amd:
            yield from self._choices(case, seen)

    def layouts(self, case: Case) -> tuple[Layout, Layout]:
        """Give the layouts of the operand and of the state that is read back."""
        standard = self._processor.standard
        if case.instruction.startswith("xsavec"):
            return self._processor.compacted(case.rfbm & self._host.xcr0), standard
        return standard, standard

    def _choices(self, case: Case, seen: Answer) -> Iterator[tuple[str, Answer]]:
        """Take from the processor what only it can say: XINUSE of initial data, and CR2."""
        before = self._adopted(self._loaded(case.setup), seen.xinuse_before)
        outcome = self._outcome(case, before, ALL)
        after = self._adopted(outcome.registers, seen.xinuse_after)
        answer = self._answer(case, before, outcome._replace(registers=after))
        yield INITIAL_IN_USE, answer
        if answer.vector == seen.vector == PAGE_FAULT and seen.cr2 is not None:
            if 0 <= seen.cr2 < SPACE:
                yield OTHER_BYTE, dataclasses.replace(answer, cr2=seen.cr2, error=seen.error)

    def _adopted(self, registers: Registers, seen: int) -> Registers:
        """Count components with initial data as in use where the processor does."""
        initial = registers.in_initial(self._processor) & self._host.reachable
        if registers.mxcsr != self._initial.mxcsr:
            initial &= ~SSE  # XGETBV(1) says nothing about XMM then
        return dataclasses.replace(registers, xinuse=registers.xinuse & ~initial | seen & initial)

    def _loaded(self, setup: bytes) -> Registers:
        """Load a setup image, as the stub does; only its own format decides, so it cannot stop."""
        mask = self._host.reachable
        result = execute(
            self._processor, Instruction.XRSTOR, self._initial, setup, mask, self._control
        )
        return result.registers

    def _outcome(self, case: Case, before: Registers, xmodified: int) -> _Outcome:
        memory = case.setup if case.in_place else case.memory
        if not case.has_operand:
            return self._accessed(case, before)
        if case.instruction in LENS:
            return _Outcome(None, _unmasked(before, memory), memory)
        if decode(case.code).name == CLWB:
            return _Outcome(self._clwb, before, memory)
        result = execute(
            self._processor,
            FAMILY[case.instruction],
            before,
            memory,
            case.rfbm,
            self._control,
            wide=case.instruction.endswith("64"),
            operand=_operand(case),
            xmodified=xmodified,
        )
        return _Outcome(result.stop, result.registers, result.memory)

    def _accessed(self, case: Case, before: Registers) -> _Outcome:
        """Execute an instruction without an operand; PKRU itself is never read nor written."""
        part, control, index = self._processor, self._control, case.index
        if case.instruction == "xgetbv":
            plan = plan_xgetbv(part, control, index, before.tracking())
            return _Outcome(plan.stop, before, b"", plan.value)
        stop: Stop
        if case.instruction == "xsetbv":
            stop = plan_xsetbv(part, control, index, case.rfbm).stop
        elif case.instruction == "rdpkru":
            stop = plan_rdpkru(part, control, index, 0).stop
        else:
            stop = plan_wrpkru(part, control, index, case.rfbm >> 32, case.rfbm & LOW).stop
        return _Outcome(stop, before, b"", case.rfbm)

    def _answer(self, case: Case, before: Registers, outcome: _Outcome) -> Answer:
        """Lay a prediction out as the processor's answer is."""
        stop, after = outcome.stop, outcome.registers
        fault = stop if isinstance(stop, Fault) else None
        address = 0 if case.in_place else case.offset
        cr2 = None if fault is None or fault.address is None else fault.address - address
        memory = BACKGROUND
        if outcome.memory:
            start = 0 if case.in_place else case.offset
            end = start + len(outcome.memory)
            memory = BACKGROUND[:start] + outcome.memory + BACKGROUND[end:]
        reachable = self._host.reachable
        state = execute(
            self._processor, Instruction.XSAVE, after, self._blank, reachable, self._control
        )
        return Answer(
            vector=None if fault is None else int(fault.vector),
            error=0 if fault is None else fault.error_code or 0,
            cr2=cr2,
            value=outcome.value if fault is None else None,
            xinuse_before=self._in_use(before),
            xinuse_after=self._in_use(after),
            memory=memory,
            after=state.memory,
        )

    def _in_use(self, registers: Registers) -> int:
        plan = plan_xgetbv(self._processor, self._control, 1, registers.tracking())
        return plan.value & self._host.reachable


def _unmasked(before: Registers, memory: bytes) -> Registers:
    """Execute FLDCW: FCW is loaded, FSW.ES and B follow from it."""
    held = before.x87.image
    fcw = int.from_bytes(memory[:2], "little") & FCW_BITS | FCW_ALWAYS
    fsw = summary(fcw, int.from_bytes(held[2:4], "little"))
    image = fcw.to_bytes(2, "little") + fsw.to_bytes(2, "little") + held[4:]
    return dataclasses.replace(before, x87=before.x87._replace(image=image))


def _operand(case: Case) -> Operand:
    """Describe a case's pages as the model sees them: how far it can read, and write."""
    prefixed = bool(case.prefix)
    if case.in_place:
        return Operand(0, prefixed=prefixed)
    pages = (case.first, case.second, ABSENT)
    readable = writable = (SPACE // PAGE) * PAGE
    for number in reversed(range(case.offset // PAGE, len(pages))):
        if pages[number] == ABSENT:
            readable = number * PAGE
        if pages[number] != WRITABLE:
            writable = number * PAGE
    first = case.offset
    return Operand(case.offset, max(readable - first, 0), max(writable - first, 0), prefixed)


def _subsets(mask: int) -> Iterator[int]:
    """Yield every subset of a mask but the empty one, the whole first."""
    subset = mask
    while subset:
        yield subset
        subset = (subset - 1) & mask
