# SPDX-License-Identifier: Apache-2.0
"""A short lasso: from a start to where the goal is asked for, into a trap, and round for ever.

The stem is a shortest one to any trap. The loop is put together greedily: as long as somebody
whom fairness is owed to is enabled on it and not taken, it goes on to the nearest place where
one of them is taken; then it goes back. So it is fair, short, and not always shortest.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from xsavvy.checker.error import EngineError
from xsavvy.checker.liveness.graph import Graph

Parents = dict[int, tuple[int, int] | None]


@dataclass(frozen=True)
class Lasso:
    """A start state, transitions (numbers of the graph), and how many of them are the stem."""

    start: int
    edges: tuple[int, ...]
    stem: int


def lasso(
    graph: Graph,
    owed: Sequence[int],
    when: bytearray,
    goal: bytearray,
    traps: Sequence[Sequence[int]],
) -> Lasso:
    """Find a short lasso into one of some traps; there must be one."""
    trapped = {i: number for number, trap in enumerate(traps) for i in trap}
    start, stem, knot = _stem(graph, when, goal, trapped)
    loop = _loop(graph, owed, frozenset(traps[trapped[knot]]), knot)
    return Lasso(start, (*stem, *loop), len(stem))


def _stem(
    graph: Graph, when: bytearray, goal: bytearray, trapped: Mapping[int, int]
) -> tuple[int, list[int], int]:
    """Find a shortest way from a start into a trap, on which the goal is asked for and not met.

    A state is searched twice: by its number, with nothing asked for yet, and by the number's
    complement (which is negative), while the goal is waited for.
    """
    asks = bytearray(asked and not met for asked, met in zip(when, goal, strict=True))
    parent: Parents = {}
    for i in range(graph.starts):
        parent[i] = None
        if asks[i]:
            parent[~i] = None
    frontier = list(parent)
    while True:
        following = []
        for node in frontier:
            state = node if node >= 0 else ~node
            if node < 0 and state in trapped:
                edges = _way(parent, node)
                return _origin(parent, node), edges, state
            for e in graph.out(state):
                t = graph.target[e]
                if node >= 0 and t not in parent:
                    parent[t] = (node, e)
                    following.append(t)
                if ~t not in parent and (asks[t] or (node < 0 and not goal[t])):
                    parent[~t] = (node, e)
                    following.append(~t)
        frontier = following


def _loop(graph: Graph, owed: Sequence[int], trap: frozenset[int], knot: int) -> list[int]:
    """Find a short fair loop inside a trap; none where a run may end."""
    edges: list[int] = []
    at = knot
    enabled = _parties(graph, owed, knot)
    taken: set[int] = set()
    while (starved := enabled - taken) or at != knot:
        for e in _nearest(graph, owed, trap, at, starved, knot):
            edges.append(e)
            taken.add(owed[graph.rule[e]])
            at = graph.target[e]
            enabled |= _parties(graph, owed, at)
    return edges


def _parties(graph: Graph, owed: Sequence[int], state: int) -> set[int]:
    return {owed[graph.rule[e]] for e in graph.out(state)} - {-1}


def _nearest(
    graph: Graph,
    owed: Sequence[int],
    trap: frozenset[int],
    origin: int,
    starved: set[int],
    knot: int,
) -> list[int]:
    """Find a shortest way inside a trap that ends with one of the starved, or if none is at the knot."""
    parent: Parents = {origin: None}
    todo = [origin]
    for i in todo:  # grows on the way
        for e in graph.out(i):
            t = graph.target[e]
            if t not in trap:
                continue
            if owed[graph.rule[e]] in starved or (not starved and t == knot):
                return [*_way(parent, i), e]
            if t not in parent:
                parent[t] = (i, e)
                todo.append(t)
    raise EngineError("a fair loop was found and cannot be walked")


def _way(parent: Parents, node: int) -> list[int]:
    edges = []
    step = parent[node]
    while step is not None:
        edges.append(step[1])
        step = parent[step[0]]
    return edges[::-1]


def _origin(parent: Parents, node: int) -> int:
    step = parent[node]
    while step is not None:
        node = step[0]
        step = parent[node]
    return node if node >= 0 else ~node
