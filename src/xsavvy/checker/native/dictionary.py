# SPDX-License-Identifier: Apache-2.0
"""The dictionaries of states of several words: their memory, growth and index widths."""

from __future__ import annotations

from xsavvy.checker.error import ResourceError
from xsavvy.checker.native import control
from xsavvy.checker.native.board import Board
from xsavvy.checker.native.compiled import Kernel
from xsavvy.checker.native.store import Area, NoMemory

BITS = 63  # of a key


class TooManyWords(ResourceError):
    """The indexes of a state's words do not fit into 63 bits together."""


class Dictionary:
    """The words at one place of the states, and an index for each."""

    def __init__(self, board: Board, kernel: Kernel, place: int, capacity: int) -> None:
        self.board = board
        self.kernel = kernel
        self.place = place
        self.at = control.DICTIONARIES + place * control.DICTIONARY_BYTES
        self.capacity = capacity  # of the areas; the index width may allow less
        self.words = Area(8 * capacity)
        self.table = self._new_table()

    def _new_table(self) -> Area:
        """Make an empty table, at most half of which will be used."""
        slots = 2 * self.capacity
        table = Area(16 * slots)
        self.board[self.at + control.WORD_TABLE] = table.address
        self.board[self.at + control.WORD_SLOTS] = slots
        self.board[self.at + control.WORDS_KNOWN] = self.words.address
        return table

    @property
    def count(self) -> int:
        """Words in it."""
        return self.board[self.at + control.COUNT]

    @property
    def limit(self) -> int:
        """Words that it can take as it is."""
        return self.board[self.at + control.CAPACITY]

    @property
    def bytes(self) -> int:
        """Bytes of memory that it has, used or not."""
        return self.words.size + self.table.size

    def index(self, word: int) -> int | None:
        """Return the index of a word, None if it was never seen."""
        slot = self.kernel.find(self.board.address + self.at, word) - self.table.address
        index: int = self.table.words(slot + 8, 1)[0]
        return index - 1 if index else None

    def set_index(self, shift: int, width: int) -> None:
        """Place its index in the keys."""
        mask = (1 << width) - 1
        self.board[self.at + control.SHIFT] = shift
        self.board[self.at + control.MASK] = mask
        self.board[self.at + control.CLEAR] = ((1 << 64) - 1) ^ (mask << shift)
        self.board[self.at + control.CAPACITY] = min(self.capacity, 1 << width)

    def grow(self, capacity: int) -> bool:
        """Move to larger areas; return whether every word was there only once."""
        count, old = self.count, self.words
        self.capacity = capacity
        self.words = Area(8 * capacity)
        self.words.memory[: 8 * count] = old.memory[: 8 * count]
        old.close()
        return self.reenter()

    def reenter(self) -> bool:
        """Build the table from the list of words; return whether each was there only once."""
        self.table.close()
        self.table = self._new_table()
        width = self.board[self.at + control.MASK].bit_length()
        self.board[self.at + control.CAPACITY] = min(self.capacity, 1 << width)
        return self.kernel.relearn(self.board.address + self.at, 0, self.count) == 0

    def close(self) -> None:
        """Free its memory."""
        self.words.close()
        self.table.close()


class Dictionaries:
    """One dictionary for each word of a state; none if there is one word."""

    def __init__(self, board: Board, kernel: Kernel, claimants: int, capacity: int) -> None:
        self.board = board
        self.kernel = kernel
        self.claimants = claimants
        places = range(board.words) if board.words > 1 else range(0)
        self.all = [Dictionary(board, kernel, place, capacity) for place in places]
        self.widths: list[int] = []
        if self.all:
            for dictionary in self.all:
                board[dictionary.at + control.CLAIMANTS] = claimants
            share, rest = divmod(BITS, board.words)
            self.widths = [share + rest, *[share] * (board.words - 1)]
            self.place_indexes()

    def place_indexes(self) -> None:
        """Put the indexes side by side in the keys, the first word's lowest."""
        shift = 0
        for dictionary, width in zip(self.all, self.widths, strict=True):
            dictionary.set_index(shift, width)
            shift += width

    @property
    def bytes(self) -> int:
        """Bytes of memory that they have."""
        return sum(dictionary.bytes for dictionary in self.all)

    def make_room(self, place: int, spare: int) -> bool:
        """Enlarge a full dictionary by less than `spare` bytes; return whether keys changed.

        Raises NoMemory and TooManyWords.
        """
        full = self.all[place]
        if full.limit == full.capacity:
            if full.bytes * 2 > spare:
                raise NoMemory("no memory for a larger dictionary")
            full.grow(2 * full.capacity)
            return False
        self._widen(place)
        return True

    def _widen(self, place: int) -> None:
        """Give a dictionary index bits that others can spare, and rewrite all keys."""
        needs = [(d.count + self.claimants).bit_length() for d in self.all]
        free = BITS - sum(needs)
        if free < 0:
            counts = ", ".join(str(d.count) for d in self.all)
            raise TooManyWords(
                f"the {len(self.all)} words of the states have {counts} values; "
                f"their indexes need {BITS - free} bits and have {BITS}"
            )
        old = self._layout()
        share, rest = divmod(free, len(needs))
        self.widths = [need + share for need in needs]
        self.widths[place] += rest
        self.place_indexes()
        new = self._layout()
        area = Area(16 * (len(old) + len(new)))
        area.put(0, old + new)
        for lane in self.board.lanes:
            keys, count = self.board.get(lane, control.KEYS), self.board.get(lane, control.TAIL)
            self.kernel.relay(keys, count, area.address, area.address + 8 * len(old))
        area.close()

    def _layout(self) -> list[int]:
        """Return shift and mask of each index, as `collapse.relay` reads them."""
        cells = [(d.at + control.SHIFT, d.at + control.MASK) for d in self.all]
        return [self.board[cell] for pair in cells for cell in pair]

    def close(self) -> None:
        """Free their memory."""
        for dictionary in self.all:
            dictionary.close()
