# SPDX-License-Identifier: Apache-2.0
"""The search, slow and obvious: read this first.

A state is a tuple of integers. To try a rule, the state becomes an ordinary record, the
model's own functions are called on it, and what they left behind becomes a tuple again
(`successor` in `rule.py`). States are expanded level by level, so the first way found to a state
is a shortest one; the states of a level are sorted first, so that of several shortest ways every
engine reports the same one.

Everything the packed engine reports must equal what this file reports.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from xsavvy.checker.bind import System
from xsavvy.checker.error import ModelError
from xsavvy.checker.exploration import Exploration, Meter
from xsavvy.checker.record import State
from xsavvy.checker.rule import successor
from xsavvy.checker.word import order


def explore(system: System, max_states: int | None, meter: Meter) -> Exploration[State]:
    """Explore every reachable state of a system.

    Stops early, with `ended` "states", when `max_states` states are known and there is more
    to expand, or on KeyboardInterrupt. Raises ModelError when a step writes an illegal value.
    """
    found: Exploration[State] = Exploration()
    following: dict[State, State | None] = dict.fromkeys(system.starts)
    try:
        while following and found.ended != "states":
            frontier, following = _level(system, found, following), {}
            for state in frontier:
                known = len(found.parent) + len(following)
                if max_states is not None and known >= max_states:
                    found.ended = "states"
                    break
                _expand(system, found, state, following)
                meter.show(known, found.transitions, found.depth, len(frontier))
            found.depth += bool(following)
        if found.ended != "states":
            found.ended = "complete"
    except KeyboardInterrupt:
        pass
    _level(system, found, following)
    return found


def _level(
    system: System, found: Exploration[State], new: Mapping[State, State | None]
) -> list[State]:
    """Note the states of a level and where they came from; judge them in the order of all."""
    significant = order(system.shape, range(len(system.shape.slots)), system.indexes)[::-1]
    found.parent.update(new)
    level = sorted(new, key=lambda state: [state[slot] for slot in significant])
    for state in level:
        _look(system, found, state)
    return level


def _expand(
    system: System, found: Exploration[State], state: State, following: dict[State, State | None]
) -> None:
    """Try every rule in a state; keep what is new."""
    if _true(system, system.program.terminal, state, "terminal"):
        return
    enabled = 0
    for rule in system.rules:
        new = successor(system.shape, rule, state, system.constants)
        if new is None:
            continue
        enabled += 1
        found.fired.add(rule.index)
        if new not in found.parent:
            following.setdefault(new, state)
    found.transitions += enabled
    if enabled == 0:
        found.deadlocks += 1
        if found.deadlock is None:
            found.deadlock = state


def _look(system: System, found: Exploration[State], state: State) -> None:
    """Judge the properties and witnesses in a new state."""
    for index, item in enumerate(system.program.properties):
        if index not in found.violated and not _true(system, item.holds, state, item.name):
            found.violated[index] = state
    for index, witness in enumerate(system.program.witnesses):
        if index not in found.witnessed and _true(system, witness.seen, state, witness.name):
            found.witnessed[index] = state


def _true(system: System, function: Callable[..., Any] | None, state: State, where: str) -> bool:
    if function is None:
        return False
    try:
        return bool(function(system.shape.thaw(state), system.constants))
    except (ArithmeticError, LookupError, NameError, TypeError, ValueError) as bad:
        raise ModelError(f"{where}: {type(bad).__name__}: {bad}") from bad
