# SPDX-License-Identifier: Apache-2.0
"""The control block and its lanes, as the driver sees them."""

from __future__ import annotations

from xsavvy.checker.native import control
from xsavvy.checker.native.store import Area

ENDLESS = 1 << 62  # a budget or quota that is never used up


class Board:
    """The block of memory that `control` describes, with an area for each lane's scratch."""

    def __init__(self, words: int, lanes: int, fan: int, rules: int, longest: int) -> None:
        self.words = words
        self.lanes = range(lanes)
        self.area = Area(control.BYTES)
        self.cells = memoryview(self.area.memory).cast("Q")
        self.address = self.area.address
        self.keys = [Area(longest * 8) for _ in self.lanes]
        self.longest = longest  # keys of a lane
        self.scratch: list[Area] = []
        self.fired_at = 0
        self.rules = rules
        for lane in self.lanes:
            self._outfit(lane, control.BATCH * max(fan, 1))

    def _outfit(self, lane: int, most: int) -> None:
        """Give a lane its scratch; `most` is the number of a batch's successors."""
        words, batch = self.words, control.BATCH
        sizes = {
            control.OUT: most * words * 8 + 64,  # `expand` may write a word beyond the last
            control.ENDS: batch * 4,
            control.STATES: batch * words * 8,
            control.CODES: most * 8,
            control.PLACES: most * 8,
            control.SIGHTS: 64 * words * 8,
            control.FIRED: self.rules,
        }
        self.sights_at = sum(-(-size // 64) * 64 for size in list(sizes.values())[:5])
        self.fired_at = self.sights_at + 64 * words * 8
        area = Area(sum(sizes.values()) + 64 * len(sizes))
        self.scratch.append(area)
        at = area.address
        for cell, size in sizes.items():
            self.put(lane, cell, at)
            at += -(-size // 64) * 64
        self.put(lane, control.KEYS, self.keys[lane].address)

    def lane(self, lane: int) -> int:
        """Return the address of a lane's block."""
        return self.address + control.LANES + lane * control.LANE_BYTES

    def get(self, lane: int, cell: int) -> int:
        """Read a cell of a lane."""
        return self.cells[(control.LANES + lane * control.LANE_BYTES + cell) // 8]

    def put(self, lane: int, cell: int, value: int) -> None:
        """Write a cell of a lane."""
        self.cells[(control.LANES + lane * control.LANE_BYTES + cell) // 8] = value

    def total(self, cell: int) -> int:
        """Add up a cell of all lanes."""
        return sum(self.get(lane, cell) for lane in self.lanes)

    def tails(self) -> tuple[int, ...]:
        """Number of keys in each lane."""
        return tuple(self.get(lane, control.TAIL) for lane in self.lanes)

    def pending(self, lane: int) -> int:
        """States that a lane took from the level and has not expanded."""
        return self.get(lane, control.UNTIL) - self.get(lane, control.FROM)

    def queued(self) -> int:
        """States of the level that are not expanded yet."""
        total = self[control.TOTAL]
        taken = min(self[control.CURSOR], total)
        return total - taken + sum(self.pending(lane) for lane in self.lanes)

    def __getitem__(self, cell: int) -> int:
        """Read a cell of the search."""
        return self.cells[cell // 8]

    def __setitem__(self, cell: int, value: int) -> None:
        """Write a cell of the search."""
        self.cells[cell // 8] = value

    def set_level(self, first: tuple[int, ...], last: tuple[int, ...]) -> None:
        """Make a range of keys in each lane the level that is expanded."""
        for lane in self.lanes:
            self.put(lane, control.LOW, first[lane])
            self.put(lane, control.HIGH, last[lane])
            self.put(lane, control.FROM, 0)
            self.put(lane, control.UNTIL, 0)
        self[control.TOTAL] = sum(last) - sum(first)
        self[control.CURSOR] = 0

    def sighted(self) -> dict[int, tuple[int, ...]]:
        """Return the smallest state that the lanes remember for each bit."""
        found: dict[int, tuple[int, ...]] = {}
        for lane in self.lanes:
            mask = self.get(lane, control.SIGHTED)
            while mask:
                bit = mask.bit_length() - 1
                mask ^= 1 << bit
                at = self.sights_at + bit * self.words * 8
                state = tuple(self.scratch[lane].words(at, self.words))
                found[bit] = min(found.get(bit, state), state)
        return found

    def forget_sights(self) -> None:
        """Let all lanes forget what they remember."""
        for lane in self.lanes:
            self.put(lane, control.SIGHTED, 0)

    def remember(self, bit: int, state: tuple[int, ...]) -> None:
        """Put a sighting where a lane would have remembered it."""
        self.scratch[0].put(self.sights_at + bit * self.words * 8, state)
        self.put(0, control.SIGHTED, self.get(0, control.SIGHTED) | 1 << bit)

    def fired(self) -> bytes:
        """Return a byte for each rule: 1 if it was ever taken."""
        seen = bytearray(self.rules)
        for area in self.scratch:
            for i, flag in enumerate(area.memory[self.fired_at : self.fired_at + self.rules]):
                seen[i] |= flag
        return bytes(seen)

    def set_fired(self, flags: bytes) -> None:
        """Note rules that were taken before."""
        self.scratch[0].memory[self.fired_at : self.fired_at + self.rules] = flags

    @property
    def bytes(self) -> int:
        """Bytes of memory in use, rounded up to whole huge pages for the keys."""
        keys = sum(tail * 8 for tail in self.tails())
        return keys + self.overhead

    @property
    def overhead(self) -> int:
        """Bytes that do not depend on the number of states."""
        return self.area.size + sum(area.size for area in self.scratch)

    def close(self) -> None:
        """Free everything."""
        self.cells.release()
        for area in [self.area, *self.keys, *self.scratch]:
            area.close()
