# SPDX-License-Identifier: Apache-2.0
"""The definition of a violated eventuality, by brute force over all sets of states."""

from __future__ import annotations

import itertools


def violated(graph, owed, when, goal):
    """Whether a fair run exists that asks for the goal and never gets it.

    The states that a run visits infinitely often, if it takes every transition among them
    infinitely often, are a set in which each leads to each; all such sets are tried.
    """
    count = len(graph)
    waits = [not goal[i] and not graph.terminal[i] for i in range(count)]
    leads = closure(graph, waits)
    asks = [i for i in range(count) if when[i] and waits[i]]
    waiting = [i for i in range(count) if any(i == a or leads[a][i] for a in asks)]
    for i in waiting:
        if all(owed[graph.rule[e]] < 0 for e in graph.out(i)):
            return True
    for size in range(1, len(waiting) + 1):
        for together in itertools.combinations(waiting, size):
            if goes_round(graph, owed, set(together)):
                return True
    return False


def goes_round(graph, owed, together):
    """Whether a fair run can visit exactly these states for ever."""
    inside = [i in together for i in range(len(graph))]
    leads = closure(graph, inside)
    if not all(leads[a][b] for a in together for b in together):
        return False
    edges = [e for i in together for e in graph.out(i)]
    taken = {owed[graph.rule[e]] for e in edges if graph.target[e] in together}
    return all(owed[graph.rule[e]] in taken | {-1} for e in edges)


def closure(graph, inside):
    """Whether one state leads to another by at least one transition, inside only (Warshall)."""
    count = len(graph)
    leads = [[False] * count for _ in range(count)]
    for i in range(count):
        for e in graph.out(i):
            leads[i][graph.target[e]] |= inside[i] and inside[graph.target[e]]
    for via, a, b in itertools.product(range(count), repeat=3):
        leads[a][b] |= leads[a][via] and leads[via][b]
    return leads


def goes_on(graph, owed, when, goal, run):
    """Whether a lasso is a fair run that asks for the goal and never gets it."""
    states = [run.start, *(graph.target[e] for e in run.edges)]
    assert run.start < graph.starts
    assert all(e in graph.out(i) for i, e in zip(states, run.edges, strict=False))
    loop = states[run.stem :]
    assert states[-1] == states[run.stem]
    taken = {owed[graph.rule[e]] for e in run.edges[run.stem :]} | {-1}
    assert all(owed[graph.rule[e]] in taken for i in loop for e in graph.out(i))
    last = max((at for at, i in enumerate(states) if goal[i]), default=-1)
    assert any(when[i] for i in states[last + 1 :])
    assert last < run.stem
    assert not any(graph.terminal[i] for i in loop)
    return True
