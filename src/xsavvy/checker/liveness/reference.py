# SPDX-License-Identifier: Apache-2.0
"""Which states a fair run can stay among for ever without the goal: slow and obvious.

Everything that `component.py` finds must equal what this file finds.
"""

from __future__ import annotations

from collections.abc import Iterable

from xsavvy.checker.liveness.graph import Graph


def traps(graph: Graph, owed: list[int], when: bytearray, goal: bytearray) -> list[set[int]]:
    """Find the sets of states that some fair run visits infinitely often, or ends in.

    Only states are looked at that a run can reach from one where `when` is true without
    meeting the goal. `owed` is the party (see `parties`) of each rule.
    """
    asking = [i for i in range(len(graph)) if when[i] and not goal[i] and not graph.terminal[i]]
    waiting = _reach(graph, asking, {i for i in range(len(graph)) if not goal[i]})
    waiting = {i for i in waiting if not graph.terminal[i]}
    ends = [{i} for i in waiting if not _enabled(graph, owed, {i})]
    return [*ends, *_fair(graph, owed, waiting)]


def _fair(graph: Graph, owed: list[int], states: set[int]) -> list[set[int]]:
    """Find the largest strongly connected sets in which a fair run can go round for ever.

    A run that takes every transition inside a set is fair if each party that is enabled in the
    set is taken inside it. Where one is not, a fair run leaves the states that enable it.
    """
    found = []
    for together in _components(graph, states):
        inner = [e for i in together for e in graph.out(i) if graph.target[e] in together]
        taken = {owed[graph.rule[e]] for e in inner}
        starved = _enabled(graph, owed, together) - taken
        if not starved:
            found.append(together)
            continue
        left = {i for i in together if not starved & _enabled(graph, owed, {i})}
        found += _fair(graph, owed, left)
    return found


def _components(graph: Graph, states: set[int]) -> list[set[int]]:
    """Split states into sets in which each state leads to each, by at least one transition."""
    before: dict[int, list[int]] = {i: [] for i in states}
    for i in states:
        for e in graph.out(i):
            if graph.target[e] in states:
                before[graph.target[e]].append(i)
    found = []
    left = set(states)
    while left:
        one = min(left)
        together = _reach(graph, [one], left) & _back(before, one, left)
        if len(together) > 1 or one in before[one]:
            found.append(together)
        left -= together
    return found


def _enabled(graph: Graph, owed: list[int], states: Iterable[int]) -> set[int]:
    """Parties that can move in at least one of some states."""
    return {owed[graph.rule[e]] for i in states for e in graph.out(i)} - {-1}


def _reach(graph: Graph, origins: Iterable[int], inside: set[int]) -> set[int]:
    """States that can be reached from some without leaving a set."""
    found = set(origins) & inside
    todo = list(found)
    while todo:
        for e in graph.out(todo.pop()):
            if graph.target[e] in inside and graph.target[e] not in found:
                found.add(graph.target[e])
                todo.append(graph.target[e])
    return found


def _back(before: dict[int, list[int]], origin: int, inside: set[int]) -> set[int]:
    """States from which one can be reached without leaving a set."""
    found = {origin}
    todo = [origin]
    while todo:
        for i in before[todo.pop()]:
            if i in inside and i not in found:
                found.add(i)
                todo.append(i)
    return found
