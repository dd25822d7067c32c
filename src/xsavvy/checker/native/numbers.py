# SPDX-License-Identifier: Apache-2.0
"""Python's integer operators in 64 bits; what does not fit raises the flag.

The flag is a word behind the state's words. It is set when a value leaves 64 bits, when a shift
is by a negative or too large amount, when an index is out of range or a value illegal. The
search then stops, and the reference functions are run on that state to say what is wrong.
"""

from __future__ import annotations

import ast

from xsavvy.checker.field import Choice, Kind, Mask
from xsavvy.checker.native.layout import Spot, Unfit
from xsavvy.checker.native.text import Number, Test, Text
from xsavvy.checker.value import BINARY, COMPARE

PLAIN: dict[type[ast.operator], str] = {ast.BitAnd: "and", ast.BitOr: "or", ast.BitXor: "xor"}
CHECKED: dict[type[ast.operator], str] = {ast.Add: "sadd", ast.Sub: "ssub", ast.Mult: "smul"}
ORDER: dict[type[ast.cmpop], str] = {
    ast.Eq: "eq",
    ast.NotEq: "ne",
    ast.Lt: "slt",
    ast.LtE: "sle",
    ast.Gt: "sgt",
    ast.GtE: "sge",
}
DECLARED = "".join(
    f"declare {{i64, i1}} @llvm.{name}.with.overflow.i64(i64, i64)\n" for name in CHECKED.values()
)


class Numbers:
    """Writes arithmetic into a text; `flag` is the address of the flag."""

    def __init__(self, text: Text, words: int) -> None:
        self.text = text
        self.words = words

    def refuse_if(self, test: Test) -> None:
        """Set the flag when a test is true."""
        if test is False:
            return
        wrong, right = self.text.name("wrong"), self.text.name("right")
        self.text.branch(test, wrong, right)
        self.text.label(wrong)
        self.text.set_word("%s", self.words, 1)
        self.text.label(right)

    def operate(self, op: ast.operator, left: Number, right: Number) -> Number:
        """Write an operator of the dialect."""
        if isinstance(left, int) and isinstance(right, int):
            return _fitting(BINARY[type(op)][1](left, right))
        if type(op) in PLAIN:
            return self.text.both(PLAIN[type(op)], left, right)
        if type(op) in CHECKED:
            return self._checked(CHECKED[type(op)], left, right)
        return self._shift(left, right, up=isinstance(op, ast.LShift))

    def _checked(self, name: str, left: Number, right: Number) -> Number:
        made = self.text.value(
            f"call {{i64, i1}} @llvm.{name}.with.overflow.i64(i64 {left}, i64 {right})"
        )
        self.refuse_if(self.text.value(f"extractvalue {{i64, i1}} {made}, 1"))
        return self.text.value(f"extractvalue {{i64, i1}} {made}, 0")

    def _shift(self, left: Number, right: Number, *, up: bool) -> Number:
        if isinstance(right, int):
            if not 0 <= right < 63:
                self.refuse_if(True)
                return 0
            amount: Number = right
        else:
            self.refuse_if(self.text.compare("ugt", right, 62))
            amount = self.text.both("and", right, 63)
        if not up:
            return self.text.both("ashr", left, amount)
        made = self.text.both("shl", left, amount)
        back = self.text.both("ashr", made, amount)
        self.refuse_if(self.text.compare("ne", back, left))
        return made

    def compare(self, op: ast.cmpop, left: Number, right: Number) -> Test:
        """Write a comparison."""
        if isinstance(left, int) and isinstance(right, int):
            return COMPARE[type(op)][1](left, right)
        return self.text.compare(ORDER[type(op)], left, right)

    def true(self, value: Number) -> Test:
        """Test whether a number is not 0."""
        return value != 0 if isinstance(value, int) else self.text.compare("ne", value, 0)

    # slots

    def read(self, spot: Spot) -> Number:
        """Read a slot of the state."""
        kind = spot.kind
        if kind.top == kind.default:  # the only legal value
            return kind.default
        word = self.text.word("%s", spot.word)
        if isinstance(kind, Mask):
            return self._gather(word, spot)
        low = self.text.both("lshr", word, spot.shift) if spot.shift else word
        return self.text.both("and", low, (1 << spot.bits) - 1)

    def _gather(self, word: str, spot: Spot) -> Number:
        assert isinstance(spot.kind, Mask)
        found: Number = spot.kind.always
        for run in spot.runs:
            moved: Number = word
            if run.at > run.low:
                moved = self.text.both("lshr", word, run.at - run.low)
            elif run.at < run.low:
                moved = self.text.both("shl", word, run.low - run.at)
            part = self.text.both("and", moved, run.bits)
            found = part if found == 0 else self.text.both("or", found, part)
        return found

    def write(self, spot: Spot, value: Number) -> None:
        """Write a slot of the state."""
        if isinstance(value, int):
            if not spot.kind.legal(value):
                self.refuse_if(True)
                return
            bits: Number = spot.pack(value)
        else:
            self.refuse_if(self.illegal(spot.kind, value))
            bits = self._scatter(spot, value)
        word = self.text.word("%s", spot.word)
        kept = self.text.both("and", word, ~spot.mask)
        self.text.set_word("%s", spot.word, self.text.both("or", kept, bits))

    def _scatter(self, spot: Spot, value: str) -> Number:
        if not isinstance(spot.kind, Mask):
            inside = self.text.both("and", value, (1 << spot.bits) - 1)
            return self.text.both("shl", inside, spot.shift) if spot.shift else inside
        bits: Number = 0
        for run in spot.runs:
            part = self.text.both("and", value, run.bits)
            if run.at > run.low:
                part = self.text.both("shl", part, run.at - run.low)
            elif run.at < run.low:
                part = self.text.both("lshr", part, run.low - run.at)
            bits = part if bits == 0 else self.text.both("or", bits, part)
        return bits

    def illegal(self, kind: Kind, value: str) -> Test:
        """Test whether a field of a kind must not hold a value."""
        if isinstance(kind, Mask):
            rest = self.text.both("and", value, ~kind.free)
            return self.text.compare("ne", rest, kind.always)
        if isinstance(kind, Choice) and not kind.dense:
            return self._not_one_of(kind, value)
        return self.text.compare("ugt", value, kind.top)

    def _not_one_of(self, kind: Choice, value: str) -> Test:
        wrong = "true"
        for each in kind.values:
            other = self.text.compare("ne", value, each)
            wrong = self.text.value(f"and i1 {wrong}, {other}")
        return wrong


def _fitting(value: int) -> int:
    if not -(1 << 63) <= value < 1 << 63:
        raise Unfit(f"the constant {value} takes more than 64 bits")
    return value
