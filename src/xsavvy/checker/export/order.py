# SPDX-License-Identifier: Apache-2.0
"""Turn updates that happen at once into statements that happen one after another.

Updates with the same condition share an `if`. A slot is written after everything that reads
its old value; where that is impossible the old value is saved first. A larger expression
that is used repeatedly is computed once, before the first write.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from xsavvy.checker.export.bound import MOST_SHIFT
from xsavvy.checker.export.node import Node

SMALL = 8  # an expression of so many nodes is not worth a name


@dataclass(frozen=True)
class Assign:
    """`slot := value`."""

    slot: int
    value: Node

    @property
    def writes(self) -> frozenset[int]:
        """Slots that are written."""
        return frozenset([self.slot])


@dataclass(frozen=True)
class Branch:
    """`if test then yes else no`."""

    test: Node
    yes: tuple[Statement, ...]
    no: tuple[Statement, ...]

    @property
    def writes(self) -> frozenset[int]:
        """Slots that are written on some way."""
        return frozenset[int]().union(*(item.writes for item in (*self.yes, *self.no)))


Statement = Assign | Branch


@dataclass(frozen=True)
class Body:
    """The statements of an action; `saved` slots are copied, and `named` computed, beforehand."""

    named: tuple[Node, ...]
    saved: tuple[int, ...]
    statements: tuple[Statement, ...]


def body(updates: Mapping[int, Node]) -> Body:
    """Put the updates of an action in order."""
    named = repeated(updates.values())
    sorter = _Sorter(frozenset(named))
    statements = sorter.sorted(sorter.grouped(updates))
    return Body(named, tuple(sorted(sorter.saved)), statements)


def repeated(roots: Iterable[Node], grouped: bool = True) -> tuple[Node, ...]:
    """Find the larger expressions that are used more than once, those that others use first.

    With `grouped` a condition that updates share counts once, since they will share an `if`.
    """
    uses: dict[Node, int] = {}
    waiting = [(root, grouped) for root in roots]
    shared: set[Node] = set()
    while waiting:
        node, outermost = waiting.pop()
        uses[node] = uses.get(node, 0) + 1
        if uses[node] > 1:
            continue
        for arg in node.args:
            if outermost and node.op == "if" and arg is node.args[0]:
                if arg in shared:
                    continue
                shared.add(arg)
                waiting.append((arg, False))
            else:
                waiting.append((arg, outermost and node.op == "if"))
    often = (node for node, count in uses.items() if count > 1 and node.size > SMALL)
    found = {node: None for node in often if not any(map(_partial, node.walk()))}
    return tuple(dict.fromkeys(part for node in found for part in node.walk() if part in found))


def _partial(node: Node) -> bool:
    """Tell whether a node has a value only on some ways, such as a shift by -1."""
    return node.op in ("<<", ">>") and not 0 <= node.args[1].low <= node.args[1].high <= MOST_SHIFT


class _Sorter:
    def __init__(self, named: frozenset[Node]) -> None:
        self.named = named
        self.saved: set[int] = set()

    # grouping

    def grouped(self, updates: Mapping[int, Node]) -> list[Statement]:
        """Let updates with the same condition share an if."""
        groups: dict[Node, dict[int, Node]] = {}
        found: list[Statement] = []
        for slot, value in updates.items():
            if value.op == "if" and value not in self.named:
                groups.setdefault(value.args[0], {})[slot] = value
            elif not (value.op == "read" and value.value == slot):
                found.append(Assign(slot, value))
        for test, inner in groups.items():
            yes = self.sorted(self.grouped({s: value.args[1] for s, value in inner.items()}))
            no = self.sorted(self.grouped({s: value.args[2] for s, value in inner.items()}))
            found.append(Branch(test, yes, no))
        return found

    # order

    def sorted(self, statements: Sequence[Statement]) -> tuple[Statement, ...]:
        """Put readers of a slot's old value before its writer."""
        pending, found = list(statements), []
        while pending:
            free = (item for item in pending if not self.spoilt(item, pending))
            chosen = next(free, pending[0])
            self.saved |= self.spoilt(chosen, pending)
            pending.remove(chosen)
            found.append(chosen)
        return tuple(found)

    def spoilt(self, item: Statement, pending: Sequence[Statement]) -> frozenset[int]:
        """Slots that a statement writes and another one still has to read."""
        others = [self.reads(other) for other in pending if other is not item]
        return (item.writes & frozenset[int]().union(*others)) - self.saved

    def reads(self, item: Statement) -> frozenset[int]:
        """Slots whose old value a statement reads."""
        if isinstance(item, Assign):
            return self.read_by(item.value)
        inner = (self.reads(part) for part in (*item.yes, *item.no))
        return self.read_by(item.test).union(*inner)

    def read_by(self, node: Node) -> frozenset[int]:
        """Slots that an expression reads; what has a name was read beforehand."""
        if node in self.named:
            return frozenset()
        if node.op == "read":
            return node.reads
        return frozenset[int]().union(*(self.read_by(arg) for arg in node.args))
