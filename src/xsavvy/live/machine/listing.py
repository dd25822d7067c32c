# SPDX-License-Identifier: Apache-2.0
"""Machine code that can be read: a listing holds each instruction beside its bytes.

A line is `mnemonic operands | bytes`; a line that ends in a colon names the place that follows; a
semicolon starts a remark. Bytes are hexadecimal pairs, or a reference to a place, always counted
from the end of the instruction as the processor does: `>place` is one signed byte, `>>place` is
four. Nothing here encodes mnemonics: the tests disassemble each listing and compare.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Code", "assemble"]


@dataclass(frozen=True, slots=True)
class Code:
    """The bytes of a listing, the offset of each named place, and the text of each instruction."""

    code: bytes
    places: dict[str, int]
    lines: tuple[tuple[int, str], ...]


def assemble(listing: str) -> Code:
    r"""Turn a listing into bytes.

    Raises:
        ValueError: a line has no bytes, a place is unknown, or is too far away for one byte.

    >>> assemble("again:\n dec eax | ff c8\n jnz again | 75 >again").code.hex(" ")
    'ff c8 75 fc'
    """
    places: dict[str, int] = {}
    parsed: list[tuple[int, str, list[str]]] = []
    offset = 0
    for raw in listing.splitlines():
        line = raw.split(";")[0].strip()
        if not line:
            continue
        if line.endswith(":"):
            places[line[:-1]] = offset
            continue
        text, bar, encoding = line.partition("|")
        if not bar:
            raise ValueError(f"no bytes beside {line!r}")
        tokens = encoding.split()
        parsed.append((offset, text.strip(), tokens))
        offset += _size(tokens)
    code = b"".join(_encode(start, tokens, places) for start, _, tokens in parsed)
    return Code(code, places, tuple((start, text) for start, text, _ in parsed))


def _size(tokens: list[str]) -> int:
    return sum(4 if token.startswith(">>") else 1 for token in tokens)


def _encode(start: int, tokens: list[str], places: dict[str, int]) -> bytes:
    end = start + _size(tokens)
    encoded = b""
    for token in tokens:
        if not token.startswith(">"):
            encoded += bytes.fromhex(token)
            continue
        place = token.lstrip(">")
        if place not in places:
            raise ValueError(f"no place {place!r} in the listing")
        width = 4 if token.startswith(">>") else 1
        try:
            encoded += (places[place] - end).to_bytes(width, "little", signed=True)
        except OverflowError:
            raise ValueError(f"{place!r} is too far away for {width} byte(s)") from None
    return encoded
