# SPDX-License-Identifier: Apache-2.0
"""Make nodes: equal ones are one object, what is sure is folded."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable

from xsavvy.checker.export import bound
from xsavvy.checker.export.bound import Bound
from xsavvy.checker.export.node import OPPOSITE, Node
from xsavvy.checker.field import Choice, Kind, Mask

_COMPUTE: dict[str, Callable[[int, int], int]] = {
    "&": operator.and_,
    "|": operator.or_,
    "^": operator.xor,
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "<<": operator.lshift,
    ">>": operator.rshift,
}
_COMPARE: dict[str, Callable[[int, int], bool]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
Key = tuple[str, tuple[Node, ...], int, tuple[int, ...], bool]


class Forest:
    """All nodes of one model."""

    def __init__(self, kinds: tuple[Kind, ...]) -> None:
        self.kinds = kinds
        self.nodes: dict[Key, Node] = {}
        self.true = self._make("const", value=1, truth=True)
        self.false = self._make("const", value=0, truth=True)
        self.none = self._make("none")
        self.unset = self._make("unset")

    def _make(
        self,
        op: str,
        args: tuple[Node, ...] = (),
        value: int = 0,
        members: tuple[int, ...] = (),
        truth: bool = False,
        within: Bound | None = None,
    ) -> Node:
        key = (op, args, value, members, truth)
        known = self.nodes.get(key)
        if known is None:
            low, high, may, must = within or Bound(0, 1, 1)
            size = 1 + sum(arg.size for arg in args)
            below = frozenset([value]) if op in ("read", "raw") else frozenset[int]()
            reads = below.union(*(arg.reads for arg in args))
            known = Node(op, args, value, members, truth, low, high, may, must, size, reads)
            self.nodes[key] = known
        return known

    # integers

    def constant(self, value: int) -> Node:
        """Make a known integer."""
        return self._make("const", value=int(value), within=bound.exactly(int(value)))

    def read(self, slot: int) -> Node:
        """Make the value of a slot before the rule."""
        return self._make("read", value=slot, within=bound.of_kind(self.kinds[slot]))

    def raw(self, slot: int) -> Node:
        """Make the value of a slot of which nothing is taken for granted."""
        top = self.kinds[slot].top
        return self._make("raw", value=slot, within=Bound(-top - 1, 2 * top + 1, None))

    def legal(self, slot: int) -> Node:
        """Make the test whether the value of a slot is legal."""
        kind, value = self.kinds[slot], self.raw(slot)
        if isinstance(kind, Choice):
            return self.among(value, kind.values)
        if not isinstance(kind, Mask):
            return self.among(value, range(kind.top + 1))
        free = self.binary("&", value, self.constant(~kind.free))
        return self.compare("==", free, self.constant(kind.always & ~kind.free))

    def binary(self, op: str, left: Node, right: Node) -> Node:
        """Make an arithmetic or bit operation."""
        if left.const is not None and right.const is not None:
            return self.constant(_COMPUTE[op](left.const, right.const))
        if op in "&|^+" and left.const is not None:
            left, right = right, left
        if right.const == 0:
            return right if op in "&*" else left
        if op == "&" and right.const is not None and left.may is not None:
            if not left.may & ~right.const:
                return left
            right = self.constant(right.const & left.may)
        if right.const is not None and _is_table(left):
            test, yes, no = left.args
            return self.choose(test, self.binary(op, yes, right), self.binary(op, no, right))
        within = bound.binary(op, bound.of(left), bound.of(right))
        if within.low == within.high:
            return self.constant(within.low)
        return self._make(op, (left, right), within=within)

    def complement(self, value: Node) -> Node:
        """Make `~value`."""
        if value.const is not None:
            return self.constant(~value.const)
        return self._make("~", (value,), within=bound.complement(bound.of(value)))

    def negative(self, value: Node) -> Node:
        """Make `-value`."""
        if value.const is not None:
            return self.constant(-value.const)
        return self._make("neg", (value,), within=bound.negative(bound.of(value)))

    def number(self, test: Node) -> Node:
        """Make 1 of a true test, 0 of a false one."""
        return self.choose(test, self.constant(1), self.constant(0))

    def choose(self, test: Node, yes: Node, no: Node) -> Node:
        """Make `yes if test else no` of two integers or two truth values."""
        if test.const is not None:
            return yes if test.const else no
        if yes is self.unset or no is self.unset:
            return no if yes is self.unset else yes
        if test.op == "not" or (
            test.op == "==" and test.args[1].const == 0 and _is_bit(test.args[0])
        ):
            return self.choose(self.inverse(test), no, yes)
        if yes.op == "if" and yes.args[0] is test:
            yes = yes.args[1]
        if no.op == "if" and no.args[0] is test:
            no = no.args[2]
        if yes.truth:
            yes = self.true if yes is test else yes
            no = self.false if no is test else no
        if yes is no:
            return yes
        if yes.truth:
            if yes.const is not None:
                return self.either(test, no) if yes.const else self.both(self.inverse(test), no)
            if no.const is not None:
                return self.either(self.inverse(test), yes) if no.const else self.both(test, yes)
        within = bound.either(bound.of(yes), bound.of(no))
        return self._make("if", (test, yes, no), truth=yes.truth, within=within)

    # truth values

    def truth(self, value: Node) -> Node:
        """Make the test whether an integer is not zero."""
        if value.truth:
            return value
        if value.op == "none":
            return self.false
        if value.op == "if":
            test, yes, no = value.args
            return self.choose(test, self.truth(yes), self.truth(no))
        return self.compare("!=", value, self.constant(0))

    def compare(self, op: str, left: Node, right: Node) -> Node:
        """Make a comparison."""
        if left.const is not None and right.const is not None:
            return self._sure(_COMPARE[op](left.const, right.const))
        if left.const is not None:
            swapped = {"<": ">", ">": "<", "<=": ">=", ">=": "<="}.get(op, op)
            return self.compare(swapped, right, left)
        if left is right:
            return self._sure(op in ("==", "<=", ">="))
        sure = _ordered(op, left, right)
        if sure is not None:
            return self._sure(sure)
        if op == "!=" and right.const is not None and _is_bit(left):
            return self.compare("==", left, self.constant(1 - right.const))
        if right.const is not None and _is_table(left):
            test, yes, no = left.args
            return self.choose(test, self.compare(op, yes, right), self.compare(op, no, right))
        if op in ("==", "!=") and right.const is not None:
            if left.may is not None and (right.const & ~left.may or left.must & ~right.const):
                return self._sure(op == "!=")
        return self._make(op, (left, right), truth=True)

    def among(self, value: Node, members: Iterable[int]) -> Node:
        """Make the test whether a value is one of some integers."""
        wanted = tuple(sorted(set(members)))
        if value.const is not None:
            return self._sure(value.const in wanted)
        if len(wanted) == 1:
            return self.compare("==", value, self.constant(wanted[0]))
        if not wanted or set(range(value.low, value.high + 1)) <= set(wanted):
            return self._sure(bool(wanted))
        return self._make("in", (value,), members=wanted, truth=True)

    def inverse(self, test: Node) -> Node:
        """Make `not test`."""
        if test.const is not None:
            return self._sure(not test.const)
        if test.op == "not":
            return test.args[0]
        if test.op in OPPOSITE:
            return self.compare(OPPOSITE[test.op], *test.args)
        return self._make("not", (test,), truth=True)

    def both(self, left: Node, right: Node) -> Node:
        """Make `left and right`."""
        return self._joined("and", left, right, self.true, self.false)

    def either(self, left: Node, right: Node) -> Node:
        """Make `left or right`."""
        return self._joined("or", left, right, self.false, self.true)

    def _joined(self, op: str, left: Node, right: Node, unit: Node, zero: Node) -> Node:
        if left is zero or right is zero:
            return zero
        parts = [arg for side in (left, right) for arg in (side.args if side.op == op else (side,))]
        kept = [part for part in dict.fromkeys(parts) if part is not unit]
        if any(self.inverse(part) in kept for part in kept):
            return zero
        if len(kept) < 2:
            return kept[0] if kept else unit
        return self._make(op, tuple(kept), truth=True)

    def _sure(self, value: bool) -> Node:
        return self.true if value else self.false


def _is_bit(node: Node) -> bool:
    """Tell whether a node can only be 0 or 1."""
    return node.low >= 0 and node.high <= 1


def _is_table(node: Node) -> bool:
    """Tell whether a node is a choice between constants."""
    return node.op == "if" and all(arg.const is not None or _is_table(arg) for arg in node.args[1:])


def _ordered(op: str, left: Node, right: Node) -> bool | None:
    """Decide a comparison by what its operands can be at most and at least."""
    if op in (">", ">="):
        return _ordered(op.replace(">", "<"), right, left)
    if op in ("==", "!="):
        apart = left.high < right.low or left.low > right.high
        return op == "!=" if apart else None
    compute = _COMPARE[op]
    if compute(left.high, right.low):
        return True
    return None if compute(left.low, right.high) else False
