# SPDX-License-Identifier: Apache-2.0
"""Just enough of the protobuf wire format to find a few fields in a small message, and never more than it holds.

A message is a sequence of tag and value; a tag is a varint (field number, three bits of type).  Nothing is read beyond
the message, nothing is allocated that the message does not have, and nesting is the caller's.

Source: protobuf documentation, "Encoding".
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

__all__ = ["Field", "Malformed", "fields", "numbers"]

VARINT, I64, LEN, I32 = 0, 1, 2, 5
_FIXED: Final = {I64: 8, I32: 4}
_LONGEST_VARINT: Final = 10

Field = tuple[int, "int | bytes"]


class Malformed(ValueError):
    """Bytes that are no message; `str()` says what was expected."""


def varint(data: bytes, at: int) -> tuple[int, int]:
    r"""Read a varint and where it ends.

    >>> varint(b"\x96\x01", 0)
    (150, 2)
    """
    value = shift = 0
    while True:
        if at >= len(data) or shift >= 7 * _LONGEST_VARINT:
            raise Malformed(f"expected a varint that ends, at byte {at}")
        byte = data[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return value & (1 << 64) - 1, at


def fields(data: bytes) -> Iterator[Field]:
    r"""Give each field of a message: its number, and a number or the bytes of a nested value.

    >>> list(fields(b"\x08\x96\x01\x12\x01A"))
    [(1, 150), (2, b'A')]
    """
    at = 0
    while at < len(data):
        tag, at = varint(data, at)
        number, kind = tag >> 3, tag & 7
        if kind == VARINT:
            value, at = varint(data, at)
            yield number, value
            continue
        if kind == LEN:
            size, at = varint(data, at)
        elif kind in _FIXED:
            size = _FIXED[kind]
        else:
            raise Malformed(f"expected a protobuf field at byte {at}, found wire type {kind}")
        if at + size > len(data):
            raise Malformed(f"expected {size} bytes at byte {at}, found {len(data) - at}")
        body, at = data[at : at + size], at + size
        yield number, body if kind == LEN else int.from_bytes(body, "little")


def numbers(value: int | bytes) -> Iterator[int]:
    r"""Give the numbers of one occurrence of a repeated field, packed or not.

    >>> list(numbers(7)), list(numbers(b"\x01\x96\x01"))
    ([7], [1, 150])
    """
    if isinstance(value, int):
        yield value
        return
    at = 0
    while at < len(value):
        number, at = varint(value, at)
        yield number
