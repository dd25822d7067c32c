# SPDX-License-Identifier: Apache-2.0
"""The compiled search of a bound system: tables, walk, and what is handed back."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from time import perf_counter
from typing import Any

from xsavvy.checker.bind import System
from xsavvy.checker.error import EngineError
from xsavvy.checker.exploration import Ended, Meter
from xsavvy.checker.fault import explain
from xsavvy.checker.native.fusion import OwnCode
from xsavvy.checker.native.identity import described
from xsavvy.checker.native.jit import Jit
from xsavvy.checker.native.layout import Layout, Unfit
from xsavvy.checker.native.tables import EXPAND, JUDGE, Tables, add_driver
from xsavvy.checker.native.walk import Walk
from xsavvy.checker.record import State

MOST_JUDGED = 62  # properties and witnesses
SAVED = 20.0  # least seconds between two checkpoints
PATIENCE = 12  # a checkpoint may take one part in so many of the time


@dataclass
class Answer:
    """What a compiled search found; see `exploration.Found`."""

    states: int
    transitions: int
    depth: int
    ended: Ended
    violated: Mapping[int, State]
    witnessed: Mapping[int, State]
    deadlocks: int
    deadlock: State | None
    fired: frozenset[int]
    bytes: int
    chains: Mapping[State, Sequence[State]] = field(repr=False)

    def chain(self, state: State) -> Sequence[State]:
        """List the states from a start to one that was reported."""
        return self.chains[state]


@cache
def shared_jit() -> Jit:
    """Make the compiler of this process."""
    return Jit()


class Machine:
    """Compiled code and tables for one system.

    Raises Unfit when the compiled engine cannot take it, Cold when code is not in the cache and
    must not be compiled.
    """

    def __init__(self, system: System, *, may_compile: bool = True) -> None:
        program = system.program
        judged = len(program.properties) + len(program.witnesses)
        if judged > MOST_JUDGED:
            raise Unfit(f"{judged} properties and witnesses, more than {MOST_JUDGED}")
        self.system = system
        self.layout = Layout(system)
        self.jit = shared_jit()
        add_driver(self.jit)
        self.tables = Tables(system, self.layout, self.jit, may_compile=may_compile)
        self.saved = perf_counter()
        self.pause = SAVED

    def explore(
        self,
        max_states: int | None,
        meter: Meter,
        *,
        threads: int = 1,
        memory: int | None = None,
        checkpoint: Path | None = None,
        specialise: bool | None = None,
    ) -> Answer:
        """Explore every reachable state; see `reference.explore`.

        With a checkpoint directory the search goes on from what is there, if anything is, and
        leaves behind what it knows every now and then and at its end. `specialise`: whether to
        write code for this system alone; None means on the way, when the search is long. Raises
        ModelError, ResourceError.
        """
        with (
            self._walk(threads, memory, checkpoint) as walk,
            OwnCode(self.system, self.layout, self.jit, specialise) as own,
        ):
            own.offer(walk)

            def look() -> None:
                own.offer(walk)
                meter.show(walk.states, walk.transitions, walk.depth, walk.frontier)
                if checkpoint is not None:
                    self._save(walk, checkpoint)

            status = walk.run(max_states, look)
            if checkpoint is not None:
                walk.save(checkpoint, self.identity())
            if status == "illegal":
                self._explain(walk)
            assert status != "illegal"
            return self._answer(walk, status)

    def _walk(self, threads: int, memory: int | None, checkpoint: Path | None) -> Walk:
        system, jit = self.system, self.jit
        options: dict[str, Any] = {
            "words": self.layout.words,
            "rules": len(system.rules),
            "fan": max(1, len(system.rules)),
            "expand": jit.address(EXPAND),
            "judge": jit.address(JUDGE),
            "env": self.tables.env,
            "bits": len(system.program.properties) + len(system.program.witnesses),
            "threads": threads,
            "memory": memory,
        }
        if checkpoint is not None and checkpoint.is_dir() and any(checkpoint.iterdir()):
            return Walk.load(jit, checkpoint, self.identity(), **options)
        walk = Walk(jit, **options)
        try:
            walk.start([self.layout.pack(state) for state in system.starts])
        except BaseException:
            walk.close()
            raise
        return walk

    def _save(self, walk: Walk, checkpoint: Path) -> None:
        began = perf_counter()
        if began - self.saved > self.pause:
            walk.save(checkpoint, self.identity())
            self.saved = perf_counter()
            self.pause = max(SAVED, PATIENCE * (self.saved - began))

    def _answer(self, walk: Walk, status: Ended) -> Answer:
        unpack, count = self.layout.unpack, len(self.system.program.properties)
        sightings = walk.sightings
        first = walk.first_deadlock
        wanted = list(dict.fromkeys([*sightings.values(), *([] if first is None else [first])]))
        ways = walk.chains(wanted)
        return Answer(
            states=walk.states,
            transitions=walk.transitions,
            depth=walk.depth,
            ended=status,
            violated={bit: unpack(at) for bit, at in sightings.items() if bit < count},
            witnessed={bit - count: unpack(at) for bit, at in sightings.items() if bit >= count},
            deadlocks=walk.deadlocks,
            deadlock=None if first is None else unpack(first),
            fired=frozenset(i for i, fired in enumerate(walk.fired) if fired),
            bytes=walk.bytes,
            chains={unpack(way[-1]): [unpack(at) for at in way] for way in ways},
        )

    def _explain(self, walk: Walk) -> None:
        assert walk.illegal is not None
        try:
            explain(self.system, self.layout.unpack(walk.illegal), "the flag was raised")
        except EngineError as error:
            raise Unfit("a step computes with more than 64 bits") from error

    # checkpoints

    def identity(self) -> str:
        """Digest what the search depends on: code, rules, constants, starts."""
        system = self.system
        units = sorted(
            (unit.key, unit.vector(system.values, dict.fromkeys(unit.contexts, 0)))
            for unit in self.tables.units.known.values()
        )
        program = system.program
        names = [item.name for item in program.properties]
        names += [item.name for item in program.witnesses]
        contexts = sorted(system.shape.contexts.items())
        rules = list(map(described, system.rules))
        parts = (units, rules, names, contexts, self.layout.key(), system.starts)
        return hashlib.sha256(repr(parts).encode()).hexdigest()
