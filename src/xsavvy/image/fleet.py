# SPDX-License-Identifier: Apache-2.0
"""Many images at once, as a matrix of bytes: the same plans as `convert`, carried out on columns.

Images with the same header have the same plan, and a plan is a list of slices.  Whatever depends on an image's
values and is not plain (something may be lost, MXCSR is not accepted) goes to `convert`, which is also the oracle
of this module.

This is the one module that needs NumPy.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from xsavvy.image import header
from xsavvy.image.convert import (
    MXCSR_AND_MASK,
    Plan,
    Refused,
    Target,
    blank,
    convert,
    plan,
    source_of,
)
from xsavvy.image.file.saved import Kind, Saved
from xsavvy.image.recover import Certainty, Recovered
from xsavvy.image.registers import MXCSR_INITIAL
from xsavvy.isa import masks
from xsavvy.isa.components import SSE
from xsavvy.isa.processor import Processor

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Bytes = NDArray[np.uint8]
    Sizes = NDArray[np.int64]

__all__ = ["Fleet", "convert_all", "matrix"]

BATCH: Final = 4096
"""Images that are worked on at a time, so that they stay in the cache."""
_PARTS: Final = (slice(464, 480), slice(512, 576))
"""What a plan depends on: the kernel's mask, and the header."""


@dataclass(frozen=True)
class Fleet:
    """Converted images.

    Attributes:
        areas: one row for each image, zero behind its end.
        sizes: bytes of each image.
        refused: row and reason of what was not converted; its row is zero.
    """

    areas: Bytes
    sizes: Sizes
    refused: dict[int, str]


def matrix(areas: Sequence[bytes]) -> Bytes:
    """Put areas of one size into a matrix.

    >>> matrix([bytes(576), bytes(576)]).shape
    (2, 576)
    """
    return np.frombuffer(b"".join(areas), np.uint8).reshape(len(areas), -1)


def convert_all(areas: Bytes, source: Processor, target: Target, kind: Kind = Kind.RAW) -> Fleet:
    """Convert each row of a matrix of bytes, all from one processor to one target.

    >>> import numpy
    >>> from xsavvy.isa.layout import SubLeaf
    >>> part = Processor(xcr0_supported=7, subleaves={2: SubLeaf(256, 576)})
    >>> rows = numpy.zeros((3, 832), numpy.uint8)
    >>> rows[:, 512], rows[:, 576], rows[:, 25] = 4, (1, 2, 3), 0x1F
    >>> done = convert_all(rows, part, Target(part, compacted=True))
    >>> done.areas[:, 576].tolist(), done.refused
    ([1, 2, 3], {})
    """
    rows = np.ascontiguousarray(areas, dtype=np.uint8)
    widest = max(_widest(target), target.least)
    out = np.zeros((len(rows), widest), np.uint8)
    sizes = np.zeros(len(rows), np.int64)
    refused: dict[int, str] = {}
    worker = _Worker(source, target, kind)
    for start in range(0, len(rows), BATCH):
        worker.batch(rows[start : start + BATCH], out[start : start + BATCH],
                     sizes[start : start + BATCH], refused, start)  # fmt: skip
    return Fleet(out, sizes, refused)


def _widest(target: Target) -> int:
    part = target.processor
    if target.compacted:
        return part.compacted(target.features & ~target.drop).size
    return part.standard.size


def _groups(rows: Bytes) -> Iterator[NDArray[np.intp]]:
    """Give the rows of equal header, first by a hash, then compared byte by byte with the first."""
    keys = np.concatenate([rows[:, each] for each in _PARTS], axis=1)
    words = np.ascontiguousarray(keys).view(np.uint64)
    hashed = np.zeros(len(rows), np.uint64)
    for column in range(words.shape[1]):
        hashed = (hashed ^ words[:, column]) * np.uint64(0x9E3779B97F4A7C15)
        hashed ^= hashed >> np.uint64(29)
    order = np.argsort(hashed, kind="stable")
    bounds = np.flatnonzero(np.diff(hashed[order])) + 1
    for members in np.split(order, bounds):
        same = (words[members] == words[members[0]]).all(axis=1)
        yield members[same]
        yield from (members[each : each + 1] for each in np.flatnonzero(~same))


class _Header(NamedTuple):
    """What is the same for all images with one header.

    Attributes:
        made: the plan.
        start: the area before anything is moved.
        mxcsr: MXCSR counts, unless no processor accepts it.
    """

    made: Plan
    start: Bytes
    mxcsr: bool


