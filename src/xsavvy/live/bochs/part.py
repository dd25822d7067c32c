# SPDX-License-Identifier: Apache-2.0
"""The emulated processor as it describes itself, and what its CPUID leaves out though it has it.

Bochs 2.7's Tiger Lake enumerates PKRU in (0xD, 0) and CET in leaf 7, but has no sub-leaf for components 9, 11 and 12
and an empty mask for IA32_XSS. The sizes are the manual's, PKRU's offset is where every part without AMX has it.
Sources: SDM "PKRU State", "CET State"; tried: WRMSR of IA32_XSS accepts 1800H.
"""

from __future__ import annotations

import dataclasses
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from xsavvy.cpuid.processor import processor
from xsavvy.cpuid.table import Leaf, Table
from xsavvy.isa.components import CET, PKRU
from xsavvy.isa.layout import EXTENDED_OFFSET
from xsavvy.isa.processor import Processor

from .case import BochsCase
from .process import Bochs
from .ram import Ram

__all__ = ["MODELS", "Part", "meet"]

MODELS: Final = ("tigerlake", "corei7_skylake_x")
"""The one with everything, and one without PKU and CET."""
LEAVES: Final = (
    (0, 0), (1, 0), (7, 0), (7, 1), *((0xD, index) for index in range(20)),
    (0x80000000, 0), (0x80000002, 0), (0x80000003, 0), (0x80000004, 0), (0x80000008, 0),
)  # fmt: skip
MISSING: Final = {9: (8, 2688, 0), 11: (16, 0, 1), 12: (24, 0, 1)}
"""Size, offset and flags of the sub-leaves that Bochs leaves empty."""


@dataclass(frozen=True)
class Part:
    """One CPU model of one Bochs.

    Attributes:
        version: of Bochs.
        model: what Bochs calls the CPU.
        leaves: CPUID as the guest reads it: leaf, sub-leaf, EAX, EBX, ECX, EDX.
    """

    version: str
    model: str
    leaves: tuple[tuple[int, ...], ...]

    @cached_property
    def table(self) -> Table:
        """CPUID, with what is missing filled in."""
        found = {(one[0], one[1]): Leaf(*one[2:]) for one in self.leaves}
        xcr0 = found[0xD, 0].eax
        cet = bool(found[7, 0].ecx >> 7 & 1 or found[7, 0].edx >> 20 & 1)
        for index, (size, offset, flags) in MISSING.items():
            there = cet if 1 << index & CET else xcr0 >> index & 1
            if there and not found[0xD, index].eax:
                found[0xD, index] = Leaf(size, offset, flags, 0)
        if cet:
            found[0xD, 1] = found[0xD, 1]._replace(ecx=found[0xD, 1].ecx | CET)
        return Table(found)

    @cached_property
    def processor(self) -> Processor:
        """What the model is told."""
        return dataclasses.replace(processor(self.table), mxcsr_mask=0xFFFF)

    @cached_property
    def image_bytes(self) -> int:
        """Size of a standard area for all of XCR0."""
        return self.processor.standard.size

    @property
    def has_pkru(self) -> bool:
        """Tell whether PKRU is there."""
        return bool(self.processor.xcr0_supported & PKRU)

    @property
    def has_cet(self) -> bool:
        """Tell whether the CET MSRs are there."""
        return self.processor.cet_ss

    @property
    def name(self) -> str:
        """Name it in one line."""
        part = self.processor
        return f"{self.model}, XCR0={part.xcr0_supported:#x}, IA32_XSS={part.xss_supported:#x}"

    def ram(self, cases: Sequence[BochsCase]) -> Ram:
        """Lay out one run's RAM."""
        xcr0 = self.processor.xcr0_supported
        return Ram(cases, xcr0, self.image_bytes, self.has_cet, self.has_pkru)


def meet(bochs: Bochs) -> Part:
    """Read the CPUID of a model from inside. Raises Failed, Broken."""
    setup = bytearray(EXTENDED_OFFSET)
    struct.pack_into("<I", setup, 24, 0x1F80)
    cases = [BochsCase("cpuid", bytes(setup), bytes(64), leaf, index) for leaf, index in LEAVES]
    ram = Ram(cases, 0b11, EXTENDED_OFFSET, False, False)
    replies = ram.replies(bochs.run(ram.build()))
    leaves = tuple(
        (*leaf, *struct.unpack_from("<4I", reply.answer.memory))
        for leaf, reply in zip(LEAVES, replies, strict=True)
    )
    return Part(bochs.version, bochs.model, leaves)
