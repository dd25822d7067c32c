# SPDX-License-Identifier: Apache-2.0
"""CRIU core images made for tests: the fields of a core entry in protobuf's wire format."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence

MAGIC = struct.pack("<II", 0x54564319, 0x55053847)


def varint(value: int) -> bytes:
    """A number as a varint."""
    data = bytearray()
    while value > 0x7F:
        data.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes(data) + bytes([value])


def number(field: int, value: int) -> bytes:
    """A field with a number."""
    return varint(field << 3) + varint(value)


def message(field: int, data: bytes) -> bytes:
    """A field with a message or packed numbers in it."""
    return varint(field << 3 | 2) + varint(len(data)) + data


def numbers(field: int, values: Iterable[int], *, packed: bool = False) -> bytes:
    """A repeated field, each number with its tag or all packed."""
    if packed:
        return message(field, b"".join(map(varint, values)))
    return b"".join(number(field, each) for each in values)


def criu_core(
    xstate_bv: int = 0x207, xmm: Sequence[int] = (1, 2), ymm: Sequence[int] = (3, 4),
    pkru: Sequence[int] = (0x55555554, 0), *, packed: bool = False, more: bytes = b"",
) -> bytes:  # fmt: skip
    """A core image of one thread with x87, SSE, AVX and PKRU."""
    xsave = number(1, xstate_bv) + numbers(2, ymm, packed=packed) + numbers(8, pkru) + more
    fpregs = number(1, 0x37F) + number(7, 0x1F80) + number(8, 0xFFFF)
    fpregs += numbers(10, xmm, packed=packed) + message(13, xsave)
    entry = number(1, 1) + message(2, number(1, 0) + message(3, fpregs))
    return MAGIC + struct.pack("<I", len(entry)) + entry
