# SPDX-License-Identifier: Apache-2.0
"""Put what an engine found into words: verdicts, traces, what was not reached."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, Literal, TypeVar

from xsavvy.checker.bind import System
from xsavvy.checker.error import EngineError
from xsavvy.checker.exploration import Found, Meter
from xsavvy.checker.field import Context
from xsavvy.checker.outcome import (
    Deadlocks,
    FieldUse,
    Outcome,
    Sighting,
    Trace,
    Unreached,
    Verdict,
)
from xsavvy.checker.program import Guard
from xsavvy.checker.record import State, fields
from xsavvy.checker.trace import replay, shown
from xsavvy.checker.word import width

S = TypeVar("S")


class Answer(Generic[S]):
    """Puts the result of an engine into words."""

    def __init__(
        self, system: System, engine: str, found: Found[S], unpack: Callable[[S], State]
    ) -> None:
        self.system = system
        self.engine = engine
        self.found = found
        self.unpack = unpack

    @property
    def complete(self) -> bool:
        """Tell whether every reachable state was seen."""
        return self.found.ended == "complete"

    def outcome(self, meter: Meter) -> Outcome:
        """Make the outcome."""
        seconds = meter.seconds
        found, program = self.found, self.system.program
        return Outcome(
            engine=self.engine,
            states=found.states,
            transitions=found.transitions,
            depth=found.depth,
            complete=found.ended == "complete",
            ended=found.ended,
            bytes=found.bytes,
            seconds=seconds,
            verdicts=tuple(self.verdict(i) for i in range(len(program.properties))),
            witnesses=tuple(self.sighting(i) for i in range(len(program.witnesses))),
            deadlocks=Deadlocks(
                found.deadlocks, None if found.deadlock is None else self.trace(found.deadlock)
            ),
            unreached=self.unreached(),
            fields=field_uses(self.system),
        )

    def verdict(self, index: int) -> Verdict:
        """Judge one property."""
        item = self.system.program.properties[index]
        if index in self.found.violated:
            trace = self.judged(self.found.violated[index], item.holds, False, item.name)
            return Verdict(item.name, item.sentence, item.source, "violated", len(trace), trace)
        verdict: Literal["holds", "incomplete"] = "holds" if self.complete else "incomplete"
        return Verdict(item.name, item.sentence, item.source, verdict)

    def sighting(self, index: int) -> Sighting:
        """Judge one witness."""
        item = self.system.program.witnesses[index]
        if index in self.found.witnessed:
            trace = self.judged(self.found.witnessed[index], item.seen, True, item.name)
            return Sighting(item.name, item.sentence, "seen", len(trace), trace)
        verdict: Literal["unseen", "incomplete"] = "unseen" if self.complete else "incomplete"
        return Sighting(item.name, item.sentence, verdict)

    def judged(self, state: S, guard: Guard, expected: bool, name: str) -> Trace:
        """Rebuild a trace, and let the model's own function confirm its last state."""
        record = self.system.shape.thaw(self.unpack(state))
        if bool(guard(record, self.system.constants)) != expected:
            raise EngineError(f"{name}: the engines disagree on the last state of its trace")
        return self.trace(state)

    def trace(self, state: S) -> Trace:
        """Rebuild the way to a state."""
        return replay(self.system, [self.unpack(item) for item in self.found.chain(state)])

    def unreached(self) -> Unreached:
        """Name what was never taken."""
        rules = self.system.rules
        fired = {rules[index].name for index in self.found.fired}
        chosen = {(rules[index].name, rules[index].arguments) for index in self.found.fired}
        asked = dict.fromkeys((rule.name, rule.arguments) for rule in rules if rule.name in fired)
        return Unreached(
            tuple(name for name in self.system.step_names if name not in fired),
            tuple(name for name in self.system.event_names if name not in fired),
            tuple(_instance(*each) for each in asked if each not in chosen),
        )


def _instance(event: str, arguments: tuple[tuple[str, int], ...]) -> str:
    return f"{event} ({', '.join(f'{name}={shown(value)}' for name, value in arguments)})"


def field_uses(system: System) -> tuple[FieldUse, ...]:
    """Describe each field of a system: legal values, bits, and its value if it is constant."""
    docs = {item.name: item.doc for item in fields(system.program.record)}
    uses = []
    for index, slot in enumerate(system.shape.slots):
        fixed = system.fixed.get(index)
        constant = None if fixed is None else slot.kind.show(fixed)
        bits = width(slot.kind) if fixed is None else 0
        uses.append(FieldUse(slot.name, slot.kind.describe(), bits, constant, docs[slot.field]))
    derived = [
        FieldUse(item.name, item.kind.describe(), 0, None, item.doc)
        for item in fields(system.program.record)
        if isinstance(item.kind, Context)
    ]
    return (*uses, *derived)
