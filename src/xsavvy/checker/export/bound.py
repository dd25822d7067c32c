# SPDX-License-Identifier: Apache-2.0
"""How large the result of an operation can be, and which bits can be set in it."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import NamedTuple

from xsavvy.checker.export.node import Node
from xsavvy.checker.field import Choice, Kind, Mask

MOST_SHIFT = 62


class Bound(NamedTuple):
    """Least and greatest value, the bits that can be set (None: unknown), those that are."""

    low: int
    high: int
    may: int | None
    must: int = 0


def exactly(value: int) -> Bound:
    """Bound a constant.

    >>> exactly(6)
    Bound(low=6, high=6, may=6, must=6)
    """
    return Bound(value, value, value if value >= 0 else None, max(value, 0))


def of_kind(kind: Kind) -> Bound:
    """Bound what a field of a kind can hold."""
    if isinstance(kind, Mask):
        return Bound(kind.always, kind.top, kind.top, kind.always)
    if isinstance(kind, Choice):
        may = 0
        for value in kind.values:
            may |= value
        return Bound(kind.values[0], kind.top, may)
    return Bound(0, kind.top, _filled(kind.top))


def legal(node: Node, kind: Kind) -> bool:
    """Tell whether every value of a node is certainly legal for a kind."""
    if node.op == "const":
        return kind.legal(node.value)
    if node.op == "if":
        return legal(node.args[1], kind) and legal(node.args[2], kind)
    if isinstance(kind, Mask):
        outside = node.may is None or node.may & ~kind.top
        return not outside and not kind.always & ~node.must
    if isinstance(kind, Choice) and not kind.dense:
        return False
    return node.low >= 0 and node.high <= kind.top


def either(left: Bound, right: Bound) -> Bound:
    """Bound a value that is one or the other."""
    may = None if left.may is None or right.may is None else left.may | right.may
    return Bound(min(left.low, right.low), max(left.high, right.high), may, left.must & right.must)


def of(node: Node) -> Bound:
    """Bound a node."""
    return Bound(node.low, node.high, node.may, node.must)


def binary(op: str, left: Bound, right: Bound) -> Bound:
    """Bound an arithmetic or bit operation; shifts are by 0..62, whatever else is said."""
    if op in ("<<", ">>"):
        low, high = (min(max(edge, 0), MOST_SHIFT) for edge in right[:2])
        right = right._replace(low=low, high=high)
    return _BINARY[op](left, right)


def complement(value: Bound) -> Bound:
    """Bound `~value`."""
    return Bound(-1 - value.high, -1 - value.low, None)


def negative(value: Bound) -> Bound:
    """Bound `-value`."""
    return _plain(-value.high, -value.low)


def _filled(high: int) -> int:
    return (1 << high.bit_length()) - 1


def _plain(low: int, high: int) -> Bound:
    return Bound(low, high, _filled(high) if low >= 0 else None)


def _corners(compute: Callable[[int, int], int], left: Bound, right: Bound) -> Bound:
    """Bound an operation that is monotonous in each operand: its extremes are at corners."""
    found = [compute(a, b) for a in (left.low, left.high) for b in (right.low, right.high)]
    return _plain(min(found), max(found))


def _masked(may: int, must: int) -> Bound:
    return Bound(must, may, may, must)


def _and(left: Bound, right: Bound) -> Bound:
    if left.may is None and right.may is None:
        return _signed(left, right)
    may = right.may if left.may is None else left.may
    assert may is not None
    if left.may is not None and right.may is not None:
        may = left.may & right.may
    return _masked(may, left.must & right.must)


def _or(left: Bound, right: Bound) -> Bound:
    if left.may is None or right.may is None:
        return _signed(left, right)
    return _masked(left.may | right.may, left.must | right.must)


def _xor(left: Bound, right: Bound) -> Bound:
    if left.may is None or right.may is None:
        return _signed(left, right)
    return _masked(left.may | right.may, 0)


def _signed(left: Bound, right: Bound) -> Bound:
    """Bound a bit operation of which an operand can be negative."""
    width = max(abs(edge).bit_length() for edge in (*left[:2], *right[:2]))
    return Bound(-(1 << width), (1 << width) - 1, None)


def _right(left: Bound, right: Bound) -> Bound:
    found = _corners(operator.rshift, left, right)
    if left.may is not None and right.low == right.high:
        return _masked(left.may >> right.low, left.must >> right.low)
    return found


def _left(left: Bound, right: Bound) -> Bound:
    if left.may is not None and right.low == right.high:
        return _masked(left.may << right.low, left.must << right.low)
    return _corners(operator.lshift, left, right)


_BINARY: dict[str, Callable[[Bound, Bound], Bound]] = {
    "&": _and,
    "|": _or,
    "^": _xor,
    "+": lambda a, b: _plain(a.low + b.low, a.high + b.high),
    "-": lambda a, b: _plain(a.low - b.high, a.high - b.low),
    "*": lambda a, b: _corners(operator.mul, a, b),
    "<<": _left,
    ">>": _right,
}
