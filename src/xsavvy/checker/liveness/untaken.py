# SPDX-License-Identifier: Apache-2.0
"""Outcomes of steps and events that never come: a label in `to` that nothing ever goes to."""

from __future__ import annotations

from collections.abc import Callable

from xsavvy.checker.bind import System
from xsavvy.checker.liveness.graph import Graph


def untaken(system: System, graph: Graph, value: Callable[[int, int], int]) -> tuple[str, ...]:
    """Name the outcomes that no transition of a graph has, as "step -> label".

    `value(slot, state)` reads a slot of a state by their numbers. Steps and events that are
    never taken at all are left out, and outcomes that lead where every other one leads too.
    """
    branching = {
        rule.index: {place for place in rule.to.values() if place != rule.otherwise}
        for rule in system.rules
        if rule.slot is not None and rule.to
    }
    missing = {index: set(places) for index, places in branching.items()}
    taken: set[str] = set()
    for index, state in zip(graph.rule, graph.target, strict=True):
        places = missing.get(index)
        if places is not None:
            rule = system.rules[index]
            taken.add(rule.name)
            if places and rule.slot is not None:
                places.discard(value(rule.slot, state))
    found: dict[str, bool] = {}
    for index, places in branching.items():
        rule = system.rules[index]
        if rule.name not in taken or rule.slot is None:
            continue
        kind = system.shape.slots[rule.slot].kind
        for place in sorted(places):
            name = f"{rule.name} -> {kind.show(place)}"
            found[name] = found.get(name, True) and place in missing[index]
    return tuple(name for name, never in found.items() if never)