class _Worker:
    """Plans by header, kept from batch to batch."""

    def __init__(self, source: Processor, target: Target, kind: Kind) -> None:
        self._source, self._target, self._kind = source, target, kind
        self._headers: dict[bytes, _Header | str] = {}
        self._forbidden = np.uint32(~target.processor.mxcsr_mask & 0xFFFF_FFFF)

    def batch(
        self, rows: Bytes, out: Bytes, sizes: Sizes, refused: dict[int, str], first: int
    ) -> None:
        """Convert some rows; `first` is the number of the first of them."""
        for members in _groups(rows):
            known = self._header(rows[members[0]])
            if isinstance(known, str):
                refused.update((first + int(each), known) for each in members)
                continue
            chosen = rows[members]
            slow, values = self._doubts(chosen, known)
            out[members, : known.made.size] = self._moved(chosen, known, values)
            sizes[members] = known.made.size
            for each in members[slow]:
                out[each], sizes[each] = 0, 0
                self._slowly(rows[each], out, sizes, refused, (int(each), first))

    def _one(self, row: Bytes) -> tuple[Saved, Recovered]:
        saved = Saved(row.tobytes(), self._kind)
        part = self._source
        layout = part.compacted(saved.header.xcomp_bv) if saved.header.compacted else part.standard
        return saved, Recovered(layout, Certainty.GIVEN, "")

    def _header(self, row: Bytes) -> _Header | str:
        """Plan for a header, once; a reason if that is refused."""
        key = b"".join(row[each].tobytes() for each in _PARTS)
        if key not in self._headers:
            self._headers[key] = self._planned(row)
        return self._headers[key]

    def _planned(self, row: Bytes) -> _Header | str:
        saved, recovered = self._one(row)
        try:
            made = plan(source_of(saved, recovered), self._target)
        except Refused as error:
            return str(error)
        head = saved.header
        counts = bool(head.xstate_bv & (SSE if head.compacted else masks.MXCSR_BITS))
        counts = counts or not (head.compacted or saved.by_a_kernel)
        start = blank(made, self._target, software=bool(saved.xcr0))
        mask = self._target.processor.mxcsr_mask
        MXCSR_AND_MASK.pack_into(start, 24, MXCSR_INITIAL, mask)
        xcomp_bv = made.named if made.compacted else 0
        header.write(start, xstate_bv=made.xstate_bv, xcomp_bv=xcomp_bv, compacted=made.compacted)
        return _Header(made, np.frombuffer(bytes(start), np.uint8), counts)

    def _doubts(self, rows: Bytes, known: _Header) -> tuple[NDArray[np.bool_], NDArray[np.uint32]]:
        """Say which rows need the other path, and give MXCSR of all."""
        made = known.made
        slow = np.full(len(rows), any(each.component in _NOT_ZERO for each in made.lost))
        for offset, size in ((each.offset, each.size) for each in made.lost):
            slow |= rows[:, offset : offset + size].any(axis=1)
        for _, offset, size in made.zeros:
            slow |= rows[:, offset : offset + size].any(axis=1)
        values = np.ascontiguousarray(rows[:, 24:28]).view(np.uint32)[:, 0]
        if not known.mxcsr or self._target.default_mxcsr:
            values = np.full(len(rows), MXCSR_INITIAL, np.uint32)
        slow |= (values & self._forbidden) != 0
        return slow, values

    def _moved(self, rows: Bytes, known: _Header, values: NDArray[np.uint32]) -> Bytes:
        """Carry the plan out on rows with one header."""
        made = known.made
        block = np.empty((len(rows), made.size), np.uint8)
        block[:] = known.start
        for source, target, size in made.moves:
            block[:, target : target + size] = rows[:, source : source + size]
        block[:, 24:28] = values[:, None].view(np.uint8)
        if made.compacted and made.named & SSE:
            block[values != MXCSR_INITIAL, 512] |= np.uint8(SSE)
        return block

    def _slowly(
        self, row: Bytes, out: Bytes, sizes: Sizes, refused: dict[int, str], where: tuple[int, int]
    ) -> None:
        """Convert one row as `convert` does."""
        each, first = where
        try:
            area = convert(*self._one(row), self._target).area
        except Refused as error:
            refused[first + each] = str(error)
        else:
            out[each, : len(area)] = np.frombuffer(area, np.uint8)
            sizes[each] = len(area)


_NOT_ZERO: Final = frozenset({0, 13, 16})
"""Components whose initial configuration is not all zero: x87, HDC, HWP."""
