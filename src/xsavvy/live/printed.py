# SPDX-License-Identifier: Apache-2.0
"""A case for people: what is in its images, part by part, and the line that replays it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from xsavvy.isa.components import names
from xsavvy.isa.layout import EXTENDED_OFFSET, HEADER_OFFSET, Layout
from xsavvy.live.answer import region
from xsavvy.live.case import Case, encode
from xsavvy.live.shrink import initial_image

__all__ = ["lines"]

_WORD: Final = 8
_SHOWN: Final = 16
_COMPACT: Final = 1 << 63


def lines(case: Case, operand: Layout, standard: Layout) -> tuple[str, ...]:
    """Describe a case in a few lines, the last of which replays it.

    Parts that hold their initial value are left out.

    Args:
        case: preferably a small one.
        operand: where components lie in the operand.
        standard: where they lie in the setup image.
    """
    printed = [case.describe(), f"  state before: {_image(case.setup, standard)}"]
    if case.has_operand and not case.in_place:
        printed.append(f"  memory before: {_image(case.memory, operand)}")
    printed.append(f"  replay: {encode(case).decode()}")
    return tuple(printed)


def _image(image: bytes, layout: Layout) -> str:
    parts = [_part(image, start, end, layout) for start, end in _changed(image, layout)]
    if len(image) >= EXTENDED_OFFSET:
        bits = int.from_bytes(image[HEADER_OFFSET : HEADER_OFFSET + _WORD], "little")
        parts.insert(0, f"XSTATE_BV={bits:#x}{_named(bits)}")
    return ", ".join(parts) or "initial"


def _named(bits: int) -> str:
    found = names(bits & ~_COMPACT)
    return f" ({' '.join(found)})" if found else ""


def _part(image: bytes, start: int, end: int, layout: Layout) -> str:
    name = region(start, layout)
    part = image[start:end]
    if len(part) <= _WORD:
        return f"{name}={int.from_bytes(part, 'little'):#x}"
    first = next(n for n, byte in enumerate(part) if byte)
    last = max(n for n, byte in enumerate(part) if byte) + 1
    shown = part[first:last][:_SHOWN].hex()
    more = "..." if last - first > _SHOWN else ""
    return f"{name} from byte {start + first}: {shown}{more}"


def _changed(image: bytes, layout: Layout) -> Iterator[tuple[int, int]]:
    """Yield the parts of an image, XSTATE_BV apart, that are not initial."""
    initial = initial_image(len(image))
    start = 0
    while start < len(image):
        end = start + 1
        name = region(start, layout)
        while end < len(image) and region(end, layout) == name:
            end += 1
        if name != "XSTATE_BV" and image[start:end] != initial[start:end]:
            yield start, end
        start = end
