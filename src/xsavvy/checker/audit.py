# SPDX-License-Identifier: Apache-2.0
"""What must be true of a program before it is bound: names exist, functions fit their places."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from xsavvy.checker.dialect import arity, footprint
from xsavvy.checker.error import DialectError, ModelError, nearest
from xsavvy.checker.field import Context, Location
from xsavvy.checker.place import Map
from xsavvy.checker.program import Actor, Guard, Program
from xsavvy.checker.reader import CONSTANTS, RECORD, Footprint
from xsavvy.checker.record import fields
from xsavvy.checker.source import Constant, as_constant


class Audit:
    """The checks, and what they find out on the way.

    `locations` names the location field of each actor, `writes` the fields that some step or
    event can write, `indexes` the fields that index a list, `values` the constants that are
    read. Raises ModelError (DialectError for code outside the dialect).
    """

    def __init__(self, program: Program, constants: Any, maps: Mapping[str, Map]) -> None:
        self.program = program
        self.constants = constants
        self.maps = maps
        self.names = {item.name: item for item in fields(program.record)}
        self.writes: set[str] = set()
        self.indexes: set[str] = set()
        self.values: dict[str, Constant] = {}
        self.locations = {actor.name: self._location(actor) for actor in program.actors}
        self._events()
        self._functions()

    def _location(self, actor: Actor) -> str:
        item = self.names.get(actor.location)
        if item is None:
            raise ModelError(
                f"actor {actor.name!r}: no field {actor.location!r}; "
                f"{nearest(actor.location, self.names)}"
            )
        if item.kind != Location(actor.name):
            raise ModelError(
                f"actor {actor.name!r}: field {item.name!r} is {item.kind.describe()}; "
                f"annotate it with Location({actor.name!r})"
            )
        return item.name

    def _events(self) -> None:
        program = self.program
        judged = [item.name for item in program.properties]
        judged += [item.name for item in program.eventualities]
        events = [item.name for item in program.events]
        for names in (events, judged, [item.name for item in program.witnesses]):
            for name in names:
                if names.count(name) > 1:
                    raise ModelError(f"two entries named {name!r}")
        for event in self.program.events:
            who = f"event {event.name!r}"
            for name in (*event.interrupts, *event.moves):
                if name not in self.maps:
                    raise ModelError(f"{who}: no actor {name!r}; {nearest(name, self.maps)}")
            if not event.interrupts and (event.at or event.masked_by or event.to):
                raise ModelError(f"{who}: at, masked_by and to need an actor in interrupts")

    def _functions(self) -> None:
        for actor in self.program.actors:
            self._guard(actor.runs, f"actor {actor.name!r}: runs")
            for path in actor.paths:
                for step in path.steps:
                    who = f"{path.name}.{step.name}"
                    self._effect(step.effect, who, 2)
                    self._guard(step.when, f"{who}: when")
        for event in self.program.events:
            who = f"event {event.name!r}"
            self._effect(event.effect, who, 2 + len(event.choose))
            self._guard(event.when, f"{who}: when", 2 + len(event.choose))
        for prop in self.program.properties:
            self._guard(prop.holds, f"property {prop.name!r}")
        for witness in self.program.witnesses:
            self._guard(witness.seen, f"witness {witness.name!r}")
        for item in self.program.eventualities:
            self._guard(item.when, f"eventuality {item.name!r}: when")
            self._guard(item.goal, f"eventuality {item.name!r}: goal")
        self._guard(self.program.terminal, "terminal")

    def _effect(self, function: Callable[..., Any], who: str, count: int) -> None:
        found = self._function(function, who, (count,))
        for name in sorted(found.writes):
            if isinstance(self.names[name].kind, (Location, Context)):
                raise ModelError(f"{who}: {name!r} is kept by the checker; use to= or moves=")
        self.writes |= found.writes

    def _guard(self, function: Guard | None, who: str, most: int = 2) -> None:
        if function is None:
            return
        found = self._function(function, who, (2, most))
        if found.writes:
            raise ModelError(f"{who}: {function.__name__}() must not write {min(found.writes)!r}")
        if None in found.returns:
            raise ModelError(f"{who}: {function.__name__}() must return a value on every path")

    def _function(
        self, function: Callable[..., Any], who: str, counts: tuple[int, ...]
    ) -> Footprint:
        try:
            found = footprint(function, (RECORD, CONSTANTS))
            count = arity(function)
        except DialectError as bad:
            raise DialectError(f"{bad} (in {who})") from None
        if count not in counts:
            wanted = " or ".join(str(c) for c in dict.fromkeys(counts))
            raise ModelError(f"{who}: {function.__name__}() has {count} parameters, not {wanted}")
        for name in sorted(found.reads | found.writes):
            if name not in self.names:
                raise ModelError(
                    f"{who}: {function.__name__}() uses field {name!r}, which "
                    f"{self.program.record.__name__} lacks; "
                    f"{nearest(name, self.names)}"
                )
        self._lists(found, who, function.__name__)
        self.indexes |= found.indexes & self.names.keys()
        for name in sorted(found.constants - self.values.keys()):
            self.values[name] = self._constant(name, who)
        return found

    def _lists(self, found: Footprint, who: str, function: str) -> None:
        """A list field needs an index, any other must not have one."""
        for name in sorted(found.plain):
            if self.names[name].length is not None:
                raise ModelError(f"{who}: {function}() uses list {name!r} whole; write {name}[i]")
        for name in sorted(found.listed):
            if self.names[name].length is None:
                raise ModelError(f"{who}: {function}() indexes {name!r}, which is not a list")

    def _constant(self, name: str, who: str) -> Constant:
        valid = [n for n in dir(self.constants) if not n.startswith("_")]
        if not hasattr(self.constants, name):
            raise ModelError(f"{who}: the constants have no {name!r}; {nearest(name, valid)}")
        value = as_constant(getattr(self.constants, name))
        if value is None:
            raise ModelError(f"{who}: constant {name!r} must be an int, a bool or a tuple of ints")
        return value
