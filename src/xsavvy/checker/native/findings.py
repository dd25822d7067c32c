# SPDX-License-Identifier: Apache-2.0
"""What a search has found so far; can be asked at any time between slices."""

from __future__ import annotations

from xsavvy.checker.native import control
from xsavvy.checker.native.board import Board
from xsavvy.checker.native.dictionary import Dictionaries
from xsavvy.checker.native.visited import Visited

State = tuple[int, ...]


class Findings:
    """Counts and first sightings."""

    board: Board
    visited: Visited
    dictionaries: Dictionaries
    levels: list[tuple[int, ...]]  # where each level begins, in each lane
    found: dict[int, State]  # sightings of levels that are done

    @property
    def states(self) -> int:
        """Distinct states found."""
        return self.board.total(control.TAIL)

    @property
    def transitions(self) -> int:
        """Transitions taken: enabled rules in the states that were expanded."""
        return self.board.total(control.TRANSITIONS)

    @property
    def depth(self) -> int:
        """Transitions to the farthest level that was begun."""
        return max(0, len(self.levels) - 1)

    @property
    def frontier(self) -> int:
        """States that are found and not expanded."""
        return self.board.queued() + self._following()

    @property
    def deadlocks(self) -> int:
        """States without a successor that are not terminal."""
        return self.board.total(control.DEADLOCKS)

    @property
    def first_deadlock(self) -> State | None:
        """The smallest deadlock of the first level that has one."""
        return self._sighted().get(control.DEADLOCK)

    @property
    def sightings(self) -> dict[int, State]:
        """For each bit that was seen, the smallest state of the first level that shows it."""
        return {bit: s for bit, s in sorted(self._sighted().items()) if bit < control.DEADLOCK}

    @property
    def illegal(self) -> State | None:
        """The state that could not be expanded or judged."""
        return self._sighted().get(control.ILLEGAL)

    @property
    def fired(self) -> bytes:
        """A byte for each rule: 1 if it was taken."""
        return self.board.fired()

    @property
    def bytes(self) -> int:
        """Memory that the search has, in bytes."""
        return self.board.bytes + self.dictionaries.bytes + self.visited.bytes

    def _sighted(self) -> dict[int, State]:
        return self.board.sighted() | self.found

    def _following(self) -> int:
        """States found for the level after the one that is being expanded."""
        return self.states - self.board.total(control.HIGH)

    def key(self, state: State) -> int | None:
        """Return the key of a state, None if one of its words was never seen."""
        if self.board.words == 1:
            return state[0]
        key = shift = 0
        for word, dictionary in zip(state, self.dictionaries.all, strict=True):
            index = dictionary.index(word)
            if index is None:
                return None
            key |= index << shift
            shift += self.dictionaries.widths[dictionary.place]
        return key
