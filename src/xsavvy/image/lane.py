# SPDX-License-Identifier: Apache-2.0
"""A vector register or a tile's row cut into lanes: integers or floating-point numbers."""

from __future__ import annotations

import math
import struct
from typing import Final

__all__ = ["LANES", "lanes", "shortest"]

LANES: Final = {
    "i8": ("b", 1), "i16": ("h", 2), "i32": ("i", 4), "i64": ("q", 8),
    "u8": ("B", 1), "u16": ("H", 2), "u32": ("I", 4), "u64": ("Q", 8),
    "f16": ("e", 2), "f32": ("f", 4), "f64": ("d", 8),
}  # fmt: skip
"""Kinds of lanes: i signed, u unsigned, f floating point, and the number of bits."""


def lanes(data: bytes, kind: str) -> tuple[str, ...]:
    """Cut bytes into lanes, the lowest first; a rest that fills no lane is left out.

    >>> lanes(bytes.fromhex("0000803f000000c0"), "f32"), lanes(b"\\xff\\x01", "i8")
    (('1', '-2'), ('-1', '1'))
    """
    code, size = LANES[kind]
    whole = len(data) // size
    values = struct.unpack_from(f"<{whole}{code}", data)
    if code in "efd":
        return tuple(shortest(value, code) for value in values)
    return tuple(map(str, values))


def shortest(value: float, code: str) -> str:
    """Write a floating-point number with the fewest digits that give the same bits again.

    >>> shortest(struct.unpack("<f", struct.pack("<f", 0.1))[0], "f"), shortest(3.0, "d")
    ('0.1', '3')
    """
    if not math.isfinite(value):
        return str(value)
    text = repr(value)
    if code != "d":
        packed = struct.pack(f"<{code}", value)
        tries = (float(f"{value:.{digits}g}") for digits in range(1, 10))
        text = repr(next((each for each in tries if _packs_to(each, code, packed)), value))
    return text.removesuffix(".0")


def _packs_to(value: float, code: str, packed: bytes) -> bool:
    try:
        return struct.pack(f"<{code}", value) == packed
    except OverflowError:  # rounding up went beyond the largest number
        return False
