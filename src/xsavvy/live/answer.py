# SPDX-License-Identifier: Apache-2.0
"""What a case did, whoever was asked, and where two answers differ."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from xsavvy.isa.components import component
from xsavvy.isa.layout import EXTENDED_OFFSET, Layout

__all__ = ["Answer", "Difference", "differences", "region"]

PAGE_FAULT: Final = 14
_WIDTH: Final = 8
_STRETCH: Final = 64
_LEGACY: Final = (
    (0, "FCW"),
    (2, "FSW"),
    (4, "FTW"),
    (5, "byte 5"),
    (6, "FOP"),
    (8, "FIP"),
    (16, "FDP"),
    (24, "MXCSR"),
    (28, "MXCSR_MASK"),
    (32, "ST"),
    (160, "XMM"),
    (416, "legacy bytes 416-511"),
    (512, "XSTATE_BV"),
    (520, "XCOMP_BV"),
    (528, "header bytes 16-63"),
)


@dataclass(frozen=True, slots=True)
class Answer:
    """Everything that one case did.

    Attributes:
        vector: exception vector, or None.
        error: error code; 0 where there is no fault.
        cr2: for #PF its address, counted from the operand; None where it says nothing.
        value: EDX:EAX afterwards for an instruction without an operand, else None.
        xinuse_before: XGETBV(1) once the setup image was loaded.
        xinuse_after: XGETBV(1) in the end.
        memory: both pages of the operand afterwards.
        after: the state afterwards, as an area that XSAVE64 wrote into zeros.
    """

    vector: int | None
    error: int
    cr2: int | None
    value: int | None
    xinuse_before: int
    xinuse_after: int
    memory: bytes
    after: bytes


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that was predicted otherwise than seen, both as text."""

    what: str
    predicted: str
    seen: str

    def __str__(self) -> str:
        return f"{self.what}: predicted {self.predicted}, seen {self.seen}"


def differences(
    predicted: Answer, seen: Answer, layout: Layout, offset: int, standard: Layout
) -> tuple[Difference, ...]:
    """List where two answers differ, the most telling first.

    Args:
        predicted: one answer.
        seen: the other.
        layout: where components lie in the operand, for the names of its bytes.
        offset: where the operand begins in its two pages.
        standard: where they lie in the state read back.
    """
    if predicted == seen:
        return ()
    found = [
        Difference(name.replace("_", " "), _number(one), _number(other))
        for name in ("vector", "error", "cr2", "value", "xinuse_before", "xinuse_after")
        if (one := getattr(predicted, name)) != (other := getattr(seen, name))
    ]
    found += _bytes("memory", predicted.memory, seen.memory, layout, offset)
    found += _bytes("state", predicted.after, seen.after, standard, 0)
    return tuple(found)


def region(place: int, layout: Layout) -> str:
    """Name the part of an XSAVE area that holds a byte.

    >>> region(513, Layout({})), region(-1, Layout({}))
    ('XSTATE_BV', 'outside of the area')
    """
    if 0 <= place < EXTENDED_OFFSET:
        return max((start, name) for start, name in _LEGACY if start <= place)[1]
    for index, where in layout.items():
        if index > 1 and where.offset <= place < where.end:
            return component(index).name
    return "outside of the area"


def _bytes(what: str, one: bytes, other: bytes, layout: Layout, offset: int) -> list[Difference]:
    if one == other:
        return []
    if len(one) != len(other):
        return [Difference(f"{what} size", str(len(one)), str(len(other)))]
    found: dict[str, Difference] = {}
    for place in _places(one, other):
        name = region(place - offset, layout)
        if name in found:
            continue
        start = place - (place - offset) % _WIDTH if place >= offset else place
        found[name] = Difference(
            f"{what} {name} (byte {place - offset})",
            one[start : start + _WIDTH].hex(),
            other[start : start + _WIDTH].hex(),
        )
    return list(found.values())


def _places(one: bytes, other: bytes) -> Iterator[int]:
    """Yield where two strings of bytes differ, passing over equal stretches quickly."""
    for start in range(0, len(one), _STRETCH):
        if one[start : start + _STRETCH] != other[start : start + _STRETCH]:
            for place in range(start, min(start + _STRETCH, len(one))):
                if one[place] != other[place]:
                    yield place


def _number(value: int | None) -> str:
    return "none" if value is None else hex(value)
