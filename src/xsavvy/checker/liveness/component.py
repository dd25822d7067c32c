# SPDX-License-Identifier: Apache-2.0
"""The same as `reference.py`, for large graphs: Tarjan's components, refined for fairness.

Sources: R. Tarjan, "Depth-first search and linear graph algorithms" (1972); the refinement is
the usual emptiness check for strong fairness, O. Lichtenstein and A. Pnueli, "Checking that
finite state concurrent programs satisfy their linear specification" (1985).
"""

from __future__ import annotations

from collections.abc import Iterator

from xsavvy.checker.liveness.graph import Graph


def traps(graph: Graph, owed: list[int], when: bytearray, goal: bytearray) -> list[list[int]]:
    """Find the sets of states that some fair run visits infinitely often, or ends in."""
    states = waiting(graph, when, goal)
    by_rule = owed.__getitem__
    ends = [
        [i]
        for i in states
        if max(map(by_rule, graph.rule[graph.first[i] : graph.first[i + 1]]), default=-1) < 0
    ]
    return [*ends, *_Components(graph, owed).fair(states)]


def waiting(graph: Graph, when: bytearray, goal: bytearray) -> list[int]:
    """List the states in which the goal is still to come, in order of their numbers."""
    first, target, terminal = graph.first, graph.target, graph.terminal
    found = bytearray(
        asked and not met and not over
        for asked, met, over in zip(when, goal, terminal, strict=True)
    )
    todo = [i for i, mark in enumerate(found) if mark]
    while todo:
        i = todo.pop()
        for t in target[first[i] : first[i + 1]]:
            if not (found[t] or goal[t] or terminal[t]):
                found[t] = 1
                todo.append(t)
    return [i for i, mark in enumerate(found) if mark]


class _Components:
    """Strongly connected components of parts of one graph.

    `part` tells which part a state belongs to now; `order` is its number in Tarjan's search.
    """

    def __init__(self, graph: Graph, owed: list[int]) -> None:
        self.graph = graph
        self.owed = owed
        self.part = [0] * len(graph)
        self.order = [0] * len(graph)
        self.parts = 0

    def fair(self, states: list[int]) -> Iterator[list[int]]:
        """Give the components in which each party that is enabled is taken."""
        pending = [states]
        while pending:
            for together in self.split(pending.pop()):
                starved = self._starved(together)
                if starved:
                    pending.append([i for i in together if not self._enables(i, starved)])
                else:
                    yield together

    def split(self, states: list[int]) -> list[list[int]]:
        """Find the components of a part that have a transition inside."""
        self._set_apart(states)
        for i in states:
            self.order[i] = 0
        found: list[list[int]] = []
        for root in states:
            if not self.order[root]:
                self._search(root, found)
        return found

    def _set_apart(self, states: list[int]) -> int:
        self.parts += 1
        for i in states:
            self.part[i] = self.parts
        return self.parts

    def _search(self, root: int, found: list[list[int]]) -> None:
        first, target = self.graph.first, self.graph.target
        part, order, here = self.part, self.order, self.part[root]
        low = {root: 1}
        order[root] = count = 1
        stack, path, cursor = [root], [root], [first[root]]
        closed = len(part) + 1
        while path:
            i, e = path[-1], cursor[-1]
            if e < first[i + 1]:
                cursor[-1] = e + 1
                t = target[e]
                if part[t] != here:
                    continue
                if not order[t]:
                    count += 1
                    order[t] = low[t] = count
                    stack.append(t)
                    path.append(t)
                    cursor.append(first[t])
                elif order[t] < low[i]:
                    low[i] = order[t]
                continue
            path.pop()
            cursor.pop()
            if path and low[i] < low[path[-1]]:
                low[path[-1]] = low[i]
            if low[i] == order[i]:
                together = [stack.pop()]
                while together[-1] != i:
                    together.append(stack.pop())
                for member in together:
                    order[member] = closed
                if len(together) > 1 or i in target[first[i] : first[i + 1]]:
                    found.append(together)

    def _starved(self, together: list[int]) -> set[int]:
        """Parties that are enabled somewhere in a component and taken nowhere inside it."""
        first, target, rule, owed = self.graph.first, self.graph.target, self.graph.rule, self.owed
        here = self._set_apart(together)
        enabled: set[int] = set()
        taken: set[int] = set()
        for i in together:
            for e in range(first[i], first[i + 1]):
                enabled.add(owed[rule[e]])
                if self.part[target[e]] == here:
                    taken.add(owed[rule[e]])
        return enabled - taken - {-1}

    def _enables(self, state: int, parties: set[int]) -> bool:
        return any(self.owed[self.graph.rule[e]] in parties for e in self.graph.out(state))
