# SPDX-License-Identifier: Apache-2.0
"""The driver of the compiled search: slices of work, levels, growth and limits.

The kernel works for some fifty milliseconds at a time; between two slices this module shows
progress, ends levels, makes room, and honours limits and Ctrl-C. Everything that counts is in
memory that the kernel and a checkpoint can see, so that any slice can be the last.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any, Literal, Self

from xsavvy.checker.native import control, trail
from xsavvy.checker.native.board import ENDLESS, Board
from xsavvy.checker.native.checkpoint import Checkpoint
from xsavvy.checker.native.compiled import Compiler, Kernel
from xsavvy.checker.native.dictionary import Dictionaries
from xsavvy.checker.native.findings import Findings, State
from xsavvy.checker.native.store import MOST_LOAD, Limit, NoMemory
from xsavvy.checker.native.team import Team, patient
from xsavvy.checker.native.visited import Visited

Status = Literal["complete", "states", "memory", "illegal", "stopped"]

SLICE = 0.07  # seconds between two looks at limits
SHOWN = 0.05  # seconds between two calls of `on_slice`


@dataclass(frozen=True)
class Tuning:
    """Sizes that change how fast a search is, never what it finds."""

    slots: int = 1 << 16  # of the first table
    words: int = 4096  # of the first dictionaries
    chunk: int = 1024  # states that a thread takes at a time
    alone: int = 4096  # states of a level below which one thread does it
    budget: int = 1 << 16  # work in the first slice


class Walk(Findings):
    """A breadth-first search of a model that is given by the addresses of two functions.

    States are tuples of `words` words below 2**63. `expand` writes at most `fan` successors of
    a state and marks which of `rules` were taken; `judge` answers with up to 62 `bits`; `env` is
    handed to both. `memory` limits the whole process, in bytes. Use it as a context manager,
    or call `close`. Raises NoMemory.
    """

    def __init__(
        self,
        jit: Compiler,
        *,
        words: int,
        rules: int,
        fan: int,
        expand: int,
        judge: int,
        env: int = 0,
        bits: int = 0,
        threads: int = 1,
        memory: int | None = None,
        lanes: int = 1,
        tuning: Tuning | None = None,
    ) -> None:
        assert 1 <= words <= 6, "a state has 1 to 6 words"
        assert 0 <= bits <= 62, "at most 62 bits are judged"
        self.tuning = tuning if tuning is not None else Tuning()
        self.limit = Limit(memory)
        self.kernel = Kernel(jit, words)
        self.threads = min(max(threads, 1), control.LANE_LIMIT)
        lanes = min(max(lanes, self.threads), control.LANE_LIMIT)
        longest = int(self.limit.most_slots(0) * MOST_LOAD) + 1
        self.board = Board(words, lanes, fan, rules, longest)
        self.board[control.ENV] = env
        self.board[control.WANTED] = (1 << bits) - 1
        self.board[control.CHUNK] = self.tuning.chunk
        self.use(expand, judge)
        self.dictionaries = Dictionaries(self.board, self.kernel, lanes, self.tuning.words)
        self.team = Team(self.threads)
        self.visited = Visited(self.board, self.kernel, self.team, self.limit, self.tuning.slots)
        self.levels: list[tuple[int, ...]] = []  # where each level begins, in each lane
        self.found: dict[int, State] = {}  # sightings of levels that are done
        self.budget = self.tuning.budget
        self.relaid = 0  # times that all keys were rewritten
        self.file: Checkpoint | None = None

    def use(self, expand: int, judge: int) -> None:
        """Go on with other machine code for the same model."""
        self.board[control.EXPAND] = expand
        self.board[control.JUDGE] = judge

    # the search

    def start(self, states: Sequence[State]) -> None:
        """Enter the starts. Raises NoMemory."""
        board = self.board
        out = board.get(0, control.OUT) - board.scratch[0].address
        self.levels.append(tuple(0 for _ in board.lanes))
        for at in range(0, len(states), control.BATCH):
            part = states[at : at + control.BATCH]
            while True:
                self._allot([0], ENDLESS)
                board.scratch[0].put(out, [word for state in part for word in state])
                status = self.kernel.begin(board.address, board.lane(0), len(part))
                if status == control.PAUSED:
                    break
                if not self._make_room(status, True):
                    raise NoMemory("no memory for the start states")
        board.set_level(self.levels[0], board.tails())
        self._settle()

    def run(
        self, max_states: int | None = None, on_slice: Callable[[], object] | None = None
    ) -> Status:
        """Search until nothing is left, or until a limit; a later call goes on from there.

        "states": `max_states` are known and more could follow. "memory": the limit allows no
        more. "illegal": see `illegal`. "stopped": Ctrl-C. Raises TooManyWords.
        """
        shown = perf_counter()
        with patient() as flag:
            while True:
                ended = self._step(max_states)
                if ended is not None:
                    return ended
                if on_slice is not None and perf_counter() - shown > SHOWN:
                    try:
                        on_slice()
                    except KeyboardInterrupt:
                        flag.up = True
                    shown = perf_counter()
                if flag.up:
                    return self._ended("stopped")

    def _step(self, max_states: int | None) -> Status | None:
        """End the level or work on it for a slice; return how the search ended, if it did."""
        if self.board.queued() == 0:
            self._settle()
            if self.illegal is not None or self._following() == 0:
                return self._ended("complete")
            self.levels.append(tuple(self.board.get(n, control.HIGH) for n in self.board.lanes))
            self.board.set_level(self.levels[-1], self.board.tails())
        quota = ENDLESS
        if max_states is not None:
            quota = max_states - self.states
            if quota <= 0:
                return self._ended("states")
        before = self.transitions
        status = max(self._slice(quota))
        if status >= control.DICTIONARY or status == control.FULL:
            if not self._make_room(status, self.transitions == before):
                return self._ended("memory")
        return None

    def _ended(self, status: Status) -> Status:
        return "illegal" if self.illegal is not None else status

    def _settle(self) -> None:
        """Keep what the level has shown first; it is not looked for any more."""
        for bit, state in self.board.sighted().items():
            self.found.setdefault(bit, state)
        self.board.forget_sights()
        self.seen(self.found)

    def seen(self, bits: Iterable[int]) -> None:
        """Judge some bits no more."""
        for bit in bits:
            self.board[control.WANTED] &= ~(1 << bit)

    def crew(self) -> list[int]:
        """Choose the lanes that work on the level."""
        board = self.board
        many = board[control.TOTAL] >= self.tuning.alone
        return [
            lane
            for lane in board.lanes
            if lane == 0 or (many and lane < self.threads) or board.pending(lane)
        ]

    def _slice(self, quota: int) -> list[int]:
        """Let the lanes work for a while."""
        board, crew = self.board, self.crew()
        self._allot(crew, quota)
        began = perf_counter()
        ends = self.team.run(lambda n: self.kernel.search(board.address, board.lane(n)), crew)
        seconds = max(perf_counter() - began, 1e-6)
        if board.get(0, control.BUDGET) == 0:
            change = min(4.0, max(0.25, SLICE / seconds))
            self.budget = min(1 << 30, max(1 << 10, int(self.budget * change)))
        return ends

    def _allot(self, crew: list[int], quota: int) -> None:
        """Share room and quota among lanes."""
        board = self.board
        board[control.STOP] = 0
        board[control.SHARED] = int(len(crew) > 1)
        room = self.visited.room(self._other())
        for lane in crew:
            mine = min(room // len(crew), board.longest - board.get(lane, control.TAIL))
            board.put(lane, control.ROOM, mine)
            board.put(lane, control.QUOTA, max(1, -(-quota // len(crew))))
            board.put(lane, control.BUDGET, ENDLESS if lane else self.budget)

    # memory

    def _other(self) -> int:
        """Bytes that are neither keys nor table."""
        return self.board.overhead + self.dictionaries.bytes

    def _make_room(self, status: int, stuck: bool) -> bool:
        """Enlarge what is full; return False if the memory limit does not allow it."""
        if status < control.DICTIONARY:
            return self.visited.enlarge(self._other(), stuck)
        try:
            spare = self.limit.bytes - self.bytes
            if self.dictionaries.make_room(status - control.DICTIONARY, spare):
                self.relaid += 1
                self.visited.replace()
        except NoMemory:
            return False
        return True

    def enter(self) -> bool:
        """Build the table for keys from a file; return whether each was there only once.

        Raises NoMemory.
        """
        if not self.visited.fit(self.states, self._other()):
            raise NoMemory(f"no memory for {self.states} states")
        return self.visited.replace()

    # what it leaves

    def chain(self, state: State) -> list[State]:
        """Find a shortest way from a start to a state. Raises KeyError if it was not found."""
        return trail.chains(self, [state])[0]

    def chains(self, states: Sequence[State]) -> list[list[State]]:
        """Find the ways to several states in one go."""
        return trail.chains(self, states)

    def save(self, directory: Path, identity: str) -> None:
        """Write a checkpoint, or bring it up to date; between slices or after a run.

        A later `load` with the same identity goes on from here. Raises OSError.
        """
        if self.file is None or self.file.directory != directory:
            self.file = Checkpoint(directory)
        self.file.save(self, identity)

    @classmethod
    def load(cls, jit: Compiler, directory: Path, identity: str, **options: Any) -> Self:
        """Go on from the last checkpoint in a directory; options are those of the class.

        Raises CheckpointError if there is none, or if it is damaged or another search's,
        NoMemory if the limit does not allow it.
        """
        file = Checkpoint(directory)
        manifest = file.read(identity)
        walk = cls(jit, lanes=len(manifest.tails), **options)
        try:
            file.restore(walk, manifest)
        except BaseException:
            walk.close()
            raise
        walk.file = file
        return walk

    def close(self) -> None:
        """Free all memory; nothing may be asked any more."""
        self.team.close()
        self.visited.close()
        self.dictionaries.close()
        self.board.close()

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Free all memory."""
        self.close()
