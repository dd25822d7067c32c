# SPDX-License-Identifier: Apache-2.0
"""Turn functions of the dialect into straight packed-integer Python.

An `Inliner` follows a function from statement to statement, as a processor would, with
constants folded and calls inlined, and writes lines of code. What is known about a variable
travels along, and is merged where branches meet. Fields are read from the word `w`; a field
that is written lives in a local variable until the rule ends.

Early return: the body of such a function stands in `while True:`, a return sets the result
and breaks. Python compiles that to plain jumps.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Mapping, Sequence
from types import FunctionType

from xsavvy.checker.error import EngineError
from xsavvy.checker.expression import Expressions
from xsavvy.checker.reader import CONSTANTS, RECORD
from xsavvy.checker.setting import Env, Frame, Setting
from xsavvy.checker.source import Constant, Source, as_constant, source
from xsavvy.checker.value import NONE, Value, constant, joined


class Inliner(Expressions):
    """Writes the code of one function with everything it calls."""

    def __init__(self, setting: Setting, known: Mapping[int, int] | None = None) -> None:
        super().__init__(setting, known or {})
        self.written: dict[int, None] = {}

    def run(self, function: FunctionType, values: Sequence[int] = ()) -> Value:
        """Inline a step function or a guard, with its chosen values; hand back its result."""
        src = source(function)
        names = src.parameters
        roles = {names[0]: RECORD, names[1]: CONSTANTS}
        bound = dict(zip(names[2:], map(constant, values), strict=True))
        return self.inline(src, roles, bound)

    # functions

    def call(self, node: ast.Call) -> Value:
        """Inline a call; the record and the constants are handed through."""
        frame = self.frames[-1]
        called = frame.source.look_up(node.func)
        assert isinstance(called, FunctionType)
        inner = source(called)
        roles: dict[str, str] = {}
        nodes: dict[str, ast.expr] = {}
        for name, arg in zip(inner.parameters, node.args, strict=True):
            if isinstance(arg, ast.Name) and arg.id in frame.roles:
                roles[name] = frame.roles[arg.id]
            else:
                nodes[name] = arg
        values = dict(zip(nodes, self.operands(list(nodes.values())), strict=True))
        for name, value in values.items():
            values[name] = self.argument(inner, name, value, RECORD in roles.values())
        return self.inline(inner, roles, values)

    def argument(self, inner: Source, name: str, value: Value, may_write: bool) -> Value:
        """Keep an argument in a variable if it is used often, or what it reads may change."""
        if value.const is not None or value.slot is not None:
            return value
        simple = value.text.isidentifier() or inner.uses.get(name, 0) <= 1
        if simple and not may_write:
            return value
        kept = self.fresh()
        self.emit(f"{kept} = {value.text}", kept)
        return value.named(kept)

    def inline(self, src: Source, roles: Mapping[str, str], values: Mapping[str, Value]) -> Value:
        """Inline one function; the result is NONE when it returns nothing."""
        frame = Frame(src, next(self.setting.numbers), roles)
        for name, value in values.items():
            if name in src.stored:
                self.assign(f"{name}_{frame.number}", value)
            else:
                frame.bound[name] = value
        self.frames.append(frame)
        if src.returns_early:
            result = self.looped(frame)
        else:
            result = self.straight(src.statements)
        self.frames.pop()
        return result

    def straight(self, statements: Sequence[ast.stmt]) -> Value:
        """Inline a body whose only return is its end."""
        last = statements[-1] if statements else None
        if isinstance(last, ast.Return):
            self.block(statements[:-1])
            return self.returned(last)
        self.block(statements)
        return NONE

    def looped(self, frame: Frame) -> Value:
        """Inline a body that returns early."""
        self.emit("while True:")
        self.depth += 1
        if self.block(frame.source.statements):
            self.leave(frame, NONE)
        self.depth -= 1
        self.env = self.merge(frame.exits)
        return self.env.pop(frame.result)

    def returned(self, node: ast.Return) -> Value:
        """Compile what a return statement gives."""
        none = node.value is None or (
            isinstance(node.value, ast.Constant) and node.value.value is None
        )
        return NONE if none or node.value is None else self.value(node.value)

    def leave(self, frame: Frame, value: Value) -> None:
        """Write an early return."""
        self.emit(f"{frame.result} = {value.text}", frame.result)
        self.emit("break")
        kept = value if value is NONE else value.named(frame.result)
        frame.exits.append({**self.env, frame.result: kept})

    # statements: each returns whether control can go on after it

    def block(self, statements: Iterable[ast.stmt]) -> bool:
        """Compile statements, up to one that never goes on."""
        return all(self.statement(statement) for statement in statements)

    def statement(self, node: ast.stmt) -> bool:
        """Compile a statement."""
        match node:
            case ast.Pass():
                return True
            case ast.Expr(value=ast.Call() as call):
                self.call(call)
                return True
            case ast.Return():
                self.leave(self.frames[-1], self.returned(node))
                return False
            case ast.Assign(targets=[target]):
                self.store(target, self.value(node.value))
                return True
            case ast.AugAssign():
                both = ast.BinOp(_loaded(node.target), node.op, node.value)
                self.store(node.target, self.value(both))
                return True
            case ast.If():
                return self.branch(node)
            case ast.For():
                return self.loop(node)
        raise EngineError(f"cannot compile {ast.dump(node)}")

    def branch(self, node: ast.If) -> bool:
        """Compile an if statement; one whose test is sure disappears."""
        test = self.value(node.test)
        if test.sure is not None:
            return self.block(node.body if test.sure else node.orelse)
        self.emit(f"if {test.truth}:")
        before = dict(self.env)
        ends: list[Env] = []
        self.inside(node.body, ends)
        self.env = before
        if node.orelse:
            self.emit("else:")
        self.inside(node.orelse, ends)
        if not ends:
            return False
        self.env = self.merge(ends)
        return True

    def inside(self, statements: Sequence[ast.stmt], ends: list[Env]) -> None:
        """Compile one branch, one level deeper."""
        self.depth += 1
        if self.block(statements):
            ends.append(self.env)
        self.depth -= 1

    def loop(self, node: ast.For) -> bool:
        """Unroll a loop."""
        assert isinstance(node.target, ast.Name)
        for item in self.items(node.iter):
            self.store(node.target, constant(item))
            if not self.block(node.body):
                return False
        return True

    def items(self, node: ast.expr) -> Sequence[int]:
        """Find the values that a loop runs over."""
        if isinstance(node, ast.Tuple):
            return [self.number(item) for item in node.elts]
        if isinstance(node, ast.Call):
            return range(*(self.number(item) for item in node.args))
        frame = self.frames[-1]
        value: Constant | None
        if (
            isinstance(node, ast.Attribute)
            and isinstance(node.value, ast.Name)
            and frame.roles.get(node.value.id) == CONSTANTS
        ):
            value = self.setting.constants[node.attr]
        else:
            value = as_constant(frame.source.look_up(node))
        if not isinstance(value, tuple):
            raise frame.source.error(node, f"{ast.unparse(node)} is not a tuple")
        return value

    def number(self, node: ast.expr) -> int:
        """Fold an expression that must be constant."""
        value = self.value(node).const
        if not isinstance(value, int):
            raise self.frames[-1].source.error(node, f"{ast.unparse(node)} is not constant")
        return value

    # what is written

    def store(self, target: ast.expr, value: Value) -> None:
        """Compile an assignment."""
        match target:
            case ast.Name():
                self.assign(f"{target.id}_{self.frames[-1].number}", value)
            case ast.Attribute():
                self.write(self.setting.spans[target.attr][0], value)
            case ast.Subscript(value=ast.Attribute() as array):
                self.element(array.attr, target.slice, value)

    def write(self, slot: int, value: Value) -> None:
        """Remember that a slot is written, and write it."""
        self.written[slot] = None
        self.assign(f"f{slot}", value)

    def element(self, name: str, node: ast.expr, value: Value) -> None:
        """Write an element of a list field; every element is written if the index is unknown."""
        at = len(self.lines)
        index = self.value(node)
        value = self.spill(at, value)
        start, length = self.setting.spans[name]
        assert length is not None
        if isinstance(index.const, int) and -length <= index.const < length:
            self.write(start + index.const % length, value)
            return
        if index.most is not None and index.most < length:
            self.one_of(start, index, value)
            return
        slots = range(start, start + length)
        old = [self.field(slot) for slot in slots]
        whole = self.fresh()
        self.emit(f"{whole} = [{', '.join(item.text for item in old)}]")
        self.emit(f"{whole}[{index.text}] = {value.text}")
        self.emit(f"{', '.join(f'f{slot}' for slot in slots)}, = {whole}")
        for slot, item in zip(slots, old, strict=True):
            self.written[slot] = None
            both = joined(f"f{slot}", [item, value])
            self.env[f"f{slot}"] = Value(f"f{slot}", None, both.most, both.kind)

    def one_of(self, start: int, index: Value, value: Value) -> None:
        """Write one of the few elements that an index can mean."""
        assert index.most is not None
        possible = [i for i in range(index.most + 1) if i & ~index.most == 0]
        if len(possible) == 1:
            self.write(start, value)
            return
        before = dict(self.env)
        ends: list[Env] = []
        for i in possible:
            self.env = dict(before)
            last = i == possible[-1]
            self.emit("else:" if last else f"{'if' if i == 0 else 'elif'} {index.text} == {i}:")
            self.depth += 1
            self.write(start + i, value)
            self.depth -= 1
            ends.append(self.env)
        self.env = self.merge(ends)


def _loaded(node: ast.expr) -> ast.expr:
    """The target of an augmented assignment, as an expression."""
    match node:
        case ast.Name():
            return ast.copy_location(ast.Name(node.id, ast.Load()), node)
        case ast.Attribute():
            return ast.copy_location(ast.Attribute(node.value, node.attr, ast.Load()), node)
        case ast.Subscript():
            return ast.copy_location(ast.Subscript(node.value, node.slice, ast.Load()), node)
    raise EngineError(f"cannot compile {ast.dump(node)}")
