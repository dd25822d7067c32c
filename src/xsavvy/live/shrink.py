# SPDX-License-Identifier: Apache-2.0
"""Make a failing case small: drop whatever does not matter for the failure.

Greedy and deterministic: passes over simpler variants of the case, each kept when the caller's
predicate still holds, until a whole round changes nothing. What remains matters.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable
from typing import Final

from xsavvy.isa.layout import EXTENDED_OFFSET, HEADER_OFFSET, LEGACY_SIZE
from xsavvy.live.case import Case
from xsavvy.live.host import INITIAL_FCW, INITIAL_MXCSR
from xsavvy.live.machine.operand import WRITABLE

__all__ = ["initial_image", "shrink"]

MOST_ASKED: Final = 20_000
_LINE: Final = 64
_INITIAL: Final = {
    n: byte
    for place, word in (
        (0, INITIAL_FCW.to_bytes(2, "little")),
        (24, INITIAL_MXCSR.to_bytes(4, "little")),
    )
    for n, byte in enumerate(word, place)
}


def initial_image(size: int) -> bytes:
    """Return the image of the initial configuration: XSTATE_BV is 0, FCW and MXCSR are initial."""
    image = bytearray(size)
    for place, byte in _INITIAL.items():
        image[place] = byte
    return bytes(image)


def shrink(case: Case, fails: Callable[[Case], bool]) -> Case:
    """Return a smaller case that still fails.

    Args:
        case: a case for which `fails` holds.
        fails: asks the oracle and the model; called at most 20,000 times.
    """
    return _Shrinking(case, fails).run()


class _Shrinking:
    """A case that gets smaller; `_attempt` is the only way it changes."""

    def __init__(self, case: Case, fails: Callable[[Case], bool]) -> None:
        self._case = case
        self._fails = fails
        self._left = MOST_ASKED

    def run(self) -> Case:
        before = None
        while before != self._case and self._left:
            before = self._case
            self._circumstances()
            self._masks()
            for name in ("setup", "memory"):
                self._image(name)
        return self._case

    def _attempt(self, **changes: object) -> bool:
        if not self._left or all(getattr(self._case, n) == v for n, v in changes.items()):
            return False
        self._left -= 1
        try:
            variant = dataclasses.replace(self._case, **changes)  # type: ignore[arg-type]
        except ValueError:
            return False
        if not self._fails(variant):
            return False
        self._case = variant
        return True

    def _circumstances(self) -> None:
        self._attempt(prefix="")
        self._attempt(align_check=False)
        if not self._attempt(first=WRITABLE, second=WRITABLE):
            self._attempt(second=WRITABLE)
            self._attempt(first=WRITABLE)
        if not self._attempt(offset=0):
            self._attempt(offset=self._case.offset // _LINE * _LINE)
        for index in range(min(self._case.index, 2)):
            if self._attempt(index=index):
                break

    def _masks(self) -> None:
        if self._attempt(rfbm=0):
            return
        self._attempt(rfbm=self._case.rfbm & 0xFF)
        self._attempt(rfbm=self._case.rfbm & 0xFFFF_FFFF)
        for index in reversed(range(64)):
            self._attempt(rfbm=self._case.rfbm & ~(1 << index))

    def _image(self, name: str) -> None:
        image: bytes = getattr(self._case, name)
        if not image or self._attempt(**{name: initial_image(len(image))}):
            return
        for place in (HEADER_OFFSET, HEADER_OFFSET + 8):
            if place < len(image):
                self._bits(name, range(place, place + 8))
        self._simplify(name, EXTENDED_OFFSET, len(image))
        self._simplify(name, 32, LEGACY_SIZE)
        size = 512
        while size:
            for start in range(0, len(image), size):
                self._simplify(name, start, start + size)
            size //= 2
        image = getattr(self._case, name)
        self._bits(name, [n for n in range(len(image)) if image[n] != _INITIAL.get(n, 0)])

    def _simplify(self, name: str, start: int, end: int) -> bool:
        """Give bytes their initial value."""
        image: bytes = getattr(self._case, name)
        end = min(end, len(image))
        part = bytes(_INITIAL.get(n, 0) for n in range(start, end))
        return self._attempt(**{name: image[:start] + part + image[end:]})

    def _bits(self, name: str, places: Iterable[int]) -> None:
        """Clear single bits."""
        for n in places:
            for bit in range(8):
                image: bytes = getattr(self._case, name)
                if image[n] >> bit & 1:
                    byte = bytes([image[n] & ~(1 << bit)])
                    self._attempt(**{name: image[:n] + byte + image[n + 1 :]})
