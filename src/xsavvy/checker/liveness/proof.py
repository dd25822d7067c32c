# SPDX-License-Identifier: Apache-2.0
"""Prove a lasso on the model's own functions: every hop, the goal that never comes, fairness."""

from __future__ import annotations

from collections.abc import Sequence

from xsavvy.checker.bind import System
from xsavvy.checker.error import EngineError
from xsavvy.checker.outcome import Hop, Trace
from xsavvy.checker.program import Eventually
from xsavvy.checker.record import State
from xsavvy.checker.rule import successor
from xsavvy.checker.trace import hop_by, values


def prove(
    system: System,
    owed: Sequence[int],
    item: Eventually,
    states: Sequence[State],
    rules: Sequence[int],
    stem: int,
) -> Trace:
    """Replay a lasso and check that it violates an eventuality; return it as a trace.

    `rules` leads from each of `states` to the next; the last state is that at number `stem`
    again. Raises EngineError if any of it is not so.
    """
    hops = [_hop(system, rules[i], states[i], states[i + 1]) for i in range(len(rules))]
    _fair(system, owed, item.name, states[stem:], rules[stem:])
    if states[-1] != states[stem]:
        raise EngineError(f"{item.name}: the engines disagree on where its loop begins")
    asked = False
    for state in states:
        record = system.shape.thaw(state)
        met = bool(item.goal(record, system.constants))
        asked = not met and (
            asked or item.when is None or bool(item.when(record, system.constants))
        )
    met = any(item.goal(system.shape.thaw(each), system.constants) for each in states[stem:])
    if met or not asked:
        raise EngineError(f"{item.name}: the engines disagree on the loop of its lasso")
    return Trace(values(system, states[0]), tuple(hops))


def _hop(system: System, index: int, old: State, new: State) -> Hop:
    rule = system.rules[index]
    if successor(system.shape, rule, old, system.constants) != new:
        raise EngineError(f"{rule.name} does not lead where a lasso says: the engines disagree")
    return hop_by(system, rule, old, new)


def _fair(
    system: System,
    owed: Sequence[int],
    name: str,
    states: Sequence[State],
    rules: Sequence[int],
) -> None:
    """Check that whoever is enabled on a loop, and is owed fairness, is taken on it."""
    taken = {owed[index] for index in rules}
    for rule in system.rules:
        if owed[rule.index] in taken or owed[rule.index] < 0:
            continue
        for state in states:
            if successor(system.shape, rule, state, system.constants) is not None:
                raise EngineError(f"{name}: {rule.name} is starved on the loop of its lasso")
