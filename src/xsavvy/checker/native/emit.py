# SPDX-License-Identifier: Apache-2.0
"""Write the expressions of a step function in LLVM's language.

A function receives the address of the state's words `%s` (the flag lies behind them), that of
its constants `%k`, and its other arguments as numbers. Reading a field is a load, a shift and
a mask; LLVM keeps in registers what the source reads again and again.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import FunctionType

from xsavvy.checker.error import EngineError
from xsavvy.checker.native.layout import Layout
from xsavvy.checker.native.numbers import Numbers
from xsavvy.checker.native.text import Number, Test, Text
from xsavvy.checker.reader import CONSTANTS, INTEGER, RECORD
from xsavvy.checker.source import Constant, Source, as_constant

Roles = tuple[str, ...]


@dataclass(frozen=True)
class Surroundings:
    """What the functions of one module share.

    `places` numbers the run-time constants in `%k`; `tables` numbers, behind them, the
    addresses of the context bits by location; `known` are constants that are folded. In code for
    one system only, everything is known, and `arrays` names an array for each context field.
    """

    layout: Layout
    places: Mapping[str, int]
    tables: Mapping[str, int]
    known: Mapping[str, Constant]
    arrays: Mapping[str, str] = field(default_factory=dict)


class Expressions:
    """The expressions of one function; `needed` collects the functions that it calls."""

    def __init__(self, around: Surroundings, src: Source, roles: Roles) -> None:
        self.around = around
        self.src = src
        self.roles = dict(zip(src.parameters, roles, strict=True))
        self.text = Text()
        self.numbers = Numbers(self.text, around.layout.words)
        self.needed: dict[tuple[FunctionType, Roles], None] = {}

    # numbers

    def value(self, node: ast.expr) -> Number:
        """Write an expression."""
        match node:
            case ast.Constant():
                assert isinstance(node.value, int)
                return int(node.value)
            case ast.Name():
                return self.name(node)
            case ast.Attribute():
                return self.attribute(node)
            case ast.Subscript(value=ast.Attribute() as array):
                return self.element(array.attr, self.value(node.slice))
            case ast.BinOp():
                left = self.value(node.left)
                return self.numbers.operate(node.op, left, self.value(node.right))
            case ast.UnaryOp(op=ast.Invert()):
                inner = self.value(node.operand)
                return ~inner if isinstance(inner, int) else self.text.both("xor", inner, -1)
            case ast.UnaryOp(op=ast.USub()):
                return self.numbers.operate(ast.Sub(), 0, self.value(node.operand))
            case ast.UnaryOp() | ast.Compare():
                return self.text.widen(self.test(node))
            case ast.BoolOp():
                return self.first(node)
            case ast.IfExp():
                return self.either(node)
            case ast.Call():
                return self.call(node)
        raise EngineError(f"cannot compile {ast.dump(node)}")

    def name(self, node: ast.Name) -> Number:
        """Read a variable, or fold a constant of the module."""
        if node.id in self.src.stored or node.id in self.roles:
            return self.text.kept(node.id)
        return self.outside(node)

    def outside(self, node: ast.expr) -> int:
        """Fold a constant of a module or enum."""
        value = as_constant(self.src.look_up(node))
        assert isinstance(value, int)
        return value

    def attribute(self, node: ast.Attribute) -> Number:
        """Read `s.field` or `k.name`."""
        role = self.roles.get(node.value.id) if isinstance(node.value, ast.Name) else None
        if role == CONSTANTS:
            return self.constant(node)
        if role == RECORD:
            if node.attr in self.around.layout.shape.contexts:
                return self.context(node.attr)
            start, _ = self.around.layout.spans[node.attr]
            return self.numbers.read(self.around.layout.spots[start])
        return self.outside(node)

    def constant(self, node: ast.Attribute) -> Number:
        """Read a run-time constant, or fold it if it is known."""
        known = self.around.known.get(node.attr)
        if isinstance(known, int):
            return known
        if node.attr not in self.around.places:
            raise self.src.error(
                node, f"{ast.unparse(node)} is a tuple; it can only be looped over"
            )
        return self.text.word("%k", self.around.places[node.attr])

    def context(self, name: str) -> Number:
        """Look the context bits up by location."""
        slot, _ = self.around.layout.shape.contexts[name]
        here = self.numbers.read(self.around.layout.spots[slot])
        if name in self.around.arrays:
            return self.text.value(f"load i64, ptr {self.text.at(self.around.arrays[name], here)}")
        table = self.text.word("%k", self.around.tables[name])
        base = self.text.value(f"inttoptr i64 {table} to ptr")
        return self.text.value(f"load i64, ptr {self.text.at(base, here)}, !invariant.load !0")

    # elements

    def index(self, index: Number, length: int) -> Number:
        """Bring an index into range as Python does; the flag is raised outside of it."""
        if isinstance(index, int):
            if not -length <= index < length:
                self.numbers.refuse_if(True)
                return 0
            return index % length
        below = self.text.compare("slt", index, 0)
        added = self.text.both("add", index, length)
        found = self.text.value(f"select i1 {below}, i64 {added}, i64 {index}")
        self.numbers.refuse_if(self.text.compare("uge", found, length))
        return found

    def element(self, name: str, index: Number) -> Number:
        """Read an element of a list field."""
        start, length = self.around.layout.spans[name]
        assert length is not None
        spots = self.around.layout.spots[start : start + length]
        at = self.index(index, length)
        if isinstance(at, int):
            return self.numbers.read(spots[at])
        found: Number = self.numbers.read(spots[0])
        for i, spot in enumerate(spots[1:], 1):
            other = self.numbers.read(spot)
            if other != found:
                test = self.text.compare("eq", at, i)
                found = self.text.value(f"select i1 {test}, i64 {other}, i64 {found}")
        return found

    def set_element(self, name: str, index: Number, value: Number) -> None:
        """Write an element of a list field."""
        start, length = self.around.layout.spans[name]
        assert length is not None
        spots = self.around.layout.spots[start : start + length]
        at = self.index(index, length)
        if isinstance(at, int):
            self.numbers.write(spots[at], value)
            return
        if isinstance(value, str):
            self.numbers.refuse_if(self.numbers.illegal(spots[0].kind, value))
        for i, spot in enumerate(spots):
            test = self.text.compare("eq", at, i)
            old = self.numbers.read(spot)
            new = self.text.value(f"select i1 {test}, i64 {value}, i64 {old}")
            self.numbers.write(spot, new)

    # calls

    def call(self, node: ast.Call) -> Number:
        """Call a function; the record and the constants are handed through."""
        called = self.src.look_up(node.func)
        assert isinstance(called, FunctionType)
        roles: list[str] = []
        values: list[Number] = []
        for arg in node.args:
            role = self.roles.get(arg.id, INTEGER) if isinstance(arg, ast.Name) else INTEGER
            roles.append(role)
            if role == INTEGER:
                values.append(self.value(arg))
        key = (called, tuple(roles))
        self.needed[key] = None
        shown = "".join(f", i64 {value}" for value in values)
        return self.text.value(f"call i64 @{function_name(*key)}(ptr %s, ptr %k{shown})")

    # tests

    def test(self, node: ast.expr) -> Test:
        """Write a test."""
        match node:
            case ast.UnaryOp(op=ast.Not()):
                inner = self.test(node.operand)
                if isinstance(inner, bool):
                    return not inner
                return self.text.value(f"xor i1 {inner}, true")
            case ast.Compare():
                return self.compare(node)
            case ast.BoolOp():
                return self.short(node)
        return self.numbers.true(self.value(node))

    def compare(self, node: ast.Compare) -> Test:
        """Write a comparison, or a chain of them."""
        left = self.value(node.left)
        result: Test = True
        for op, after in zip(node.ops, node.comparators, strict=True):
            right = self.value(after)
            part = self.numbers.compare(op, left, right)
            result = self.conjunction(result, part)
            left = right
        return result

    def conjunction(self, left: Test, right: Test) -> Test:
        """Join two tests that both were written."""
        if isinstance(left, bool):
            return right if left else False
        if isinstance(right, bool):
            return left if right else False
        return self.text.value(f"and i1 {left}, {right}")

    def short(self, node: ast.BoolOp) -> Test:
        """Write `and` or `or` as a test; what follows is only evaluated when it matters."""
        decided = isinstance(node.op, ast.Or)
        kept, end = self.text.name("b"), self.text.name("end")
        result = self.test(node.values[0])
        branched = False
        for operand in node.values[1:]:
            if result is decided:
                break
            if isinstance(result, str):
                branched = True
                more = self.text.name("more")
                self.text.keep(kept, self.text.widen(result))
                self.text.branch(result, *((end, more) if decided else (more, end)))
                self.text.label(more)
            result = self.test(operand)
        if not branched:
            return result
        self.text.keep(kept, self.text.widen(result))
        self.text.label(end)
        return self.numbers.true(self.text.kept(kept))

    def first(self, node: ast.BoolOp) -> Number:
        """Write `and` or `or` as the value of the operand that decides."""
        kept, end = self.text.name("b"), self.text.name("end")
        for operand in node.values[:-1]:
            value = self.value(operand)
            self.text.keep(kept, value)
            more = self.text.name("more")
            ways = (end, more) if isinstance(node.op, ast.Or) else (more, end)
            self.text.branch(self.numbers.true(value), *ways)
            self.text.label(more)
        self.text.keep(kept, self.value(node.values[-1]))
        self.text.label(end)
        return self.text.kept(kept)

    def either(self, node: ast.IfExp) -> Number:
        """Write a conditional expression."""
        test = self.test(node.test)
        if isinstance(test, bool):
            return self.value(node.body if test else node.orelse)
        kept, yes, no, end = (self.text.name(hint) for hint in ("c", "yes", "no", "end"))
        self.text.branch(test, yes, no)
        self.text.label(yes)
        self.text.keep(kept, self.value(node.body))
        self.text.jump(end)
        self.text.label(no)
        self.text.keep(kept, self.value(node.orelse))
        self.text.label(end)
        return self.text.kept(kept)


def function_name(function: FunctionType, roles: Sequence[str]) -> str:
    """Name a function inside its module."""
    letters = "".join(role[0] for role in roles)
    return f'"{function.__module__}.{function.__qualname__}.{letters}.{id(function):x}"'
