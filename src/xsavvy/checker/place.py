# SPDX-License-Identifier: Apache-2.0
"""Where actors can be: numbered locations, their labels, and the context that holds there.

Location 0 is rest; the steps of an actor's paths are numbered from 1 in order. The context
bits at a location follow from the steps that lead there: the actor's own `context` at rest
and at `start`, plus what the steps before enter, minus what they leave.

An event with `at` takes the context of the place it interrupts along to its target. An event
without `at`, or one that moves an actor it does not interrupt, abandons what that actor was
doing: the target has the actor's own context. A location that nothing leads to has the
context of its path's beginning, taken as the actor's own.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from xsavvy.checker.dialect import footprint
from xsavvy.checker.error import ModelError, nearest
from xsavvy.checker.program import REST, Actor, Event, Path, Program, Step


@dataclass(frozen=True)
class Location:
    """One location of an actor, as it is printed."""

    actor: str
    number: int
    label: str
    context: int
    contexts: tuple[str, ...]
    source: str
    summary: str
    inferred: bool
    step: Step | None


class Map:
    """The numbered locations of one actor."""

    def __init__(self, actor: Actor) -> None:
        self.actor = actor
        self.labels: list[str] = [REST]
        self.steps: list[Step | None] = [None]
        self.paths: list[Path | None] = [None]
        for path in actor.paths:
            names = [step.name for step in path.steps]
            for name in names:
                if names.count(name) > 1:
                    raise ModelError(f"path {path.name!r} has two steps {name!r}")
            for step in path.steps:
                self.labels.append(f"{path.name}.{step.name}")
                self.steps.append(step)
                self.paths.append(path)
        self.numbers = {label: number for number, label in enumerate(self.labels)}

    def resolve(self, label: str, who: str) -> int:
        """Number the location of a label. Raises ModelError with the nearest labels."""
        return self._resolve(label, who, ())

    def _resolve(self, label: str, who: str, seen: tuple[str, ...]) -> int:
        if label in self.numbers:
            return self.numbers[label]
        for path in self.actor.paths:
            if path.name == label:
                if path.steps:
                    return self.numbers[f"{path.name}.{path.steps[0].name}"]
                if label in seen:
                    raise ModelError(f"{who}: the empty paths {', '.join(seen)} form a circle")
                return self._resolve(path.then, who, (*seen, label))
        valid = [*self.labels, *(path.name for path in self.actor.paths)]
        raise ModelError(
            f"{who}: actor {self.actor.name!r} has no label {label!r}; {nearest(label, valid)}"
        )

    def follow(self, number: int) -> int:
        """Number the location that a step falls through to."""
        path, step = self.paths[number], self.steps[number]
        if path is None or step is None:
            return 0
        if number + 1 < len(self.labels) and self.paths[number + 1] is path:
            return number + 1
        return self.resolve(path.then, f"path {path.name!r}")

    def match(self, patterns: Sequence[str], who: str) -> frozenset[int]:
        """Number the locations that `Event.at` names."""
        if not patterns:
            return frozenset(range(1, len(self.labels)))
        found: set[int] = set()
        for pattern in patterns:
            if pattern == "*":
                found.update(range(len(self.labels)))
            elif pattern.endswith(".*"):
                inside = [
                    n for n, path in enumerate(self.paths) if path and path.name == pattern[:-2]
                ]
                if not inside:
                    hint = nearest(pattern[:-2], (path.name for path in self.actor.paths))
                    raise ModelError(f"{who}: no path {pattern[:-2]!r} with steps; {hint}")
                found.update(inside)
            else:
                found.add(self.resolve(pattern, who))
        return frozenset(found)


def maps(program: Program) -> dict[str, Map]:
    """Number the locations of every actor. Raises ModelError for names used twice."""
    found: dict[str, Map] = {}
    seen: set[str] = {REST}
    for actor in program.actors:
        if actor.name in found:
            raise ModelError(f"two actors {actor.name!r}")
        for path in actor.paths:
            if path.name in seen or "." in path.name:
                raise ModelError(f"path name {path.name!r} is used twice, reserved, or has a dot")
            seen.add(path.name)
        found[actor.name] = Map(actor)
    return found


def contexts(program: Program, places: Mapping[str, Map]) -> dict[str, tuple[int, ...]]:
    """Compute the context bits at every location of every actor.

    Raises ModelError when a location is reached with two contexts, or a step's `needs` do not
    hold where it stands.
    """
    walks = {name: _Walk(program, place) for name, place in places.items()}
    for walk in walks.values():
        walk.begin()
    changed = True
    while changed:
        changed = False
        for event in program.events:
            for name, target, origins in _landings(event, places):
                changed |= walks[name].land(event, target, origins)
    return {name: walk.finish() for name, walk in walks.items()}


def _landings(
    event: Event, places: Mapping[str, Map]
) -> Iterator[tuple[str, int, frozenset[int] | None]]:
    """Yield (actor, target, origins) of every move of an event; None: no known origin."""
    who = f"event {event.name!r}"
    for name in event.interrupts:
        origins = places[name].match(event.at, who) if event.at else None
        for label in event.to.values():
            yield name, places[name].resolve(label, who), origins
    for name, label in event.moves.items():
        taken = name in event.interrupts and event.at
        origins = places[name].match(event.at, who) if taken else None
        yield name, places[name].resolve(label, who), origins


class _Walk:
    """Carries the context along the paths of one actor."""

    def __init__(self, program: Program, place: Map) -> None:
        self.program = program
        self.place = place
        self.known: dict[int, int] = {0: place.actor.context}
        self.came: dict[int, str] = {0: "rest"}

    def begin(self) -> None:
        actor = self.place.actor
        start = self.place.resolve(actor.start, f"actor {actor.name!r}: start")
        self.reach(start, actor.context, "the start", strict=True)

    def land(self, event: Event, target: int, origins: frozenset[int] | None) -> bool:
        before = len(self.known)
        if origins is None:
            self.reach(target, self.place.actor.context, f"event {event.name!r}", strict=True)
        else:
            for origin in sorted(origins & self.known.keys()):
                if not self.known[origin] & event.masked_by:
                    came = f"event {event.name!r} at {self.place.labels[origin]}"
                    context = (self.known[origin] | event.enters) & ~event.leaves
                    self.reach(target, context, came, strict=True)
        return len(self.known) > before

    def finish(self) -> tuple[int, ...]:
        for number in range(1, len(self.place.labels)):
            if number not in self.known:
                self.reach(number, self.place.actor.context, "nothing", strict=False)
        for number, step in enumerate(self.place.steps):
            if step is not None and step.needs & ~self.known[number]:
                raise ModelError(
                    f"{self.place.labels[number]}: needs {self.names(step.needs)}, but the "
                    f"context there is {self.names(self.known[number])}"
                )
        return tuple(self.known[number] for number in range(len(self.place.labels)))

    def reach(self, target: int, context: int, came: str, *, strict: bool) -> None:
        """Note that a location is reached with a context, and walk on from it."""
        waiting = [(target, context, came)]
        while waiting:
            number, bits, origin = waiting.pop()
            if number in self.known:
                if strict and number and self.known[number] != bits:
                    raise ModelError(
                        f"{self.place.labels[number]}: reached in context "
                        f"{self.names(self.known[number])} from {self.came[number]}, and in "
                        f"{self.names(bits)} from {origin}"
                    )
                continue
            self.known[number], self.came[number] = bits, origin
            step = self.place.steps[number]
            if step is not None:
                after = (bits | step.enters) & ~step.leaves
                label = self.place.labels[number]
                waiting.extend((n, after, label) for n in reversed(targets(self.place, number)))

    def names(self, bits: int) -> str:
        return "{" + ", ".join(context_names(self.program, bits)) + "}"


def targets(place: Map, number: int) -> list[int]:
    """List the locations that a step can lead to: fall-through first, then its branches."""
    step = place.steps[number]
    if step is None:
        return []
    label = place.labels[number]
    found = footprint(step.effect)
    falls = found.any_result or bool(found.returns - step.to.keys())
    branch = [
        place.resolve(to, label)
        for value, to in step.to.items()
        if found.any_result or value in found.returns
    ]
    return list(dict.fromkeys(([place.follow(number)] if falls else []) + branch))


def context_names(program: Program, bits: int) -> tuple[str, ...]:
    """Name the context bits of a mask; a bit without a name is shown in hex.

    >>> from xsavvy.checker.record import Record
    >>> context_names(Program(Record, (), context_names={1: "irqs off"}), 5)
    ('irqs off', '0x4')
    """
    found = [name for bit, name in program.context_names.items() if bits & bit]
    rest = bits
    for bit in program.context_names:
        rest &= ~bit
    return (*found, *((hex(rest),) if rest else ()))


def layout(program: Program) -> tuple[Location, ...]:
    """List every location of every actor with its label, context, source and summary."""
    places = maps(program)
    bits = contexts(program, places)
    rows = []
    for name, place in places.items():
        for number, step in enumerate(place.steps):
            context = bits[name][number]
            rows.append(
                Location(
                    name,
                    number,
                    place.labels[number],
                    context,
                    context_names(program, context),
                    step.source if step else "",
                    step.summary if step else "",
                    step.inferred if step else False,
                    step,
                )
            )
    return tuple(rows)


def listing(program: Program) -> str:
    """Print the paths of a program: one line for each step, with the context it runs in."""
    lines = []
    for row in layout(program):
        if row.step is None:
            lines.append(f"{row.actor}")
            continue
        mark = " (inferred)" if row.inferred else ""
        held = ", ".join(row.contexts) or "-"
        lines.append(f"  {row.number:3} {row.label:40} [{held}] {row.source}{mark}".rstrip())
    return "\n".join(lines)
