# SPDX-License-Identifier: Apache-2.0
"""An image in another format, or in another processor's layout, without losing anything unless told.

`plan()` says from a header alone which bytes go where; `convert()` carries the plan out on one image, `fleet`
on many.  Byte for byte the same afterwards: every component that XSTATE_BV names, and XSTATE_BV itself, but for
three things that keep the meaning.  A component that holds its initial configuration loses its bit where the
target lacks it; SSE gains its bit in the compacted format if MXCSR is not 1F80H, as XRSTOR takes MXCSR with SSE
alone there; MXCSR_MASK becomes the target's.  Left-over bytes are not carried over.

Sources: SDM "Standard Format of an XSAVE Area", "Compacted Format of an XSAVE Area", "MXCSR State" (`isa.masks`).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, NamedTuple

from xsavvy.image import header, legacy
from xsavvy.image.file.saved import Saved
from xsavvy.image.recover import Recovered
from xsavvy.image.registers import MXCSR_INITIAL, initial
from xsavvy.image.view import Mxcsr, is_initial, mxcsr
from xsavvy.isa import masks
from xsavvy.isa.components import ALL, SSE, X87, indices, names
from xsavvy.isa.layout import LEGACY_COMPONENTS, Layout
from xsavvy.isa.processor import Processor

__all__ = ["Converted", "Move", "Plan", "Refused", "Source", "Target", "convert", "plan"]

MXCSR_AND_MASK: Final = struct.Struct("<II")
_LEGACY_MOVES: Final = {0: ((0, 24), (32, 128)), 1: ((160, 256),)}
"""Pieces of the legacy region, as offset and size: x87 around MXCSR, and XMM."""


class Refused(ValueError):
    """A conversion that would lose something; `reasons` says what, `str()` all on one line."""

    def __init__(self, reasons: list[str]) -> None:
        super().__init__("; ".join(reasons))
        self.reasons = tuple(reasons)


@dataclass(frozen=True)
class Target:
    """Where an image is to go.

    Attributes:
        processor: whose layout it gets.
        compacted: the format.
        drop: components that are left out, whatever they hold.
        default: components that are put into their initial configuration, whatever they hold.
        default_mxcsr: MXCSR becomes 1F80H.
        least: bytes that the result has at least (KVM wants 4096).
    """

    processor: Processor
    compacted: bool
    drop: int = 0
    default: int = 0
    default_mxcsr: bool = False
    least: int = 0

    @property
    def features(self) -> int:
        """Give the components that the format has room for on this processor."""
        if self.compacted and self.processor.xsaves:
            return self.processor.features
        return self.processor.xcr0_supported


class Source(NamedTuple):
    """What a plan needs to know of an image: its header, what it speaks of, its layout and its length."""

    xstate_bv: int
    named: int
    layout: Layout
    length: int


class Move(NamedTuple):
    """Bytes that are copied."""

    source: int
    target: int
    size: int


class Lost(NamedTuple):
    """A component that goes away, so its bytes must be the initial configuration."""

    component: int
    offset: int
    size: int
    why: str


@dataclass(frozen=True)
class Plan:
    """What happens to every image with one header.

    Attributes:
        moves: bytes that are copied.
        zeros: bytes that must be zero, as a component is smaller in the target.
        lost: components that must be initial.
        named: components that the result speaks of (XCOMP_BV in the compacted format).
        xstate_bv: of the result.
        compacted: its format.
        size: its bytes.
    """

    moves: tuple[Move, ...]
    zeros: tuple[tuple[int, int, int], ...]
    lost: tuple[Lost, ...]
    named: int
    xstate_bv: int
    compacted: bool
    size: int


@dataclass(frozen=True)
class Converted:
    """A converted image.

    Attributes:
        area: its bytes.
        plan: what was done.
        notes: sentences about what changed without being lost.
    """

    area: bytes
    plan: Plan
    notes: tuple[str, ...]


def source_of(saved: Saved, recovered: Recovered) -> Source:
    """Describe an image to `plan()`. Raises Refused for a header that no processor accepts."""
    head = saved.header
    ok = (
        masks.compacted_header_ok(
            head.xstate_bv, head.xstate_bv_63, head.xcomp_bv,
            head.bytes_16_23_zero and head.bytes_24_63_zero, ALL,
        )
        if head.compacted
        else masks.standard_header_ok(
            head.xstate_bv, head.xstate_bv_63, head.xcomp_bv, head.bytes_16_23_zero, ALL
        )
    )  # fmt: skip
    if not ok:
        raise Refused(["the header is not legal, so nobody can say what the image means"])
    return Source(head.xstate_bv, saved.named, recovered.layout, len(saved.area))


def plan(source: Source, target: Target) -> Plan:
    """Say which bytes go where. Raises Refused for what cannot be moved at all.

    >>> from xsavvy.isa.layout import SubLeaf
    >>> part = Processor(xcr0_supported=7, subleaves={2: SubLeaf(256, 576)})
    >>> found = plan(Source(0b100, 0b111, part.standard, 832), Target(part, compacted=True))
    >>> found.moves, found.size
    ((Move(source=576, target=576, size=256),), 832)
    """
    _accept_target(target)
    removed = target.drop | target.default
    named = (source.named | source.xstate_bv) & target.features & ~target.drop
    layout = target.processor.compacted(named) if target.compacted else target.processor.standard
    carried = source.xstate_bv & named & layout.mask & ~removed
    reasons = [
        f"{name} has no known place in the image (drop or default it, or name the source's CPU)"
        for name in names(_unplaced(source, source.xstate_bv & ~removed))
    ]
    if reasons:
        raise Refused(reasons)
    moves: list[Move] = []
    zeros = []
    for index in indices(carried):
        if index < 2:
            moves += [Move(at, at, size) for at, size in _LEGACY_MOVES[index]]
            continue
        old, new = source.layout[index], layout[index]
        moves.append(Move(old.offset, new.offset, min(old.size, new.size)))
        if old.size > new.size:
            zeros.append((index, old.offset + new.size, old.size - new.size))
    lost = tuple(_lost(source, target, source.xstate_bv & ~carried & ~removed))
    size = max(layout.extent(named), target.least)
    return Plan(tuple(moves), tuple(zeros), lost, named, carried, target.compacted, size)


def _accept_target(target: Target) -> None:
    part = target.processor
    if target.compacted and not (part.xsavec or part.xsaves):
        raise Refused(["the target's processor has neither XSAVEC nor XSAVES: no compacted format"])
    if not part.xsave:
        raise Refused(["the target's processor has no XSAVE"])


def _unplaced(source: Source, wanted: int) -> int:
    found = 0
    for index in indices(wanted & ~LEGACY_COMPONENTS):
        place = source.layout.get(index)
        if place is None or place.end > source.length:
            found |= 1 << index
    return found


def _lost(source: Source, target: Target, mask: int) -> Iterator[Lost]:
    """Give the components that the target cannot hold, with the reason."""
    for index in indices(mask):
        name, place = names(1 << index)[0], source.layout[index]
        if not target.compacted and target.processor.xss_supported >> index & 1:
            why = f"{name} is supervisor state, for which the standard format has no place"
        else:
            why = f"{name} is not supported by the target's processor"
        yield Lost(index, place.offset, place.size, why)


def convert(saved: Saved, recovered: Recovered, target: Target) -> Converted:
    """Convert one image. Raises Refused, naming everything that would be lost.

    >>> from xsavvy.image.recover import Certainty
    >>> from xsavvy.isa.layout import SubLeaf
    >>> part = Processor(xcr0_supported=7, subleaves={2: SubLeaf(256, 576)})
    >>> area = bytearray(832)
    >>> area[512], area[576] = 4, 0xAA
    >>> area[24:28] = (0x1F80).to_bytes(4, "little")
    >>> where = Recovered(part.standard, Certainty.GIVEN, "")
    >>> done = convert(Saved(bytes(area)), where, Target(part, compacted=True))
    >>> done.area[512:528].hex(), done.area[576]
    ('04000000000000000700000000000080', 170)
    """
    made = plan(source_of(saved, recovered), target)
    reasons, notes = [], []
    for index, offset, size, why in made.lost:
        if is_initial(index, saved.area[offset : offset + size]):
            notes.append(
                f"{names(1 << index)[0]} holds its initial configuration, so nothing is lost"
            )
        else:
            reasons.append(f"{why} (drop or default it)")
    for index, offset, size in made.zeros:
        if any(saved.area[offset : offset + size]):
            reasons.append(f"{names(1 << index)[0]} is smaller on the target and has data beyond")
    state, value, _ = mxcsr(saved)
    if state is not Mxcsr.SAVED or target.default_mxcsr:
        value = MXCSR_INITIAL
    if not masks.mxcsr_ok(value, target.processor.mxcsr_mask):
        reasons.append(f"MXCSR {value:#x} has bits that the target lacks (default MXCSR)")
    if reasons:
        raise Refused(reasons)
    xstate_bv = made.xstate_bv
    if made.compacted and masks.mxcsr_forces_sse(made.named, value == MXCSR_INITIAL) & ~xstate_bv:
        xstate_bv |= SSE
        notes.append("SSE gets its bit, as MXCSR is not 1F80H")
    return Converted(_carried_out(saved, made, target, value, xstate_bv), made, tuple(notes))


def _carried_out(saved: Saved, made: Plan, target: Target, value: int, xstate_bv: int) -> bytes:
    area = blank(made, target, software=bool(saved.xcr0))
    for move in made.moves:
        area[move.target : move.target + move.size] = saved.area[
            move.source : move.source + move.size
        ]
    MXCSR_AND_MASK.pack_into(area, 24, value, target.processor.mxcsr_mask)
    xcomp_bv = made.named if made.compacted else 0
    header.write(area, xstate_bv=xstate_bv, xcomp_bv=xcomp_bv, compacted=made.compacted)
    return bytes(area)


def blank(made: Plan, target: Target, *, software: bool) -> bytearray:
    """Make the area that all images with one plan start from: initial where nothing is moved.

    `software` asks for the mask that a kernel leaves at byte 464.
    """
    area = bytearray(made.size)
    if not made.xstate_bv & X87:
        area[:24], area[32:160] = legacy.INITIAL[:24], legacy.INITIAL[32:160]
    if not made.compacted:
        for index in indices(made.named & ~LEGACY_COMPONENTS & ~made.xstate_bv):
            place = target.processor.standard[index]
            area[place.offset : place.end] = initial(index, place.size)
        if software:
            area[464:472] = made.named.to_bytes(8, "little")
    return area
