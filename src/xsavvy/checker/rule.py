# SPDX-License-Identifier: Apache-2.0
"""A rule: one way in which the state can change, flattened from a step or an event.

What a rule means is written down once more, and obviously, in `successor`; the packed
engine must do the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from xsavvy.checker.error import ModelError
from xsavvy.checker.program import Effect, Guard
from xsavvy.checker.record import Shape, State


@dataclass(frozen=True)
class Move:
    """An actor that is sent to a location: the slot of its location, and the number."""

    slot: int
    location: int


@dataclass(frozen=True, eq=False)
class Rule:
    """One step at its location, or one event with its values and the actor it interrupts.

    `slot` is the slot of the location that `locations` speaks of, None if the rule has no
    actor to interrupt. `to` maps an outcome to a location, `otherwise` is the location for
    any other outcome (None: stay).
    """

    index: int
    name: str
    actor: str
    interrupted: str
    arguments: tuple[tuple[str, int], ...]
    slot: int | None
    locations: frozenset[int]
    runs: Guard | None
    when: Guard | None
    when_takes_values: bool
    effect: Effect
    to: Mapping[int, int]
    otherwise: int | None
    moves: tuple[Move, ...]
    source: str
    summary: str
    inferred: bool
    is_event: bool

    @property
    def values(self) -> tuple[int, ...]:
        """The chosen values that the effect receives."""
        return tuple(value for _, value in self.arguments)

    @property
    def when_values(self) -> tuple[int, ...]:
        """The chosen values that `when` receives."""
        return self.values if self.when_takes_values else ()


def successor(shape: Shape, rule: Rule, state: State, constants: Any) -> State | None:
    """Apply a rule to a state on an ordinary record; None when it is not enabled.

    Raises ModelError when the effect fails, or leaves an illegal value in a field.
    """
    if rule.slot is not None and state[rule.slot] not in rule.locations:
        return None
    s = shape.thaw(state)
    try:
        if rule.runs is not None and not rule.runs(s, constants):
            return None
        if rule.when is not None:
            if not rule.when(s, constants, *rule.when_values):
                return None
        outcome = rule.effect(s, constants, *rule.values)
    except (ArithmeticError, AttributeError, LookupError, NameError, TypeError, ValueError) as bad:
        raise ModelError(f"{rule.name}: {type(bad).__name__}: {bad}") from bad
    new = list(shape.freeze(s, rule.name))
    for move in rule.moves:
        new[move.slot] = move.location
    if rule.slot is not None:
        location = rule.to.get(outcome, rule.otherwise) if outcome is not None else rule.otherwise
        if location is not None:
            new[rule.slot] = location
    return tuple(new)
