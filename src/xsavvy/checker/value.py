# SPDX-License-Identifier: Apache-2.0
"""What generated code knows about an expression, and the algebra that keeps it small.

Most guards of a model compare fields with constants. Such a test is kept as a mask and a value
of the packed word, so that `a == 1 and not b and c == 2` becomes one `w & mask == value`.
"""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Sequence
from typing import NamedTuple

from xsavvy.checker.field import Kind
from xsavvy.checker.source import Constant
from xsavvy.checker.word import Word


class Value(NamedTuple):
    """An expression: its text (safe to use as an operand), and what is known about it.

    `const` is its value if known; `most` the only bits that can be set (it is then not
    negative); `kind` the kind of the field it was copied from; `slot` the slot whose value in
    `w` it is; `edit` says that it is the value in `w` of slot `edit[0]`, `& edit[1] | edit[2]`.
    What a test of it comes to, if that is simpler than the text: `match`, true when
    `w & match[0] == match[1]`; `nonzero`, true when `w & nonzero` is not 0; or `test`, a text.
    """

    text: str
    const: Constant | None = None
    most: int | None = None
    kind: Kind | None = None
    slot: int | None = None
    edit: tuple[int, int, int] | None = None
    match: tuple[int, int] | None = None
    nonzero: int | None = None
    test: str | None = None

    @property
    def sure(self) -> bool | None:
        """Whether it is certainly true or certainly false."""
        if self.const is not None:
            return bool(self.const)
        return {"True": True, "False": False}.get(self.test or "")

    @property
    def truth(self) -> str:
        """Text to test."""
        if self.sure is not None:
            return str(self.sure)
        if self.match is not None:
            return _matches(*self.match)
        if self.nonzero is not None:
            return f"w & {self.nonzero}"
        return self.test or self.text

    def named(self, name: str) -> Value:
        """The same value, kept in a variable; what only `w` decides needs no variable."""
        if self.const is not None or self.slot is not None:
            return self
        test = self.test if self.sure is not None else None
        return self._replace(text=name, test=test)


NONE = Value("None", test="False")


def _matches(mask: int, value: int) -> str:
    if value == 0:
        return f"not w & {mask}"
    if mask & (mask - 1) == 0:
        return f"w & {mask}"
    return f"w & {mask} == {value}"


def constant(value: int) -> Value:
    """Make the value of a known integer."""
    value = int(value)
    text = str(value) if value >= 0 else f"({value})"
    return Value(text, value, value if value >= 0 else None)


def slot_value(word: Word, slot: int) -> Value:
    """Make the value of a slot in `w`; its text is a token that `loads` replaces."""
    kind = word.kinds[slot]
    if kind.top == kind.default:  # the only legal value
        return constant(kind.default)
    match = nonzero = test = None
    mask = word.nonzero(slot)
    if mask is None:
        test = "True" if not kind.legal(0) else None
    elif mask & (mask - 1) == 0:
        match = (mask, mask)
    else:
        nonzero = mask
    edit = (slot, -1, 0)
    return Value(f"@{slot}@", None, word.most(slot), kind, slot, edit, match, nonzero, test)


def negation(value: Value) -> Value:
    """Make `not value`."""
    if value.sure is not None and value.const is not None:
        return constant(not value.const)
    text = f"(not {_grouped(value.truth)})"
    if value.sure is not None:
        return Value(text, None, 1, test=str(not value.sure))
    if value.nonzero is not None:
        return Value(text, None, 1, match=(value.nonzero, 0))
    if value.match is not None:
        mask, wanted = value.match
        if wanted == 0:
            return Value(text, None, 1, nonzero=mask)
        if mask & (mask - 1) == 0:
            return Value(text, None, 1, match=(mask, 0))
        return Value(f"(w & {mask} != {wanted})", None, 1)
    return Value(text, None, 1)


def _grouped(text: str) -> str:
    return f"({text})" if text.startswith(("w ", "not ")) else text


def short(left: Value, right: Value, conjunction: bool) -> Value:
    """Make `left and right` or `left or right` of two values that need no lines."""
    text = f"({left.text} {'and' if conjunction else 'or'} {right.text})"
    most = union(left, right)
    for one, other in ((left, right), (right, left)):
        if one.sure is not None:
            if one.sure != conjunction:
                return Value(text, None, most, test=str(one.sure))
            return Value(
                text, None, most, match=other.match, nonzero=other.nonzero, test=other.truth
            )
    if conjunction and left.match is not None and right.match is not None:
        (mask, wanted), (mask2, wanted2) = left.match, right.match
        if mask & mask2 & (wanted ^ wanted2):
            return Value(text, None, most, test="False")
        return Value(text, None, most, match=(mask | mask2, wanted | wanted2))
    if not conjunction:
        bits, more = _bits(left), _bits(right)
        if bits is not None and more is not None:
            return Value(text, None, most, nonzero=bits | more)
    word = "and" if conjunction else "or"
    truth = f"({_grouped(left.truth)} {word} {_grouped(right.truth)})"
    return Value(text, None, most, test=truth)


def _bits(value: Value) -> int | None:
    """The mask of which any bit makes a value true, if it is that simple."""
    if value.match is not None and value.match[0] == value.match[1]:
        return value.match[0] if value.match[0] & (value.match[0] - 1) == 0 else None
    return value.nonzero


