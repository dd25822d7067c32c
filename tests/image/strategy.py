# SPDX-License-Identifier: Apache-2.0
"""Random areas and registers: mostly legal, wrong in one place now and then."""

from __future__ import annotations

import random
import struct

from xsavvy.isa import Processor
from xsavvy.isa.components import ALL, X87


def a_mask(rng: random.Random, within: int) -> int:
    """A subset of `within`: nothing, one bit, all or any."""
    bits = [1 << i for i in range(63) if within >> i & 1]
    return rng.choice([0, within, rng.choice(bits), rng.getrandbits(63) & within])


def an_xcr0(rng: random.Random, part: Processor) -> int:
    """A value for XCR0 with whole groups."""
    groups = [X87, 0b111, 0xE7, 0x60001, 1 << 9 | X87]
    return (rng.choice(groups) | rng.choice(groups) | X87) & part.xcr0_supported


def an_area(rng: random.Random, part: Processor, enabled: int, size: int) -> bytearray:
    """An area in either format with random data, some of it the initial configuration."""
    area = bytearray(rng.randbytes(size) if rng.random() < 0.8 else size)
    if rng.random() < 0.3:
        area[:24] = struct.pack("<H", 0x37F) + bytes(22)
        area[32:160] = bytes(128)
    for place in part.standard.values():
        if place.offset >= 160 and rng.random() < 0.3:
            area[place.offset : place.end] = bytes(place.size)
    mxcsr = rng.choice([0x1F80, rng.getrandbits(16), rng.getrandbits(32), 1 << 17])
    struct.pack_into("<I", area, 24, mxcsr)
    xstate_bv = a_mask(rng, enabled)
    xcomp_bv = 0
    if rng.random() < 0.5:
        xcomp_bv = 1 << 63 | xstate_bv | a_mask(rng, enabled)
    header = bytearray(struct.pack("<QQ", xstate_bv, xcomp_bv) + bytes(48))
    if rng.random() < 0.25:
        bit = rng.randrange(512) if rng.random() < 0.5 else rng.randrange(128)
        header[bit // 8] ^= 1 << bit % 8
    area[512:576] = header
    return area


def with_supervisor_values(rng: random.Random, part: Processor, area: bytearray) -> None:
    """Make the values of CET components in a compacted area legal."""
    xcomp_bv = int.from_bytes(area[520:528], "little")
    if not xcomp_bv >> 63:
        return
    layout = part.compacted(xcomp_bv & ALL)
    for index in (11, 12):
        if index in layout:
            offset, size = layout[index]
            values = [rng.getrandbits(40) & ~7 for _ in range(size // 8)]
            if index == 11:
                values[0] = rng.choice([0, 3])
            struct.pack_into(f"<{size // 8}Q", area, offset, *values)
