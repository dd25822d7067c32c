# SPDX-License-Identifier: Apache-2.0
"""Bind a program to its run-time constants and start states.

The result is a flat list of rules, in this order: the steps of the actors in order of actors,
paths and steps; then the events in order, each with its chosen values in order, and for each
combination of values the interrupted actors in order. Search order, counts and traces follow
from it.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from xsavvy.checker import place as places
from xsavvy.checker.audit import Audit
from xsavvy.checker.dialect import arity
from xsavvy.checker.error import ModelError, nearest
from xsavvy.checker.field import Context, Kind, Location, Place
from xsavvy.checker.program import Actor, Event, Program
from xsavvy.checker.record import Field, Record, Shape, State, fields, shape
from xsavvy.checker.rule import Move, Rule
from xsavvy.checker.source import Constant

Start = Callable[[Any, Any], None]


@dataclass(frozen=True, eq=False)
class System:
    """A bound program: everything that a search needs."""

    program: Program
    constants: Any
    shape: Shape
    rules: tuple[Rule, ...]
    starts: tuple[State, ...]
    values: Mapping[str, Constant]
    fixed: Mapping[int, int]
    indexes: frozenset[str]

    @property
    def step_names(self) -> tuple[str, ...]:
        """Labels of all steps, in order."""
        return tuple(rule.name for rule in self.rules if not rule.is_event)

    @property
    def event_names(self) -> tuple[str, ...]:
        """Names of all events, in order."""
        return tuple(event.name for event in self.program.events)


def bind(program: Program, constants: Any, starts: Sequence[Start] = ()) -> System:
    """Check a program, flatten it to rules, and set up its start states.

    `constants` is any object whose int and bool attributes step functions read as `k.name`.
    Each function of `starts` receives the initial record and the constants, and sets up one
    start state (it may write a label into a Location field); none means the initial record
    as it is. Raises ModelError (DialectError for code outside the dialect).
    """
    return _Binder(program, constants).system(starts)


class _Binder:
    def __init__(self, program: Program, constants: Any) -> None:
        self.program = program
        self.constants = constants
        self.maps = places.maps(program)
        self.names = {item.name: item for item in fields(program.record)}
        self.audit = Audit(program, constants, self.maps)
        self.bits = places.contexts(program, self.maps)
        self.shape = self._shape()
        self.slots = {
            name: next(i for i, slot in enumerate(self.shape.slots) if slot.field == field)
            for name, field in self.audit.locations.items()
        }

    def system(self, starts: Sequence[Start]) -> System:
        rules = tuple(self._rules())
        states = tuple(dict.fromkeys(self._starts(starts)))
        return System(
            self.program,
            self.constants,
            self.shape,
            rules,
            states,
            self.audit.values,
            self._fixed(rules, states),
            frozenset(self.audit.indexes),
        )

    # shape

    def _shape(self) -> Shape:
        kinds: dict[str, Kind] = {}
        derived: dict[str, tuple[str, tuple[int, ...]]] = {}
        for item in self.names.values():
            if isinstance(item.kind, Location):
                here = self.maps.get(item.kind.actor)
                kinds[item.name] = Place(tuple(here.labels) if here else ("rest",))
            elif isinstance(item.kind, Context):
                actor = item.kind.actor
                derived[item.name] = (self._location_field(item), self.bits.get(actor, (0,)))
        return shape(self.program.record, kinds, derived)

    def _location_field(self, item: Field) -> str:
        """Name the field with the location that a context field is derived from."""
        assert isinstance(item.kind, Context)
        actors = {f.kind.actor: f.name for f in self.names.values() if isinstance(f.kind, Location)}
        if item.kind.actor not in actors:
            raise ModelError(
                f"field {item.name!r}: no Location field of actor {item.kind.actor!r}; "
                f"{nearest(item.kind.actor, actors)}"
            )
        return actors[item.kind.actor]

    def _starts(self, starts: Sequence[Start]) -> Iterator[State]:
        for start in starts or (None,):
            record = self.program.record()
            for actor in self.program.actors:
                number = self.maps[actor.name].resolve(actor.start, f"actor {actor.name!r}")
                setattr(record, actor.location, number)
            who = "start"
            if start is not None:
                who = f"start {getattr(start, '__name__', start)}"
                start(record, self.constants)
            yield self.shape.freeze(self._labels(record, who), who)

    def _labels(self, record: Record, who: str) -> Record:
        values = vars(record)
        for actor in self.program.actors:
            value = values[actor.location]
            if isinstance(value, str):
                values[actor.location] = self.maps[actor.name].resolve(value, who)
        return record

    def _fixed(self, rules: Sequence[Rule], states: Sequence[State]) -> dict[int, int]:
        moved = {rule.slot for rule in rules if rule.otherwise is not None or rule.to}
        moved |= {move.slot for rule in rules for move in rule.moves}
        return {
            i: states[0][i]
            for i, slot in enumerate(self.shape.slots)
            if slot.field not in self.audit.writes
            and i not in moved
            and all(state[i] == states[0][i] for state in states)
        }

    # rules

    def _rules(self) -> Iterator[Rule]:
        count = itertools.count()
        for actor in self.program.actors:
            yield from self._steps(actor, count)
        for event in self.program.events:
            yield from self._instances(event, count)

    def _steps(self, actor: Actor, count: Iterator[int]) -> Iterator[Rule]:
        here = self.maps[actor.name]
        for number, step in enumerate(here.steps):
            if step is None:
                continue
            label = here.labels[number]
            yield Rule(
                index=next(count),
                name=label,
                actor=actor.name,
                interrupted="",
                arguments=(),
                slot=self.slots[actor.name],
                locations=frozenset([number]),
                runs=actor.runs,
                when=step.when,
                when_takes_values=False,
                effect=step.effect,
                to={int(value): here.resolve(to, label) for value, to in step.to.items()},
                otherwise=here.follow(number),
                moves=(),
                source=step.source,
                summary=step.summary,
                inferred=step.inferred,
                is_event=False,
            )

    def _instances(self, event: Event, count: Iterator[int]) -> Iterator[Rule]:
        who = f"event {event.name!r}"
        takes = event.when is not None and bool(event.choose) and arity(event.when) > 2
        moves = tuple(
            Move(self.slots[name], self.maps[name].resolve(label, who))
            for name, label in event.moves.items()
        )
        for values in itertools.product(*event.choose.values()):
            for name in event.interrupts or (None,):
                actor = next((a for a in self.program.actors if a.name == name), None)
                here = self.maps[name] if name is not None else None
                yield Rule(
                    index=next(count),
                    name=event.name,
                    actor=event.actor,
                    interrupted=name or "",
                    arguments=tuple(zip(event.choose, values, strict=True)),
                    slot=self.slots[name] if name is not None else None,
                    locations=self._open(event, name) if name is not None else frozenset(),
                    runs=actor.runs if actor else None,
                    when=event.when,
                    when_takes_values=takes,
                    effect=event.effect,
                    to={int(value): here.resolve(to, who) for value, to in event.to.items()}
                    if here
                    else {},
                    otherwise=None,
                    moves=moves,
                    source=event.source,
                    summary=event.summary,
                    inferred=event.inferred,
                    is_event=True,
                )

    def _open(self, event: Event, name: str) -> frozenset[int]:
        """Locations of an actor at which an event can interrupt it."""
        inside = self.maps[name].match(event.at, f"event {event.name!r}")
        return frozenset(n for n in inside if not self.bits[name][n] & event.masked_by)
