# SPDX-License-Identifier: Apache-2.0
"""A state as a few machine words: which bits hold which slot.

The layout follows from the record, not from a kernel or a choice, so that compiled code
fits them all: a slot that is constant in one system keeps its bits, and a location has room
for more steps than there are. No slot straddles two words; a word uses at most 63 bits.
"""

from __future__ import annotations

from typing import NamedTuple

from xsavvy.checker.bind import System
from xsavvy.checker.field import MOST_BITS, Choice, Kind, Mask, Place
from xsavvy.checker.record import State
from xsavvy.checker.word import Run, order, runs, width

MOST_WORDS = 6


class Spot(NamedTuple):
    """Where a slot lies: `bits` bits of word `word` from bit `shift` on; `kind` is its kind."""

    word: int
    shift: int
    bits: int
    kind: Kind

    @property
    def mask(self) -> int:
        """Bits of the word."""
        return (1 << self.bits) - 1 << self.shift

    @property
    def key(self) -> tuple[object, ...]:
        """What code that reads and writes the slot depends on; an enum by its values."""
        legal: object = (type(self.kind).__name__, self.kind.default, self.kind.top)
        if isinstance(self.kind, Choice):
            legal = self.kind.values
        elif isinstance(self.kind, Mask):
            legal = (self.kind.free, self.kind.always)
        return self.word, self.shift, self.bits, legal

    @property
    def runs(self) -> tuple[Run, ...]:
        """The runs of a mask's free bits."""
        return runs(self.kind.free, self.shift) if isinstance(self.kind, Mask) else ()

    def pack(self, value: int) -> int:
        """Bits of the word that a legal value sets."""
        if isinstance(self.kind, Mask):
            return sum((value & run.bits) >> run.low << run.at for run in self.runs)
        return value << self.shift

    def value(self, word: int) -> int:
        """Value of the slot in its word."""
        if isinstance(self.kind, Mask):
            found = self.kind.always
            for run in self.runs:
                found |= (word >> run.at << run.low) & run.bits
            return found
        return (word & self.mask) >> self.shift


def room(kind: Kind) -> int:
    """Count the bits that a slot of a kind gets.

    >>> from xsavvy.checker.field import Below, Choice
    >>> room(Below(5)), room(Mask(0x207)), room(Place(("rest",) + ("step",) * 70))
    (3, 4, 8)
    """
    if isinstance(kind, Place):
        return -(-max(1, kind.top.bit_length()) // 4) * 4
    if isinstance(kind, Choice):
        return max(1, kind.top.bit_length())
    return width(kind)


class Layout:
    """The spots of all slots of a system. Raises Unfit when a state takes too many words.

    Comparing two states word by word gives what comparing their packed integers gives: the
    most significant slots lie in word 0, the order of the slots is that of `word.py`.
    """

    def __init__(self, system: System) -> None:
        self.shape = system.shape
        kinds = [slot.kind for slot in self.shape.slots]
        found: dict[int, Spot] = {}
        word, shift = 0, MOST_BITS
        for slot in reversed(order(self.shape, range(len(kinds)), system.indexes)):
            bits = room(kinds[slot])
            if shift < bits:
                word, shift = word + 1, MOST_BITS
            shift -= bits
            found[slot] = Spot(word, shift, bits, kinds[slot])
        self.words = word + 1
        self.spots = tuple(found[slot] for slot in range(len(kinds)))
        self.spans = {name: (start, length) for name, start, length in self.shape.spans}
        if self.words > MOST_WORDS:
            raise Unfit(f"a state takes {self.words} words of 63 bits, more than {MOST_WORDS}")

    def key(self) -> list[tuple[object, ...]]:
        """What code for any slot depends on."""
        return [spot.key for spot in self.spots]

    def contexts(self) -> dict[str, tuple[int, ...]]:
        """Give the context bits of each context field for every number that its slot can hold.

        Numbers without a location have none; only a damaged checkpoint brings them up.
        """
        found = {}
        for name, (slot, bits) in self.shape.contexts.items():
            found[name] = bits + (0,) * ((1 << self.spots[slot].bits) - len(bits))
        return found

    def pack(self, state: State) -> tuple[int, ...]:
        """Make the words of a state."""
        words = [0] * self.words
        for spot, value in zip(self.spots, state, strict=True):
            words[spot.word] |= spot.pack(value)
        return tuple(words)

    def unpack(self, words: tuple[int, ...]) -> State:
        """Make the state of its words."""
        return tuple(spot.value(words[spot.word]) for spot in self.spots)


class Unfit(Exception):
    """Raised for a program that the compiled engine cannot take; the others can."""
