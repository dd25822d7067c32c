# SPDX-License-Identifier: Apache-2.0
"""A walk through a bound model: what is true at a state, what can happen there, and what a move changes.

`run`, the explorer and the pages of reports all walk here. Every move is done by the reference functions on an
ordinary record, so what is shown is the meaning of the model and not the work of an engine.
"""

from collections.abc import Iterator, Sequence
from hashlib import sha256
from inspect import unwrap

import msgspec

from xsavvy.checker import System, layout
from xsavvy.checker.record import State
from xsavvy.checker.rule import Rule, successor
from xsavvy.checker.trace import hop_by, shown, values
from xsavvy.model.fpu import nothing

from .lanes import lane_of
from .origin import place_of

__all__ = ["Moment", "Move", "Standing", "Taken", "Walk"]

MOST_FOLLOWED = 200
"""Steps that an interruption may take before it counts as having gone well."""


class Standing(msgspec.Struct, frozen=True):
    """Where an actor is: the label of its place, what that place masks, and whether it has the CPU."""

    actor: str
    lane: str
    at: str
    context: list[str]
    runs: bool


class Move(msgspec.Struct, frozen=True):
    """Something that can happen at a state: a step of the host, or an event.

    `rule` is its number in the bound model, which is what a path is made of. `context` is what holds where it comes
    in; `interrupted` names the actor that an event comes upon.
    """

    rule: int
    actor: str
    lane: str
    step: str
    event: bool
    summary: str
    source: str
    context: list[str] = []
    arguments: dict[str, str] = {}
    interrupted: str = ""
    inferred: bool = False
    code: str = ""


class Taken(msgspec.Struct, frozen=True):
    """A move that was made: the fields that it changed, [old, new], and the properties that it broke or mended."""

    move: Move
    changes: dict[str, tuple[str, str]]
    breaks: list[str]
    mends: list[str]


class Moment(msgspec.Struct, frozen=True):
    """A state as people read it.

    `values` holds every field, `broken` the properties that are not true here, `seen` the witnesses that are; `over`
    tells that nothing may happen any more.
    """

    values: dict[str, str]
    standing: list[Standing]
    broken: list[str]
    seen: list[str]
    over: bool


