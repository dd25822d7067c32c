# SPDX-License-Identifier: Apache-2.0
"""The states along the paths of one model, kept as a tree, so that a path is walked on from where it is known."""

from collections.abc import Sequence

from xsavvy.api.walking import Standing, Taken, Walk
from xsavvy.checker import CheckerError
from xsavvy.checker.record import State
from xsavvy.checker.rule import Rule

from .explored import Stop

__all__ = ["Node", "Trails"]


class Node:
    """A state, how it was reached, and the states that were reached from it."""

    __slots__ = ("after", "rule", "standing", "state", "taken")

    def __init__(
        self, state: State, rule: int, taken: Taken | None, standing: list[Standing]
    ) -> None:
        self.state = state
        self.rule = rule
        self.taken = taken
        self.standing = standing
        self.after: dict[int, Node] = {}


class Trails:
    """All paths of one model that were asked for; `size` counts their states."""

    def __init__(self, walk: Walk) -> None:
        self.walk = walk
        self.clear()

    def clear(self) -> None:
        """Forget all paths."""
        start = self.walk.start
        self.start = Node(start, -1, None, self.walk.standing(start))
        self.size = 1

    def follow(self, path: Sequence[int]) -> tuple[list[Node], Stop | None]:
        """Return the states along a path, the start first; and where it ends early, and why."""
        nodes = [self.start]
        for at, index in enumerate(path):
            node = nodes[-1].after.get(index)
            if node is None:
                found = self._next(nodes[-1], index)
                if isinstance(found, str):
                    return nodes, Stop(at, found)
                node = found
            nodes.append(node)
        return nodes, None

    def add(self, node: Node, rule: Rule, state: State) -> Node:
        """Keep the state that a rule leads to."""
        known = node.after.get(rule.index)
        if known is None:
            taken = self.walk.taken(node.state, rule, state)
            known = Node(state, rule.index, taken, self.walk.standing(state))
            node.after[rule.index] = known
            self.size += 1
        return known

    def _next(self, node: Node, index: int) -> Node | str:
        """Take a rule, or say why it cannot be."""
        rules = self.walk.system.rules
        if not 0 <= index < len(rules):
            return f"rule {index}: this model has rules 0 to {len(rules) - 1}"
        rule = rules[index]
        if self.walk.over(node.state):
            return f"rule {index} ({rule.name}): nothing may happen any more in this model"
        try:
            state = self.walk.after(node.state, rule)
        except CheckerError as error:
            return f"rule {index}: {error}"
        if state is None:
            return f"rule {index} ({rule.name} by {rule.actor}) is not possible here"
        return self.add(node, rule, state)
