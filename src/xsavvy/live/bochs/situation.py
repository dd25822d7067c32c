# SPDX-License-Identifier: Apache-2.0
"""A case whose answer differs, in the words in which the filters of `known` ask about it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from xsavvy.image import header
from xsavvy.image.apply import illegal_values
from xsavvy.isa.components import PKRU, indices
from xsavvy.isa.instruction import Instruction
from xsavvy.isa.layout import EXTENDED_OFFSET
from xsavvy.isa.processor import Processor

from .case import BochsCase, Reply
from .image import COMPACT
from .predict import family

__all__ = ["Situation"]

PKRU_ROOM: Final = 64
"""What Bochs counts for PKRU, whose component has 8 bytes."""


@dataclass(frozen=True)
class Situation:
    """A case whose answer differs, in the words of the filters.

    Attributes:
        processor: what was asked.
        case: the question.
        predicted, seen: both answers.
    """

    processor: Processor
    case: BochsCase
    predicted: Reply
    seen: Reply

    @property
    def saves(self) -> bool:
        """Tell whether the instruction is a save."""
        return self.case.has_operand and family(self.case).saves

    @property
    def compact_save(self) -> bool:
        """Tell whether it is XSAVEC or XSAVES."""
        return self.saves and family(self.case).compacts

    @property
    def restores(self) -> bool:
        """Tell whether the instruction is a restore."""
        return self.case.has_operand and not family(self.case).saves

    @property
    def compact_restore(self) -> bool:
        """Tell whether it is a restore from the compacted format."""
        return self.restores and bool(self._word(520) & COMPACT)

    @property
    def rfbm(self) -> int:
        """The requested components that are enabled."""
        every = self.case.xcr0
        if family(self.case) in (Instruction.XSAVES, Instruction.XRSTORS):
            every |= self.case.xss
        return self.case.rfbm & every

    @property
    def xstate_bv(self) -> int:
        """XSTATE_BV in memory before."""
        return self._word(512)

    @property
    def xcomp_bv(self) -> int:
        """XCOMP_BV in memory before, without bit 63."""
        return self._word(520) & ~COMPACT

    @property
    def mxcsr_in_memory(self) -> int:
        """MXCSR in memory before."""
        return int.from_bytes(self.case.memory[24:28], "little")

    @property
    def mxcsr_illegal(self) -> bool:
        """Tell whether MXCSR in memory has a reserved bit."""
        return bool(self.mxcsr_in_memory & ~self.processor.mxcsr_mask)

    @property
    def vectors(self) -> tuple[int | None, int | None]:
        """What was predicted, and what was seen."""
        return self.predicted.answer.vector, self.seen.answer.vector

    @property
    def faulted(self) -> bool:
        """Tell whether Bochs raised an exception, so that it may have stopped in the middle."""
        return self.vectors[1] is not None

    @property
    def mxcsr(self) -> int:
        """MXCSR before."""
        return int.from_bytes(self.case.setup[24:28], "little")

    def changed_bits(self) -> int:
        """Where XSTATE_BV in memory afterwards differs."""
        one, other = (
            int.from_bytes(reply.answer.memory[512:520], "little")
            for reply in (self.predicted, self.seen)
        )
        return one ^ other

    def illegal_cet(self) -> int:
        """List loaded components that have a value which its register refuses."""
        if family(self.case) is not Instruction.XRSTORS:
            return 0
        memory = self.case.memory
        return illegal_values(self.processor, memory, header.read(memory)) & self.rfbm

    def misplaced(self) -> int:
        """List the components that Bochs takes from a wrong place of a compacted area (B2)."""
        layout, found, reach = self.processor.compacted(self.xcomp_bv), 0, EXTENDED_OFFSET
        for index in indices(self.rfbm & ~0b11):
            if self.xstate_bv >> index & 1 and index in layout and layout[index].offset != reach:
                found |= 1 << index
            size = self.processor.subleaves[index].size
            reach += PKRU_ROOM if 1 << index == PKRU else size
        return found

    def _word(self, place: int) -> int:
        return int.from_bytes(self.case.memory[place : place + 8], "little")
