# SPDX-License-Identifier: Apache-2.0
"""Compile expressions of the dialect to text over the packed word `w`.

An expression may need lines before it (a call that is inlined). Then what was computed before
those lines is kept in a variable, and `and`, `or` and conditional expressions become if
statements, so that the order of evaluation stays Python's.
"""

from __future__ import annotations

import ast
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence

from xsavvy.checker.error import EngineError
from xsavvy.checker.line import Line
from xsavvy.checker.reader import CONSTANTS, INTEGER, RECORD
from xsavvy.checker.setting import Env, Frame, Setting
from xsavvy.checker.source import as_constant
from xsavvy.checker.value import (
    Value,
    binary,
    comparison,
    constant,
    joined,
    negation,
    short,
    slot_value,
    union,
)


class Expressions(ABC):
    """The expression half of `Inliner`."""

    def __init__(self, setting: Setting, known: Mapping[int, int]) -> None:
        self.setting = setting
        self.known_slots = known
        self.lines: list[Line] = []
        self.depth = 0
        self.env: Env = {}
        self.initial: set[int] = set()
        self.frames: list[Frame] = []

    @abstractmethod
    def call(self, node: ast.Call) -> Value:
        """Inline a call."""

    # slots

    def before(self, slot: int) -> Value:
        """Value of a slot in the state that the rule started from."""
        word = self.setting.word
        if slot in word.fixed:
            return constant(word.fixed[slot])
        if slot in self.known_slots:
            return constant(self.known_slots[slot])
        return slot_value(word, slot)

    def field(self, slot: int) -> Value:
        """Value of a slot now: its variable if the rule has written it, else from `w`."""
        return self.env.get(f"f{slot}") or self.before(slot)

    # lines

    def emit(self, text: str, target: str | None = None) -> None:
        """Write a line."""
        self.lines.append(Line(self.depth, text, target))

    def assign(self, name: str, value: Value) -> None:
        """Write an assignment, and remember what is known about the variable."""
        self.emit(f"{name} = {value.text}", name)
        self.env[name] = value.named(name)

    def fresh(self) -> str:
        """Name a new variable."""
        return f"t{next(self.setting.numbers)}"

    def spill(self, at: int, value: Value) -> Value:
        """Keep a value that lines written since position `at` could change."""
        if value.const is not None or value.slot is not None or len(self.lines) == at:
            return value  # neither constants nor `w` change
        name = self.fresh()
        self.lines.insert(at, Line(self.depth, f"{name} = {value.text}", name))
        return value.named(name)

    def captured(self, node: ast.expr) -> tuple[Value, list[Line]]:
        """Compile an expression one level deeper; hand back the lines it needs before it."""
        saved, self.lines = self.lines, []
        self.depth += 1
        value = self.value(node)
        self.depth -= 1
        lines, self.lines = self.lines, saved
        return value, lines

    def merge(self, envs: Sequence[Env]) -> Env:
        """Join what is known at the ends of several branches."""
        if len(envs) == 1:
            return envs[0]
        names = dict.fromkeys(name for env in envs for name in env)
        return {name: self.join(name, [env.get(name) for env in envs]) for name in names}

    def join(self, name: str, values: Sequence[Value | None]) -> Value:
        """Join one variable; a slot that a branch has not written has its first value there."""
        known: list[Value] = []
        for value in values:
            if value is not None:
                known.append(value)
            elif name[0] == "f" and name[1:].isdigit():
                self.initial.add(int(name[1:]))
                known.append(self.before(int(name[1:])))
            else:
                return Value(name)
        return joined(name, known)

    # expressions

    def value(self, node: ast.expr) -> Value:
        """Compile an expression."""
        match node:
            case ast.Constant():
                assert isinstance(node.value, int)
                return constant(node.value)
            case ast.Name():
                return self.name(node)
            case ast.Attribute():
                return self.attribute(node)
            case ast.Subscript(value=ast.Attribute() as array):
                return self.subscript(array.attr, node.slice)
            case ast.BinOp():
                left, right = self.operands([node.left, node.right])
                return binary(self.setting.word, node.op, left, right)
            case ast.UnaryOp():
                return self.unary(node)
            case ast.BoolOp():
                return self.short(node)
            case ast.Compare():
                return self.compare(node)
            case ast.IfExp():
                return self.choice(node)
            case ast.Call():
                return self.call(node)
        raise EngineError(f"cannot compile {ast.dump(node)}")

    def operands(self, nodes: Sequence[ast.expr]) -> list[Value]:
        """Compile several expressions that are evaluated one after another."""
        values: list[Value] = []
        for node in nodes:
            at = len(self.lines)
            value = self.value(node)
            for i, old in enumerate(values):
                grown = len(self.lines)
                values[i] = self.spill(at, old)
                at += len(self.lines) - grown
            values.append(value)
        return values

    def name(self, node: ast.Name) -> Value:
        """Compile a name: a parameter, a variable, or a constant from outside."""
        frame = self.frames[-1]
        if node.id in frame.bound:
            return frame.bound[node.id]
        local = f"{node.id}_{frame.number}"
        if local in self.env:
            return self.env[local]
        if node.id in frame.source.stored:
            return Value(local)
        return self.outside(node)

    def outside(self, node: ast.expr) -> Value:
        """Fold a constant of the module."""
        value = as_constant(self.frames[-1].source.look_up(node))
        assert isinstance(value, int)
        return constant(value)

    def attribute(self, node: ast.Attribute) -> Value:
        """Compile `s.field` or `k.name`, or fold a constant of a module or enum."""
        if isinstance(node.value, ast.Name):
            role = self.frames[-1].roles.get(node.value.id, INTEGER)
            if role == CONSTANTS:
                value = self.setting.constants[node.attr]
                if isinstance(value, int):
                    return constant(value)
                raise self.frames[-1].source.error(
                    node, f"{ast.unparse(node)} is a tuple; it can only be looped over"
                )
            if role == RECORD:
                if node.attr in self.setting.contexts:
                    return self.context(node.attr)
                return self.field(self.setting.spans[node.attr][0])
        return self.outside(node)

    def context(self, name: str) -> Value:
        """Fold the context bits if the location is known, else look them up."""
        slot, bits = self.setting.contexts[name]
        here = self.before(slot)
        if isinstance(here.const, int):
            return constant(bits[here.const])
        most = 0
        for item in bits:
            most |= item
        return Value(f"C{slot}[{here.text}]", None, most)

    def subscript(self, name: str, node: ast.expr) -> Value:
        """Compile `s.array[i]`."""
        start, length = self.setting.spans[name]
        assert length is not None
        index = self.value(node)
        if isinstance(index.const, int) and -length <= index.const < length:
            return self.field(start + index.const % length)
        items = [self.field(slot) for slot in range(start, start + length)]
        most, kind = joined("", items).most, items[0].kind
        kind = kind if all(item.kind == kind for item in items) else None
        inside = index.most is not None and index.most < length
        if inside and items[0].const is not None and len({item.const for item in items}) == 1:
            return items[0]
        if length == 2 and index.most == 1:
            text = f"({items[1].text} if {index.truth} else {items[0].text})"
        else:
            text = f"({', '.join(item.text for item in items)},)[{index.text}]"
        return Value(text, None, most, kind)

    def unary(self, node: ast.UnaryOp) -> Value:
        """Compile `not`, `~` or `-`."""
        value = self.value(node.operand)
        if isinstance(node.op, ast.Not):
            return negation(value)
        if isinstance(node.op, ast.Invert):
            if isinstance(value.const, int):
                return constant(~value.const)
            return Value(f"(~{value.text})")
        if isinstance(value.const, int):
            return constant(-value.const)
        return Value(f"(-{value.text})")

    def short(self, node: ast.BoolOp) -> Value:
        """Compile `and`, `or`; an operand that needs lines of its own gets an if."""
        conjunction = isinstance(node.op, ast.And)
        result = self.value(node.values[0])
        for operand in node.values[1:]:
            if result.const is not None:
                if bool(result.const) != conjunction:
                    return result
                result = self.value(operand)
                continue
            before = dict(self.env)
            value, lines = self.captured(operand)
            if lines:
                result = self.lowered(result, value, lines, before, conjunction)
            else:
                result = short(result, value, conjunction)
        return result

    def lowered(
        self, result: Value, value: Value, lines: list[Line], before: Env, conjunction: bool
    ) -> Value:
        """Write `and` or `or` as an if around the lines that the second operand needs."""
        name = self.fresh()
        self.emit(f"{name} = {result.text}", name)
        self.emit(f"if {name}:" if conjunction else f"if not {name}:")
        self.lines += lines
        self.lines.append(Line(self.depth + 1, f"{name} = {value.text}", name))
        self.env = self.merge([self.env, before])
        return Value(name, None, union(result, value))

    def choice(self, node: ast.IfExp) -> Value:
        """Compile a conditional expression, likewise."""
        test = self.value(node.test)
        if test.sure is not None:
            return self.value(node.body if test.sure else node.orelse)
        before = dict(self.env)
        yes, yes_lines = self.captured(node.body)
        after, self.env = self.env, dict(before)
        no, no_lines = self.captured(node.orelse)
        other, self.env = self.env, before
        kind = yes.kind if yes.kind == no.kind else None
        if not yes_lines and not no_lines:
            text = f"({yes.text} if {test.truth} else {no.text})"
            return Value(text, None, union(yes, no), kind)
        name = self.fresh()
        head = f"if {test.truth}:"
        for lines, value in ((yes_lines, yes), (no_lines, no)):
            self.emit(head)
            self.lines += lines
            self.lines.append(Line(self.depth + 1, f"{name} = {value.text}", name))
            head = "else:"
        self.env = self.merge([after, other])
        return Value(name, None, union(yes, no), kind)

    def compare(self, node: ast.Compare) -> Value:
        """Compile a comparison, or a chain of them."""
        values = self.operands([node.left, *node.comparators])
        word = self.setting.word
        result = comparison(word, node.ops[0], values[0], values[1])
        for op, left, right in zip(node.ops[1:], values[1:-1], values[2:], strict=True):
            part = comparison(word, op, left, right)
            if result.const is None:
                result = short(result, part, conjunction=True)
            elif result.const:
                result = part
        return result
