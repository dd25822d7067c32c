# SPDX-License-Identifier: Apache-2.0
"""The table of keys: its memory, and how it grows within the limit."""

from __future__ import annotations

from collections.abc import Sequence

from xsavvy.checker.native import control
from xsavvy.checker.native.board import Board
from xsavvy.checker.native.compiled import Kernel
from xsavvy.checker.native.store import LINE, Area, Limit
from xsavvy.checker.native.team import Team

PIECES = 16  # in which a table is copied


class Visited:
    """A table that always has all keys of all lanes; `other` is memory beside keys and table."""

    def __init__(self, board: Board, kernel: Kernel, team: Team, limit: Limit, slots: int) -> None:
        self.board = board
        self.kernel = kernel
        self.team = team
        self.limit = limit
        self.slots = -(-slots // LINE) * LINE
        self.area = Area(1)
        self.replace()

    @property
    def bytes(self) -> int:
        """Bytes of memory that it has."""
        return self.slots * 8

    def room(self, other: int) -> int:
        """States that it may take before it should grow, or at all if it cannot."""
        return max(0, self.limit.states(self.slots, other) - sum(self.board.tails()))

    def enlarge(self, other: int, stuck: bool) -> bool:
        """Grow if little room is left or the lanes are stuck; return False if that is the end."""
        larger = self.limit.grown(self.slots, other)
        if larger <= self.slots:
            return not stuck
        if stuck or self.room(other) <= self.limit.states(self.slots, other) // 8:
            old, self.slots = self.slots, larger
            taken = 8 * (larger + old // PIECES + sum(self.board.tails())) + other
            if taken <= self.limit.bytes:
                self.unfold(old)
            else:
                self.replace()
        return True

    def unfold(self, slots: int) -> None:
        """Copy the table of so many slots to one of the new size, piece by piece.

        What was copied is given back, so that both together hardly take more than the new one.
        """
        old, lines = self.area, slots // LINE
        workers = self._open()
        for piece in range(PIECES):
            first, last = (lines * n // PIECES for n in (piece, piece + 1))
            marks = [64 * (first + (last - first) * n // workers) for n in range(workers + 1)]
            self._transfer(old.address, marks)
            old.forget(marks[0], marks[-1])
        old.close()

    def _transfer(self, address: int, marks: Sequence[int]) -> None:
        """Copy the parts of a table between some marks, one by each worker."""
        self.team.run(
            lambda n: self.kernel.transfer(
                self.board.address, address + marks[n], address + marks[n + 1]
            ),
            range(len(marks) - 1),
        )

    def fit(self, states: int, other: int) -> bool:
        """Choose a size for a number of states; return whether the limit allows it."""
        while self.limit.states(self.slots, other) < states:
            larger = self.limit.grown(self.slots, other)
            if larger <= self.slots:
                return False
            self.slots = larger
        return True

    def replace(self) -> bool:
        """Make the table anew and enter all keys; return whether each was there only once."""
        self.area.close()  # first, so that never two tables take memory
        workers = self._open()
        tails = self.board.tails()
        # The lanes' scratch serves the workers, one lane's for each.
        known = self.team.run(lambda worker: self._enter(worker, workers, tails), range(workers))
        return sum(known) == 0

    def _open(self) -> int:
        """Begin a new table; return how many workers shall fill it."""
        self.area = Area(self.bytes)
        self.board[control.TABLE] = self.area.address
        self.board[control.SLOTS] = self.slots
        workers = self.team.threads if sum(self.board.tails()) > (1 << 12) else 1
        self.board[control.SHARED] = int(workers > 1)
        return workers

    def _enter(self, worker: int, workers: int, tails: tuple[int, ...]) -> int:
        """Enter a worker's part of each lane's keys; return how many were there already."""
        board, known = self.board, 0
        places = board.get(worker, control.PLACES)
        for lane, tail in enumerate(tails):
            first, last = (tail * n // workers for n in (worker, worker + 1))
            known += self.kernel.rebuild(board.address, board.lane(lane), first, last, places)
        return known

    def close(self) -> None:
        """Free its memory."""
        self.area.close()
