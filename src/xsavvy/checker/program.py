# SPDX-License-Identifier: Apache-2.0
"""What a model is made of: steps in paths, actors that follow them, events, properties.

A program is immutable. Edits (`replaced`, `inserted`, `removed`, `moved`, `with_event`, ...)
return a new program, so that a change of a kernel is data and never a copy of a path.

Labels name locations: "path" is the first step of a path, "path.step" that step, and REST
is where an actor that does nothing is.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import KW_ONLY, dataclass, field
from typing import Any, Literal

from xsavvy.checker import edit
from xsavvy.checker.record import Record

REST = "rest"

Effect = Callable[..., Any]
Guard = Callable[..., Any]


@dataclass(frozen=True)
class Step:
    """One indivisible action of a path; between two steps anything may come in between.

    `effect(s, k)` returns None or an outcome. An outcome in `to` goes to that label, anything
    else falls through to the next step. `when(s, k)` blocks the step until it is true.
    `enters` are context bits that hold from the next boundary on, `leaves` bits that no longer
    do, `needs` bits that must hold here.
    """

    name: str
    effect: Effect
    _: KW_ONLY
    source: str
    summary: str = ""
    when: Guard | None = None
    to: Mapping[int, str] = field(default_factory=dict)
    enters: int = 0
    leaves: int = 0
    needs: int = 0
    inferred: bool = False


@dataclass(frozen=True)
class Path:
    """An ordered list of named steps; after the last one the actor goes to `then`."""

    name: str
    steps: Sequence[Step]
    then: str = REST
    source: str = ""


@dataclass(frozen=True)
class Actor:
    """Somebody who follows paths, one step at a time.

    `location` names the record's Location field of this actor. A step is enabled when the
    actor is there and `runs(s, k)` and the step's `when(s, k)` are true. `context` holds at
    rest and at `start`.
    """

    name: str
    location: str
    runs: Guard
    paths: Sequence[Path]
    start: str = REST
    context: int = 0


@dataclass(frozen=True)
class Event:
    """Something that can happen between two steps.

    With `interrupts` it is enabled when one of these actors runs, is at one of `at`, has none
    of the context bits `masked_by`, and `when(s, k)` is true. `at` holds labels, "path.*" for
    every step of a path, or "*" for every step and rest; empty means every step of the actor,
    but not rest. Without `interrupts` only `when` counts. `choose` makes one instance for each
    combination of values, passed to `effect(s, k, *chosen)` (and to `when`, if it takes them).
    `to` sends the interrupted actor to the label of an outcome (no outcome in `to`: it stays);
    `moves` sends actors to labels whatever the outcome, `to` has the last word. `enters` and
    `leaves` are the context bits by which a sent actor's new place differs from its old one.
    Nothing has to happen ever; but a `fair` event that is enabled again and again does happen.
    """

    name: str
    actor: str
    effect: Effect
    _: KW_ONLY
    source: str
    summary: str = ""
    when: Guard | None = None
    interrupts: Sequence[str] = ()
    masked_by: int = 0
    at: Sequence[str] = ()
    choose: Mapping[str, Sequence[int]] = field(default_factory=dict)
    to: Mapping[int, str] = field(default_factory=dict)
    moves: Mapping[str, str] = field(default_factory=dict)
    enters: int = 0
    leaves: int = 0
    inferred: bool = False
    fair: bool = False


@dataclass(frozen=True)
class Property:
    """A sentence that must be true in every reachable state.

    `witness` names the Witness that shows the sentence is not empty, `mutant` the change of
    the model that must break it.
    """

    name: str
    sentence: str
    holds: Guard
    _: KW_ONLY
    source: str
    witness: str = ""
    mutant: str = ""


@dataclass(frozen=True)
class Witness:
    """A sentence that must be true in at least one reachable state."""

    name: str
    sentence: str
    seen: Guard


@dataclass(frozen=True)
class Eventually:
    """A sentence about whole runs: after a state where `when` is true comes one where `goal` is.

    It may be the same state; without `when` every state asks for it. What a fair run is,
    and what happens where a run ends, is said in `liveness`.
    """

    name: str
    sentence: str
    goal: Guard
    _: KW_ONLY
    source: str
    when: Guard | None = None
    witness: str = ""
    mutant: str = ""


@dataclass(frozen=True)
class Program:
    """A whole model, not yet bound to constants and start states."""

    record: type[Record]
    actors: Sequence[Actor]
    events: Sequence[Event] = ()
    properties: Sequence[Property] = ()
    witnesses: Sequence[Witness] = ()
    context_names: Mapping[int, str] = field(default_factory=dict)
    terminal: Guard | None = None
    eventualities: Sequence[Eventually] = ()

    def paths(self) -> tuple[Path, ...]:
        """All paths of all actors, in order."""
        return tuple(path for actor in self.actors for path in actor.paths)

    def step(self, label: str) -> Step:
        """Find the step at a label "path.step". Raises EditError."""
        return edit.find(self, label)[1]

    def replaced(self, label: str, **changes: Any) -> Program:
        """Change attributes of a step: `replaced("path.step", effect=f)`."""
        return edit.replace_step(self, label, changes)

    def inserted(
        self, step: Step, *, before: str | None = None, after: str | None = None
    ) -> Program:
        """Add a step before or after another one."""
        return edit.insert_step(self, step, before, after)

    def removed(self, label: str) -> Program:
        """Take a step out of its path."""
        return edit.remove_step(self, label)

    def moved(self, label: str, *, before: str | None = None, after: str | None = None) -> Program:
        """Move a step before or after another one, in this or another path."""
        return edit.move_step(self, label, before, after)

    def with_fields(self, **annotations: Any) -> Program:
        """Add fields to the record: `with_fields(flag=Annotated[int, Flag(), "what it says"])`."""
        return edit.add_fields(self, annotations)

    def with_path(self, actor: str, *paths: Path) -> Program:
        """Give an actor more paths."""
        return edit.add_paths(self, actor, paths)

    def replaced_path(self, name: str, **changes: Any) -> Program:
        """Change attributes of a path: `replaced_path("exit", then="enter")`."""
        return edit.replace_path(self, name, changes)

    def without_path(self, name: str) -> Program:
        """Take a path away."""
        return edit.remove_path(self, name)

    def with_event(self, *events: Event) -> Program:
        """Add events after the others. Raises EditError for a name that is there already."""
        return edit.add_items(self, "events", events)

    def replaced_event(self, name: str, **changes: Any) -> Program:
        """Change attributes of an event."""
        return edit.replace_item(self, "events", name, changes)

    def without_event(self, name: str) -> Program:
        """Take an event away."""
        return edit.remove_item(self, "events", name)

    def with_property(self, *properties: Property) -> Program:
        """Add properties after the others."""
        return edit.add_items(self, "properties", properties)

    def replaced_property(self, name: str, **changes: Any) -> Program:
        """Change attributes of a property."""
        return edit.replace_item(self, "properties", name, changes)

    def without_property(self, name: str) -> Program:
        """Take a property away."""
        return edit.remove_item(self, "properties", name)

    def with_witness(self, *witnesses: Witness) -> Program:
        """Add witnesses after the others."""
        return edit.add_items(self, "witnesses", witnesses)

    def without_witness(self, name: str) -> Program:
        """Take a witness away."""
        return edit.remove_item(self, "witnesses", name)

    def with_eventuality(self, *eventualities: Eventually) -> Program:
        """Add eventualities after the others."""
        return edit.add_items(self, "eventualities", eventualities)

    def without_eventuality(self, name: str) -> Program:
        """Take an eventuality away."""
        return edit.remove_item(self, "eventualities", name)


Collection = Literal["events", "properties", "witnesses", "eventualities"]