class Walk:
    """Reads and moves states of one bound model; it keeps none of them."""

    def __init__(self, system: System) -> None:
        self.system = system
        rows = layout(system.program)
        self.contexts = {(row.actor, row.number): list(row.contexts) for row in rows}
        self.labels = {(row.actor, row.number): row.label for row in rows}
        self.slots = {slot.name: at for at, slot in enumerate(system.shape.slots)}
        self._locations = {
            actor.name: self.slots[actor.location] for actor in system.program.actors
        }

        self._steps = tuple(rule for rule in system.rules if not rule.is_event)

    @property
    def start(self) -> State:
        """The state in which everything begins."""
        return self.system.starts[0]

    @property
    def digest(self) -> str:
        """Eight hexadecimal digits that name the numbering of this model's rules, and its start."""
        rules = [(each.name, each.interrupted, each.arguments) for each in self.system.rules]
        return sha256(repr((rules, self.start)).encode()).hexdigest()[:8]

    def location(self, state: State, actor: str) -> int:
        """Return the number of the place where an actor is."""
        return state[self._locations[actor]]

    def after(self, state: State, rule: Rule) -> State | None:
        """Return the state that a rule leads to, None where it is not possible."""
        return successor(self.system.shape, rule, state, self.system.constants)

    def over(self, state: State) -> bool:
        """Tell whether the model ends here."""
        ends = self.system.program.terminal
        return ends is not None and bool(ends(self.system.shape.thaw(state), self.system.constants))

    def possible(self, state: State) -> Iterator[tuple[Rule, State]]:
        """Give every rule that is possible, in the model's order, and where it leads."""
        return self._possible(state, self.system.rules)

    def next_step(self, state: State) -> tuple[Rule, State] | None:
        """Return the host's next step and where it leads; None where the guest has the word, or all is over."""
        return next(self._possible(state, self._steps), None)

    def broken(self, state: State) -> list[str]:
        """Name the properties that are not true here."""
        record = self.system.shape.thaw(state)
        constants = self.system.constants
        return [
            each.name
            for each in self.system.program.properties
            if not each.holds(record, constants)
        ]

    def moment(self, state: State) -> Moment:
        """Describe a state."""
        record = self.system.shape.thaw(state)
        constants = self.system.constants
        program = self.system.program
        return Moment(
            values=values(self.system, state),
            standing=self.standing(state),
            broken=self.broken(state),
            seen=[each.name for each in program.witnesses if each.seen(record, constants)],
            over=self.over(state),
        )

    def standing(self, state: State) -> list[Standing]:
        """Tell where every actor is."""
        record = self.system.shape.thaw(state)
        return [
            Standing(
                actor=actor.name,
                lane=lane_of(actor.name, self.labels[actor.name, self.location(state, actor.name)]),
                at=self.labels[actor.name, self.location(state, actor.name)],
                context=self.contexts[actor.name, self.location(state, actor.name)],
                runs=bool(actor.runs(record, self.system.constants)),
            )
            for actor in self.system.program.actors
        ]

    def move(self, state: State, rule: Rule) -> Move:
        """Describe a rule where it is possible."""
        return Move(
            rule=rule.index,
            actor=rule.actor,
            lane=lane_of(rule.actor, rule.name),
            step=rule.name,
            event=rule.is_event,
            summary=_summary(rule),
            source=rule.source,
            context=self._context(state, rule),
            arguments={name: shown(value) for name, value in rule.arguments},
            interrupted=rule.interrupted,
            inferred=rule.inferred,
            code=place_of(rule.effect),
        )

    def taken(self, state: State, rule: Rule, new: State) -> Taken:
        """Describe what a rule did between two states. Where actors stand is not among the changes."""
        before, after = self.broken(state), self.broken(new)
        changes = hop_by(self.system, rule, state, new).changes
        return Taken(
            move=self.move(state, rule),
            changes={name: each for name, each in changes.items() if not name.endswith("_at")},
            breaks=[name for name in after if name not in before],
            mends=[name for name in before if name not in after],
        )

    def states(self, path: Sequence[int]) -> list[State]:
        """Return the states along a path of rules, the start first; it ends before the first impossible rule."""
        found = [self.start]
        for index in path:
            if not 0 <= index < len(self.system.rules) or self.over(found[-1]):
                break
            new = self.after(found[-1], self.system.rules[index])
            if new is None:
                break
            found.append(new)
        return found

    def at_risk(self, state: State, name: str) -> bool:
        """Tell whether one move from here breaks a property, or an interruption that comes now before it is over.

        An interruption is followed through the steps of the host until the interrupted actor goes on.
        """
        if name in self.broken(state):
            return True
        return any(self._breaks(rule, new, name) for rule, new in self.possible(state))

    def _breaks(self, rule: Rule, state: State, name: str) -> bool:
        if name in self.broken(state):
            return True
        if not rule.interrupted:
            return False
        for _ in range(MOST_FOLLOWED):
            step = self.next_step(state)
            if step is None or step[0].actor == rule.interrupted:
                return False
            state = step[1]
            if name in self.broken(state):
                return True
        return False

    def _possible(self, state: State, rules: Sequence[Rule]) -> Iterator[tuple[Rule, State]]:
        if self.over(state):
            return
        for rule in rules:
            new = self.after(state, rule)
            if new is not None:
                yield rule, new

    def _context(self, state: State, rule: Rule) -> list[str]:
        if rule.slot is None:
            return []
        actor = rule.interrupted or rule.actor
        return self.contexts.get((actor, self.location(state, actor)), [])


def _summary(rule: Rule) -> str:
    """Return what a rule says of itself, else what its function does; a step that does nothing has nothing to say."""
    doc = "" if unwrap(rule.effect) is nothing else rule.effect.__doc__ or ""
    return rule.summary or next(iter(doc.strip().splitlines()), "")
