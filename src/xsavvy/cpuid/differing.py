# SPDX-License-Identifier: Apache-2.0
"""Whether the logical processors of one dump say the same about extended state.

They should: a task that moves from one to another takes its state along. Hybrid parts keep to it; firmware
that was updated on some cores only does not. What differs by design (APIC numbers, caches, the kind of
core) is not compared, and neither is what one of the two leaves open.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

import msgspec

from xsavvy.cpuid.table import EVERY_BIT, Leaf, Table

__all__ = ["ProcessorDifference", "differences"]

_LEAVES: Final = frozenset(
    {0x1, 0x7, 0xD, 0x14, 0x1C, 0x1D, 0x1E, 0x24, 0x80000001, 0x80000008, 0x8000000A, 0x80000021}
)
_MASKS: Final = {(1, 0): Leaf(EVERY_BIT.eax, 0xFFFF, EVERY_BIT.ecx, EVERY_BIT.edx)}
_MOST: Final = 64


class ProcessorDifference(msgspec.Struct, frozen=True):
    """One register in which a processor differs from the first; counted from 0."""

    processor: int
    leaf: int
    subleaf: int
    register: str
    first: int
    found: int


def differences(tables: Sequence[Table]) -> tuple[ProcessorDifference, ...]:
    """Return where processors differ from the first one, at most 64 places.

    >>> one, two = Table({(13, 0): Leaf(7, 0, 0, 0)}), Table({(13, 0): Leaf(3, 0, 0, 0)})
    >>> [(each.processor, each.register, each.first, each.found) for each in differences([one, one, two])]
    [(2, 'eax', 7, 3)]
    """
    found: list[ProcessorDifference] = []
    for number, table in enumerate(tables):
        if number and table != tables[0]:
            found.extend(_between(tables[0], table, number))
        if len(found) >= _MOST:
            break
    return tuple(found[:_MOST])


def _between(first: Table, other: Table, number: int) -> Iterator[ProcessorDifference]:
    for leaf, subleaf in sorted({*first, *other}):
        if leaf not in _LEAVES:
            continue
        ours, theirs = first.known(leaf, subleaf), other.known(leaf, subleaf)
        mask = _MASKS.get((leaf, subleaf), EVERY_BIT)
        one, two = first.read(leaf, subleaf), other.read(leaf, subleaf)
        for place, register in enumerate(Leaf._fields):
            bits = ours[place] & theirs[place] & mask[place]
            if (one[place] ^ two[place]) & bits:
                yield ProcessorDifference(
                    number, leaf, subleaf, register, one[place], two[place]
                )  # fmt: skip