def union(left: Value, right: Value) -> int | None:
    """The only bits that can be set in one value or the other."""
    return None if left.most is None or right.most is None else left.most | right.most


def joined(name: str, values: Sequence[Value]) -> Value:
    """What is known about a variable after branches that left it with these values."""
    first = values[0]
    if all(value.text == "None" for value in values):
        return first
    if first.const is not None and all(value.const == first.const for value in values):
        return first
    if first.slot is not None and all(value.slot == first.slot for value in values):
        return first
    most: int | None = 0
    for value in values:
        most = None if most is None or value.most is None else most | value.most
    kind = first.kind if all(value.kind == first.kind for value in values) else None
    return Value(name, None, most, kind)


COMPARE: dict[type[ast.cmpop], tuple[str, Callable[[int, int], bool]]] = {
    ast.Eq: ("==", operator.eq),
    ast.NotEq: ("!=", operator.ne),
    ast.Lt: ("<", operator.lt),
    ast.LtE: ("<=", operator.le),
    ast.Gt: (">", operator.gt),
    ast.GtE: (">=", operator.ge),
}


def comparison(word: Word, op: ast.cmpop, left: Value, right: Value) -> Value:
    """Make a comparison."""
    sign, compute = COMPARE[type(op)]
    if isinstance(left.const, int) and isinstance(right.const, int):
        return constant(compute(left.const, right.const))
    if sign in ("==", "!="):
        if isinstance(left.const, int):
            left, right = right, left
        if isinstance(right.const, int):
            found = _equals(word, left, right.const)
            if found is not None:
                return found if sign == "==" else negation(found)
    return Value(f"({left.text} {sign} {right.text})", None, 1)


def _equals(word: Word, left: Value, const: int) -> Value | None:
    if left.most is not None and (const < 0 or const & ~left.most):
        return constant(0)
    if left.slot is not None:
        if not word.kinds[left.slot].legal(const):
            return constant(0)
        mask, placed = word.mask(left.slot), word.place(left.slot, const)
        return Value(f"({_matches_exactly(mask, placed)})", None, 1, match=(mask, placed))
    if left.match is None and left.nonzero is None:
        return None
    if const == 0:
        return negation(left)
    if const == 1 and left.most == 1:
        text = f"({left.text} == 1)"
        return Value(text, None, 1, match=left.match, nonzero=left.nonzero)
    return None


def _matches_exactly(mask: int, value: int) -> str:
    return f"not w & {mask}" if value == 0 else f"w & {mask} == {value}"


BINARY: dict[type[ast.operator], tuple[str, Callable[[int, int], int]]] = {
    ast.BitAnd: ("&", operator.and_),
    ast.BitOr: ("|", operator.or_),
    ast.BitXor: ("^", operator.xor),
    ast.LShift: ("<<", operator.lshift),
    ast.RShift: (">>", operator.rshift),
    ast.Add: ("+", operator.add),
    ast.Sub: ("-", operator.sub),
    ast.Mult: ("*", operator.mul),
}


def binary(word: Word, op: ast.operator, left: Value, right: Value) -> Value:
    """Make an arithmetic or bit operation."""
    sign, compute = BINARY[type(op)]
    if isinstance(left.const, int) and isinstance(right.const, int):
        return constant(compute(left.const, right.const))
    text = f"({left.text} {sign} {right.text})"
    shift = right.const if isinstance(right.const, int) and right.const >= 0 else None
    match sign:
        case "&":
            return _and(word, left, right, text)
        case "|" | "^":
            if left.const == 0 or right.const == 0:
                return right if left.const == 0 else left
            edit = _edited(left, right) if sign == "|" else None
            return Value(text, None, union(left, right), edit=edit)
        case ">>" if shift is not None:
            return Value(text, None, None if left.most is None else left.most >> shift)
        case "<<" if shift is not None:
            return Value(text, None, None if left.most is None else left.most << shift)
        case "+" | "*" if left.most is not None and right.most is not None:
            return Value(text, None, (1 << compute(left.most, right.most).bit_length()) - 1)
    return Value(text)


def _edited(left: Value, right: Value) -> tuple[int, int, int] | None:
    """How `left | right` edits a slot, if one of them is a constant."""
    if isinstance(left.const, int):
        left, right = right, left
    if left.edit is None or not isinstance(right.const, int):
        return None
    slot, keep, put = left.edit
    return slot, keep, put | right.const


def _and(word: Word, left: Value, right: Value, text: str) -> Value:
    if isinstance(left.const, int):
        left, right = right, left
    most = left.most if right.most is None else right.most
    if left.most is not None and right.most is not None:
        most = left.most & right.most
    if most == 0:
        return constant(0)
    if not isinstance(right.const, int):
        return Value(text, None, most)
    if left.most is not None and left.most & ~right.const == 0:
        return left
    edit = None
    if left.edit is not None:
        slot, keep, put = left.edit
        edit = slot, keep & right.const, put & right.const
    mask = word.nonzero(left.slot, right.const) if left.slot is not None else None
    if mask is None:
        return Value(text, None, most, edit=edit)
    if mask == 0:
        return Value(text, None, most, edit=edit, test="False")
    if mask & (mask - 1) == 0:
        return Value(text, None, most, edit=edit, match=(mask, mask))
    return Value(text, None, most, edit=edit, nonzero=mask)
