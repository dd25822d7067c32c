# SPDX-License-Identifier: Apache-2.0
"""Expressions over the state before a rule: the neutral form that every language is written from.

A node is an integer (`Node.truth` false) or a truth value. Equal nodes are one object (a
`Forest` makes them), so that what is used twice can be found and named. A node knows the
least and greatest integer it can be, and which bits can be set in it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from xsavvy.checker.error import CheckerError

OPPOSITE = {"==": "!=", "!=": "==", "<": ">=", ">=": "<", ">": "<=", "<=": ">"}


class ExportError(CheckerError):
    """The model contains what the language that was asked for cannot express."""


@dataclass(frozen=True, eq=False)
class Node:
    """One expression.

    `op` is an operator, or "const" (`value` is the integer or 0/1), "read" or "raw" (`value` is
    a slot of the state, legal or not), "none" (no outcome), "unset" (no value, since the
    function goes on here), "in" (`members` are the values that it is compared with), "if"
    (test, then, else), "and", "or", "not", "~", "neg". `may` are the only bits that can be set,
    None if it can be negative; `must` are bits that certainly are. `size` counts the parts when
    written out, `reads` are the slots that it depends on.
    """

    op: str
    args: tuple[Node, ...] = ()
    value: int = 0
    members: tuple[int, ...] = ()
    truth: bool = False
    low: int = 0
    high: int = 0
    may: int | None = None
    must: int = 0
    size: int = 1
    reads: frozenset[int] = field(default=frozenset())

    @property
    def const(self) -> int | None:
        """Its value, if that is known."""
        return self.value if self.op == "const" else None

    def __repr__(self) -> str:
        if self.op in ("const", "read"):
            return f"{self.op} {self.value}"
        return f"({self.op} {' '.join(map(repr, self.args))})"

    def walk(self) -> Iterator[Node]:
        """Yield this node and everything below it, each once, arguments first."""
        seen: set[Node] = set()
        waiting: list[tuple[Node, bool]] = [(self, False)]
        while waiting:
            node, ready = waiting.pop()
            if ready:
                yield node
            elif node not in seen:
                seen.add(node)
                waiting.append((node, True))
                waiting += [(arg, False) for arg in reversed(node.args)]
