# SPDX-License-Identifier: Apache-2.0
"""XSAVE areas for cases: every 64 bytes alike but for their number, so that captures stay small and a shift shows.

PKRU's bits for key 0 stay 0: every page has that key, and Bochs 2.7 asks PKRU for supervisor pages too, so that a
denial would end the run.
"""

from __future__ import annotations

import struct
from random import Random
from typing import Final

from xsavvy.isa.layout import EXTENDED_OFFSET, HEADER_OFFSET, Layout
from xsavvy.isa.processor import Processor
from xsavvy.isa.registers import cet_ok, ssp_ok

__all__ = ["COMPACT", "KEY_0", "area", "cet_value", "fill", "ssp_value", "standard"]

COMPACT: Final = 1 << 63
KEY_0: Final = 0b11
"""PKRU's bits for key 0."""
LINE: Final = 64
MXCSR_AT: Final = 24
INITIAL_MXCSR: Final = 0x1F80
_CET: Final = (0, 1, 2, 3, 4, 0x10, 0x3C, 0x24, 0x803, 0x400, 0x7000_1000, 0xFFFF_8000_0000_0004)
_CET_WRONG: Final = (0x40, 0x200, 0x3C0, 0xC00, 0xC03, 1 << 47, 1 << 63, 0x8000_0000_0000_0003)
_SSP: Final = (0, 4, 8, 0x1000, 0x7FFF_FFFF_FFF8, 0xFFFF_8000_0000_0000, 0xFFFF_FFFF_FFFF_FFFC)
_SSP_WRONG: Final = (1, 2, 3, 0x1001, 1 << 47, 1 << 48, 1 << 63, 0x7FFF_FFFF_FFFF_FFF8)


def fill(random: Random, size: int) -> bytes:
    """Give bytes that differ from line to line."""
    line, lines = random.randbytes(LINE - 4), -(-size // LINE)
    return b"".join(line + struct.pack("<I", number) for number in range(lines))[:size]


def cet_value(random: Random, part: Processor, *, legal: bool = True) -> int:
    """Draw a value for IA32_U_CET or IA32_S_CET."""
    width = part.linear_address_bits
    drawn = random.choice(_CET if legal else _CET_WRONG)
    if random.random() < 0.5:
        drawn ^= random.getrandbits(32) << 12
    accepted = bool(cet_ok(drawn, part.cet_ss, part.cet_ibt, width))
    return drawn if accepted == legal else random.choice(_CET if legal else _CET_WRONG)


def ssp_value(random: Random, part: Processor, *, legal: bool = True) -> int:
    """Draw a value for a shadow stack pointer."""
    drawn = random.choice(_SSP if legal else _SSP_WRONG)
    if random.random() < 0.5:
        drawn ^= random.getrandbits(32) << 3
    accepted = bool(ssp_ok(drawn, part.linear_address_bits))
    return drawn if accepted == legal else random.choice(_SSP if legal else _SSP_WRONG)


def area(
    random: Random,
    part: Processor,
    layout: Layout,
    size: int,
    header: bytes,
    *,
    legal: bool = True,
) -> bytearray:
    """Build an area with plausible contents for a layout.

    Args:
        random: where values come from.
        part: the processor, for MXCSR and CET.
        layout: where components go.
        size: bytes.
        header: its 64 bytes.
        legal: False: some CET register gets a value that it refuses.
    """
    image = bytearray(fill(random, size))
    _legacy(random, image, part)
    image[HEADER_OFFSET:EXTENDED_OFFSET] = header
    wrong = -1 if legal else random.choice((11, 12))
    for index, place in layout.items():
        if index < 2 or place.end > size:
            continue
        if random.random() < 0.15:
            image[place.offset : place.end] = bytes(place.size)
        if index == 9:
            pkru = random.getrandbits(32) & ~KEY_0
            struct.pack_into("<Q", image, place.offset, pkru if random.random() < 0.8 else 0)
        elif index in (11, 12):
            values = _cet_values(random, part, index, illegal=index == wrong)
            struct.pack_into(f"<{len(values)}Q", image, place.offset, *values)
    return image


def _cet_values(random: Random, part: Processor, index: int, *, illegal: bool) -> list[int]:
    count = 2 if index == 11 else 3
    place = random.randrange(count) if illegal else -1
    return [
        cet_value(random, part, legal=number != place)
        if index == 11 and number == 0
        else ssp_value(random, part, legal=number != place)
        for number in range(count)
    ]


def standard(random: Random, part: Processor, xstate_bv: int) -> bytes:
    """Build a legal standard image that is as large as XCR0 asks."""
    header = struct.pack("<Q", xstate_bv) + bytes(56)
    layout = part.standard
    return bytes(area(random, part, layout, layout.size, header))


def _legacy(random: Random, image: bytearray, part: Processor) -> None:
    """Make control words plausible; pointers are canonical, reserved bytes stay as they are."""
    struct.pack_into("<H", image, 0, random.choice((0x37F, random.getrandbits(16))))
    struct.pack_into("<H", image, 2, random.choice((0, random.getrandbits(16))))
    image[4] = random.choice((0, 0xFF, random.getrandbits(8)))
    for place in (8, 16):
        struct.pack_into("<Q", image, place, random.choice((0, random.getrandbits(47))))
    mxcsr = random.choice((INITIAL_MXCSR, random.getrandbits(32) & part.mxcsr_mask))
    struct.pack_into("<I", image, MXCSR_AT, mxcsr)
    if random.random() < 0.15:
        image[32:160] = bytes(128)
    if random.random() < 0.15:
        image[160:416] = bytes(256)
