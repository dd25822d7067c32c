# SPDX-License-Identifier: Apache-2.0
"""The search, slow and obvious: read this first.

A state is a tuple of integers. To try a rule, the state becomes an ordinary record, the
model's own functions are called on it, and what they left behind becomes a tuple again
(`successor` in `rule.py`). States are expanded level by level, in order of discovery, with
the rules in order of declaration; so the first way found to a state is a shortest one.

Everything the packed engine reports must equal what this file reports.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from xsavvy.checker.bind import System
from xsavvy.checker.error import ModelError
from xsavvy.checker.exploration import Exploration, Meter
from xsavvy.checker.record import State
from xsavvy.checker.rule import successor


def explore(system: System, max_states: int | None, meter: Meter) -> Exploration[State]:
    """Explore every reachable state of a system.

    Stops early, with `ended` "states", when `max_states` states are known and there is more
    to expand, or on KeyboardInterrupt. Raises ModelError when a step writes an illegal value.
    """
    found: Exploration[State] = Exploration()
    frontier: list[State] = []
    for state in system.starts:
        found.parent[state] = None
        frontier.append(state)
        _look(system, found, state)
    try:
        while frontier:
            following: list[State] = []
            for state in frontier:
                if max_states is not None and len(found.parent) >= max_states:
                    found.ended = "states"
                    return found
                _expand(system, found, state, following)
                meter.show(len(found.parent), found.transitions, found.depth, len(frontier))
            if following:
                found.depth += 1
            frontier = following
        found.ended = "complete"
    except KeyboardInterrupt:
        pass
    return found


def _expand(
    system: System, found: Exploration[State], state: State, following: list[State]
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
            found.parent[new] = state
            following.append(new)
            _look(system, found, new)
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
