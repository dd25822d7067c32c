# SPDX-License-Identifier: Apache-2.0
"""The fast search: packed states and generated Python, the same answers as `reference.py`.

The code of a location is written when a state first is there, so what is never reached costs
nothing. When generated code meets an illegal value it gives up, and the model's own functions
are run on that state to say what is wrong.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from types import CodeType
from typing import Any, ClassVar, NoReturn

from xsavvy.checker.bind import System
from xsavvy.checker.error import EngineError
from xsavvy.checker.exploration import Exploration, Meter
from xsavvy.checker.fault import explain
from xsavvy.checker.generate import Plan, Writer
from xsavvy.checker.word import Word

SLICE = 2048

Piece = Callable[..., int]


class Illegal(Exception):
    """Raised by generated code that is about to store an illegal value."""


FAILURES = (Illegal, ArithmeticError, LookupError, NameError, TypeError, ValueError)


class Machine:
    """Generated code for one system; good for one search."""

    writer_class: ClassVar[type[Writer]] = Writer

    def __init__(self, system: System) -> None:
        self.system = system
        self.word = Word(system.shape, system.fixed, system.indexes)
        self.writer = self.writer_class(system, self.word)
        self.found: Exploration[int] = Exploration()
        self.fresh: list[int] = []
        self.fired = bytearray(len(system.rules))
        self.space: dict[str, Any] = {
            **self.writer.tables(),
            "Illegal": Illegal,
            "seen": self.found.parent,
            "new": self.fresh.append,
            "fired": self.fired,
            "dead": self._dead,
            "bad": self._bad,
            "shown": self._shown,
        }
        self.stale = True
        self.pieces = _Pieces(self.at)
        self.plans: dict[Plan, Piece] = {}

    def explore(self, max_states: int | None, meter: Meter) -> Exploration[int]:
        """Explore every reachable state; see `reference.explore`."""
        found = self.found
        for state in self.system.starts:
            word = self.word.pack(state)
            found.parent[word] = None
            self.fresh.append(word)
        try:
            frontier = self._level()
            while frontier and self._expand_level(frontier, max_states, meter):
                frontier = self._level()
            self._level()
        except KeyboardInterrupt:
            self._level()
        except FAILURES as failure:
            self.explain(failure)
        finally:
            found.fired.update(i for i, fired in enumerate(self.fired) if fired)
        return found

    def _expand_level(self, frontier: list[int], max_states: int | None, meter: Meter) -> bool:
        """Expand the states of a level; return False when a limit is reached."""
        found, at = self.found, 0
        while at < len(frontier):
            size = self._room(max_states)
            if size == 0:
                found.ended = "states"
                break
            part = frontier[at : at + size]
            at += size
            found.transitions += self._expand(part)
            meter.show(len(found.parent), found.transitions, found.depth, len(frontier))
        if self.fresh:
            found.depth += 1
        elif found.ended != "states":
            found.ended = "complete"
        return found.ended != "states"

    def _room(self, max_states: int | None) -> int:
        """How many states can be expanded before the limit has to be looked at again."""
        if max_states is None:
            return SLICE
        left = max_states - len(self.found.parent)
        if left <= 0:
            return 0
        return max(1, min(SLICE, left // max(1, len(self.system.rules))))

    def _level(self) -> list[int]:
        """Sort the new states, judge them in this order, and hand them over."""
        new = sorted(self.fresh)
        self.fresh.clear()
        for at in range(0, len(new), SLICE):
            if self.stale:
                self._write_scan()
            self.scan(new[at : at + SLICE])
        return new

    def _write_scan(self) -> None:
        """Write the code that judges what has not been decided yet."""
        program, found = self.system.program, self.found
        properties = [i for i in range(len(program.properties)) if i not in found.violated]
        witnesses = [i for i in range(len(program.witnesses)) if i not in found.witnessed]
        self.scan = self.define(self.writer.scan(properties, witnesses), "scan")
        self.stale = False

    def _dead(self, word: int) -> None:
        self.found.deadlocks += 1
        if self.found.deadlock is None:
            self.found.deadlock = word

    def _bad(self, index: int, word: int) -> None:
        self.found.violated.setdefault(index, word)
        self.stale = True

    def _shown(self, index: int, word: int) -> None:
        self.found.witnessed.setdefault(index, word)
        self.stale = True

    # code

    def _expand(self, words: list[int]) -> int:
        """Try in each state what can happen there; return the number of transitions."""
        pieces, mask, total = self.pieces, self.word.key_mask, 0
        for word in words:
            total += pieces[word & mask](word)
        return total

    def define(self, text: str, name: str) -> Piece:
        """Run the text of one function, and hand the function over."""
        exec(_compiled(text, name), self.space)  # noqa: S102 (own text)
        function: Piece = self.space.pop(text[4 : text.index("(")])
        return function

    def at(self, key: int) -> Piece:
        """Make the piece for a key; what it calls is written when it is first called."""
        plan = self.writer.plan(key)
        if plan not in self.plans:
            text = self.writer.at(plan)
            for name, write in self.writer.wanted.items():
                self.space[name] = self._later(name, write)
            self.writer.wanted.clear()
            self.plans[plan] = self.define(text, "at")
        return self.plans[plan]

    def _later(self, name: str, write: Callable[[], str]) -> Piece:
        def first(w: int) -> int:
            function = self.space[name] = self.define(write(), name)
            return function(w)

        return first

    # failure

    def explain(self, failure: BaseException) -> NoReturn:
        """Run the model's own functions where generated code failed; they say what is wrong."""
        at = None
        trace = failure.__traceback__
        while trace is not None:
            at = trace.tb_frame.f_locals.get("w", at)
            trace = trace.tb_next
        if not isinstance(at, int):
            raise EngineError(f"generated code failed: {failure!r}") from failure
        explain(self.system, self.word.unpack(at), failure)


@lru_cache(maxsize=2000)
def _compiled(text: str, name: str) -> CodeType:
    """Compile a piece; the same system asks for the same text again."""
    return compile(text, f"<generated {name}>", "exec")


class _Pieces(dict[int, Piece]):
    """The piece of each key, made when a state first has that key."""

    def __init__(self, make: Callable[[int], Piece]) -> None:
        self.make = make

    def __missing__(self, key: int) -> Piece:
        piece = self[key] = self.make(key)
        return piece
