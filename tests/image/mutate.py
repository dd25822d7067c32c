# SPDX-License-Identifier: Apache-2.0
"""A corpus of images of every kind, and a seeded mutator that damages them where it hurts."""

from __future__ import annotations

import json
import random
import struct
from functools import cache

from tests.image.core import CORES, PART, elf, is_core, layout_note, note, prstatus
from tests.image.saved import an_image
from tests.image.test_criu import CRIT
from tests.image.wire import criu_core

INTERESTING = (0, 1, 2, 3, 7, 0x7F, 0x80, 0xFF, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)
LARGEST = 40_000
"""Cores above this are mostly memory, of which nothing is read."""


@cache
def corpus() -> tuple[bytes, ...]:
    """Images that this project makes, and third-party cores where they are at hand."""
    rng = random.Random(7)
    made: list[bytes] = []
    for cpu in ("genoa", "sapphire-rapids", "rome"):
        for compacted in (False, True):
            if compacted and not PART[cpu].xsavec:
                continue
            area = an_image(rng, PART[cpu], compacted=compacted).area
            made += [area, area[:4096].ljust(4096, b"\0")]
            threads = [part for tid in (1, 2) for part in (
                note(b"CORE", 1, prstatus(tid)), note(b"LINUX", 0x202, area))]  # fmt: skip
            made.append(elf(threads))
            made.append(elf([*threads, layout_note((2, 256, 576), (9, 8, 900))]))
    made += [criu_core(), criu_core(packed=True), json.dumps(CRIT).encode(), rng.randbytes(512)]
    made.append(elf([note(b"CORE", 1, prstatus(1)), note(b"CORE", 2, rng.randbytes(108))]))
    if CORES.exists():
        third = [path for path in sorted(CORES.glob("*/*")) if is_core(path)]
        made += [path.read_bytes() for path in third if path.stat().st_size <= LARGEST]
    return tuple(made)


def mutated(rng: random.Random) -> bytes:
    """One image of the corpus, damaged in one to six places."""
    data = bytearray(rng.choice(corpus()))
    for _ in range(rng.choice((1, 1, 2, 3, 6))):
        rng.choice(MUTATORS)(rng, data)
    return bytes(data)


def _place(rng: random.Random, data: bytearray) -> int:
    """A place, more often where headers are."""
    near = rng.choice((16, 64, 200, 600, len(data)))
    at = rng.randrange(max(1, min(near, len(data))))
    return at + 512 if rng.random() < 0.2 and at + 512 < len(data) else at


def _flip(rng: random.Random, data: bytearray) -> None:
    if data:
        data[_place(rng, data)] ^= 1 << rng.randrange(8)


def _number(rng: random.Random, data: bytearray) -> None:
    size = rng.choice((1, 2, 4, 8))
    value = rng.choice((*INTERESTING, len(data), rng.getrandbits(8 * size)))
    at = _place(rng, data) // size * size
    data[at : at + size] = (value & (1 << 8 * size) - 1).to_bytes(size, "little")


def _cut(rng: random.Random, data: bytearray) -> None:
    del data[_place(rng, data) :]


def _remove(rng: random.Random, data: bytearray) -> None:
    at = _place(rng, data)
    del data[at : at + rng.choice((1, 4, 16, 300))]


def _repeat(rng: random.Random, data: bytearray) -> None:
    at = _place(rng, data)
    data[at:at] = data[at : at + rng.choice((4, 16, 300))]


def _splice(rng: random.Random, data: bytearray) -> None:
    other = rng.choice(corpus())
    at = _place(rng, data)
    data[at:] = other[at:]


def _header(rng: random.Random, data: bytearray) -> None:
    """Put two random masks where an area's header lies in some image of the corpus."""
    at = data.find(struct.pack("<Q", int.from_bytes(data[512:520], "little")), 256)
    if at >= 0:
        masks = [
            rng.choice((rng.getrandbits(64), 1 << rng.randrange(64), 0xE7, 1 << 63))
            for _ in range(2)
        ]
        data[at : at + 16] = struct.pack("<QQ", *masks)


MUTATORS = (_flip, _flip, _number, _number, _cut, _remove, _repeat, _splice, _header)
