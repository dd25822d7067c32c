# SPDX-License-Identifier: Apache-2.0
"""Turn functions of the dialect into straight packed-integer Python.

An `Inliner` follows one or more functions from statement to statement, as a processor
would, with constants folded and calls inlined, and writes lines of code. What is known about
a variable (its constant value, the only bits that can be set) travels along, and is merged
where branches meet. Fields are read from the word `w`; a field that is written lives in a
local variable until the rule ends.

Early return: the body of an inlined function stands in `while True:`, a return assigns the
result and breaks. Python compiles that to plain jumps.
"""

from __future__ import annotations

import ast
import operator
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import FunctionType
from typing import NamedTuple

from xsavvy.checker.dialect import CONSTANTS, INTEGER, RECORD
from xsavvy.checker.error import EngineError
from xsavvy.checker.field import Kind, Mask
from xsavvy.checker.source import Constant, Source, as_constant, source
from xsavvy.checker.word import Word


class Value(NamedTuple):
    """An expression: its text (safe to use as an operand), and what is known about it.

    `const` is its value if known; `most` the only bits that can be set (it is then not
    negative); `kind` the kind of the field it was copied from; `slot` is set while it is the
    plain value of a slot in `w`; `test` is shorter text with the same truth.
    """

    text: str
    const: Constant | None = None
    most: int | None = None
    kind: Kind | None = None
    slot: int | None = None
    test: str | None = None

    @property
    def truth(self) -> str:
        """Text to test."""
        return self.test or self.text


class Line(NamedTuple):
    """One line of code: its depth, its text, and the variable that it does nothing but set."""

    depth: int
    text: str
    target: str | None = None


def constant(value: int) -> Value:
    """Make the value of a known integer."""
    value = int(value)
    text = str(value) if value >= 0 else f"({value})"
    return Value(text, value, value if value >= 0 else None)


_BINARY: dict[type[ast.operator], tuple[str, Callable[[int, int], int]]] = {
    ast.BitAnd: ("&", operator.and_),
    ast.BitOr: ("|", operator.or_),
    ast.BitXor: ("^", operator.xor),
    ast.LShift: ("<<", operator.lshift),
    ast.RShift: (">>", operator.rshift),
    ast.Add: ("+", operator.add),
    ast.Sub: ("-", operator.sub),
    ast.Mult: ("*", operator.mul),
}
_COMPARE: dict[type[ast.cmpop], tuple[str, Callable[[int, int], bool]]] = {
    ast.Eq: ("==", operator.eq),
    ast.NotEq: ("!=", operator.ne),
    ast.Lt: ("<", operator.lt),
    ast.LtE: ("<=", operator.le),
    ast.Gt: (">", operator.gt),
    ast.GtE: (">=", operator.ge),
}

Env = dict[str, Value]


@dataclass
class Frame:
    """One function being inlined."""

    source: Source
    number: int
    roles: dict[str, str]
    result: str
    looped: bool
    exits: list[Env]
    bound: dict[str, Value]


@dataclass(frozen=True)
class Setting:
    """What all rules of a system share: the layout and the constants."""

    word: Word
    constants: Mapping[str, Constant]
    spans: Mapping[str, tuple[int, int | None]]
    contexts: Mapping[str, tuple[int, tuple[int, ...]]]
    numbers: Iterator[int]


class Inliner:
    """Writes the code of one rule (or of one property)."""

    def __init__(self, setting: Setting, located: Mapping[int, int] | None = None) -> None:
        self.setting = setting
        self.located = dict(located or {})
        self.lines: list[Line] = []
        self.depth = 0
        self.env: Env = {}
        self.initial: set[int] = set()
        self.written: dict[int, None] = {}
        self.frames: list[Frame] = []

    # interface

    def run(self, function: FunctionType, values: Sequence[int] = ()) -> Value:
        """Inline a step function or guard; the result has const None and text "None" for None."""
        src = source(function)
        names = src.parameters
        roles = {names[0]: RECORD, names[1]: CONSTANTS}
        bound = dict(zip(names[2:], map(constant, values), strict=True))
        return self.inline(src, roles, bound)

    def field(self, slot: int) -> Value:
        """Value of a slot now: its variable if the rule has written it, else from `w`."""
        name = f"f{slot}"
        if name in self.env:
            return self.env[name]
        return self.before(slot)

    def before(self, slot: int) -> Value:
        """Value of a slot in the state that the rule started from."""
        word = self.setting.word
        if slot in word.fixed:
            return constant(word.fixed[slot])
        if slot in self.located:
            return constant(self.located[slot])
        kind = word.kinds[slot]
        most = kind.top if isinstance(kind, Mask) else (1 << kind.top.bit_length()) - 1
        return Value(f"@{slot}@", None, most, kind, slot, word.test(slot))

    # writing lines

    def emit(self, text: str, target: str | None = None) -> None:
        self.lines.append(Line(self.depth, text, target))

    def assign(self, name: str, value: Value) -> None:
        self.emit(f"{name} = {value.text}", name)
        self.env[name] = value._replace(text=name, slot=None, test=None) \
            if value.const is None else value

    def fresh(self) -> str:
        return f"t{next(self.setting.numbers)}"

    def captured(self, node: ast.expr) -> tuple[Value, list[Line]]:
        """Compile an expression one level deeper; hand back the lines it needs before it."""
        saved, self.lines = self.lines, []
        self.depth += 1
        value = self.value(node)
        self.depth -= 1
        lines, self.lines = self.lines, saved
        return value, lines

    def spill(self, at: int, value: Value) -> Value:
        """Keep a value that lines written since position `at` could change."""
        if value.const is not None or len(self.lines) == at:
            return value
        name = self.fresh()
        self.lines.insert(at, Line(self.depth, f"{name} = {value.text}", name))
        return value._replace(text=name, slot=None, test=None)

    def merge(self, envs: Sequence[Env]) -> Env:
        """Join what is known at the ends of several branches."""
        if len(envs) == 1:
            return envs[0]
        merged: Env = {}
        for name in dict.fromkeys(name for env in envs for name in env):
            merged[name] = self.join(name, [env.get(name) for env in envs])
        return merged

    def join(self, name: str, values: Sequence[Value | None]) -> Value:
        known: list[Value] = []
        for value in values:
            if value is not None:
                known.append(value)
            elif name[0] == "f" and name[1:].isdigit():
                self.initial.add(int(name[1:]))
                known.append(self.before(int(name[1:])))
            else:
                return Value(name)
        first = known[0]
        if all(value.text == "None" for value in known):
            return first
        if first.const is not None and all(value.const == first.const for value in known):
            return first
        most: int | None = 0
        for value in known:
            most = None if most is None or value.most is None else most | value.most
        kind = first.kind if all(value.kind == first.kind for value in known) else None
        return Value(name, None, most, kind)

    # functions

    def inline(self, src: Source, roles: dict[str, str], bound: dict[str, Value]) -> Value:
        statements = src.statements
        returns = [n for n in ast.walk(src.node) if isinstance(n, ast.Return)]
        last = isinstance(statements[-1], ast.Return) if statements else False
        looped = len(returns) > 1 or (len(returns) == 1 and not last)
        number = next(self.setting.numbers)
        frame = Frame(src, number, roles, f"r{number}", looped, [], {})
        stored = {
            n.id for n in ast.walk(src.node)
            if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)
        }
        for name, value in bound.items():
            if name in stored:
                self.assign(f"{name}_{number}", value)
            else:
                frame.bound[name] = value
        self.frames.append(frame)
        if looped:
            result = self.looped(frame, statements)
        else:
            result = self.straight(statements)
        self.frames.pop()
        return result

    def straight(self, statements: Sequence[ast.stmt]) -> Value:
        if statements and isinstance(statements[-1], ast.Return):
            self.block(statements[:-1])
            node = statements[-1].value
            return Value("None") if node is None or _is_none(node) else self.value(node)
        self.block(statements)
        return Value("None")

    def looped(self, frame: Frame, statements: Sequence[ast.stmt]) -> Value:
        self.emit("while True:")
        self.depth += 1
        if self.block(statements):
            self.leave(frame, Value("None"))
        self.depth -= 1
        self.env = self.merge(frame.exits)
        return self.env.pop(frame.result)

    def leave(self, frame: Frame, value: Value) -> None:
        if value.text == "None":
            self.emit(f"{frame.result} = None", frame.result)
            self.env[frame.result] = value
        else:
            self.assign(frame.result, value)
        self.emit("break")
        frame.exits.append(dict(self.env))

    # statements: each returns whether control can go on after it

    def block(self, statements: Iterable[ast.stmt]) -> bool:
        return all(self.statement(statement) for statement in statements)

    def statement(self, node: ast.stmt) -> bool:
        match node:
            case ast.Pass():
                return True
            case ast.Expr(value=ast.Call() as call):
                self.call(call)
                return True
            case ast.Return():
                none = node.value is None or _is_none(node.value)
                value = Value("None") if none or node.value is None else self.value(node.value)
                self.leave(self.frames[-1], value)
                return False
            case ast.Assign(targets=[target]):
                self.store(target, self.value(node.value))
                return True
            case ast.AugAssign():
                load = _loaded(node.target)
                self.store(node.target, self.value(ast.BinOp(load, node.op, node.value)))
                return True
            case ast.If():
                return self.branch(node)
            case ast.For():
                return self.loop(node)
        raise EngineError(f"cannot compile {ast.dump(node)}")

    def branch(self, node: ast.If) -> bool:
        test = self.value(node.test)
        if test.const is not None:
            return self.block(node.body if test.const else node.orelse)
        self.emit(f"if {test.truth}:")
        before = dict(self.env)
        ends = []
        self.depth += 1
        if self.block(node.body):
            ends.append(self.env)
        self.depth -= 1
        self.env = before
        if node.orelse:
            self.emit("else:")
            self.depth += 1
            if self.block(node.orelse):
                ends.append(self.env)
            self.depth -= 1
        else:
            ends.append(self.env)
        if not ends:
            return False
        self.env = self.merge(ends)
        return True

    def loop(self, node: ast.For) -> bool:
        assert isinstance(node.target, ast.Name)
        for item in self.items(node.iter):
            self.store(node.target, constant(item))
            if not self.block(node.body):
                return False
        return True

    def items(self, node: ast.expr) -> Sequence[int]:
        if isinstance(node, ast.Tuple):
            return [self.known(item) for item in node.elts]
        if isinstance(node, ast.Call):
            return range(*(self.known(item) for item in node.args))
        frame = self.frames[-1]
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) \
                and frame.roles.get(node.value.id) == CONSTANTS:
            value: Constant | None = self.setting.constants[node.attr]
        else:
            value = as_constant(frame.source.look_up(node))
        if not isinstance(value, tuple):
            raise frame.source.error(node, f"{ast.unparse(node)} is not a tuple")
        return value

    def known(self, node: ast.expr) -> int:
        value = self.value(node).const
        if not isinstance(value, int):
            raise self.frames[-1].source.error(node, f"{ast.unparse(node)} is not constant")
        return value

    # places that are written

    def store(self, target: ast.expr, value: Value) -> None:
        match target:
            case ast.Name():
                self.assign(f"{target.id}_{self.frames[-1].number}", value)
            case ast.Attribute():
                start, _ = self.setting.spans[target.attr]
                self.write(start, value)
            case ast.Subscript(value=ast.Attribute() as array):
                self.element(array.attr, target.slice, value)

    def write(self, slot: int, value: Value) -> None:
        self.written[slot] = None
        self.assign(f"f{slot}", value)

    def element(self, name: str, node: ast.expr, value: Value) -> None:
        at = len(self.lines)
        index = self.value(node)
        value = self.spill(at, value)
        start, length = self.setting.spans[name]
        assert length is not None
        if isinstance(index.const, int) and -length <= index.const < length:
            self.write(start + index.const % length, value)
            return
        whole = self.fresh()
        slots = range(start, start + length)
        self.emit(f"{whole} = [{', '.join(self.field(slot).text for slot in slots)}]")
        self.emit(f"{whole}[{index.text}] = {value.text}")
        self.emit(f"{', '.join(f'f{slot}' for slot in slots)}, = {whole}")
        for slot in slots:
            old = self.field(slot)
            self.written[slot] = None
            self.env[f"f{slot}"] = self.join("x", [old, value])._replace(
                text=f"f{slot}", const=None
            )

    # expressions

    def value(self, node: ast.expr) -> Value:
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
                return self.binary(node)
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

    def name(self, node: ast.Name) -> Value:
        frame = self.frames[-1]
        if node.id in frame.bound:
            return frame.bound[node.id]
        local = f"{node.id}_{frame.number}"
        if local in self.env:
            return self.env[local]
        if node.id in frame.source.function.__code__.co_varnames:
            return Value(local)
        return self.outside(node)

    def outside(self, node: ast.expr) -> Value:
        value = as_constant(self.frames[-1].source.look_up(node))
        assert isinstance(value, int)
        return constant(value)

    def attribute(self, node: ast.Attribute) -> Value:
        if isinstance(node.value, ast.Name):
            role = self.frames[-1].roles.get(node.value.id, INTEGER)
            if role == CONSTANTS:
                value = self.setting.constants[node.attr]
                if not isinstance(value, int):
                    raise self.frames[-1].source.error(
                        node, f"{ast.unparse(node)} is a tuple; it can only be looped over"
                    )
                return constant(value)
            if role == RECORD:
                if node.attr in self.setting.contexts:
                    return self.context(node.attr)
                return self.field(self.setting.spans[node.attr][0])
        return self.outside(node)

    def context(self, name: str) -> Value:
        slot, bits = self.setting.contexts[name]
        here = self.before(slot)
        if isinstance(here.const, int):
            return constant(bits[here.const])
        most = 0
        for item in bits:
            most |= item
        return Value(f"C{slot}[{here.text}]", None, most)

    def subscript(self, name: str, node: ast.expr) -> Value:
        start, length = self.setting.spans[name]
        assert length is not None
        index = self.value(node)
        if isinstance(index.const, int) and -length <= index.const < length:
            return self.field(start + index.const % length)
        items = [self.field(slot) for slot in range(start, start + length)]
        joined = self.join("x", items)
        text = f"({', '.join(item.text for item in items)},)[{index.text}]"
        return Value(text, None, joined.most, joined.kind)

    def binary(self, node: ast.BinOp) -> Value:
        left = self.value(node.left)
        at = len(self.lines)
        right = self.value(node.right)
        left = self.spill(at, left)
        return _binary(self.setting.word, node.op, left, right)

    def unary(self, node: ast.UnaryOp) -> Value:
        value = self.value(node.operand)
        match node.op:
            case ast.Not():
                if value.const is not None:
                    return constant(not value.const)
                return Value(f"(not {value.truth})", None, 1)
            case ast.Invert():
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
                result = _short(result, value, conjunction)
        return result

    def lowered(
        self, result: Value, value: Value, lines: list[Line], before: Env, conjunction: bool
    ) -> Value:
        name = self.fresh()
        self.emit(f"{name} = {result.text}", name)
        self.emit(f"if {name}:" if conjunction else f"if not {name}:")
        self.lines += lines
        self.lines.append(Line(self.depth + 1, f"{name} = {value.text}", name))
        self.env = self.merge([self.env, before])
        return Value(name, None, _union(result, value))

    def choice(self, node: ast.IfExp) -> Value:
        test = self.value(node.test)
        if test.const is not None:
            return self.value(node.body if test.const else node.orelse)
        before = dict(self.env)
        yes, yes_lines = self.captured(node.body)
        after, self.env = self.env, dict(before)
        no, no_lines = self.captured(node.orelse)
        other, self.env = self.env, before
        if not yes_lines and not no_lines:
            kind = yes.kind if yes.kind == no.kind else None
            text = f"({yes.text} if {test.truth} else {no.text})"
            return Value(text, None, _union(yes, no), kind)
        name = self.fresh()
        for head, lines, value in (
            (f"if {test.truth}:", yes_lines, yes), ("else:", no_lines, no)
        ):
            self.emit(head)
            self.lines += lines
            self.lines.append(Line(self.depth + 1, f"{name} = {value.text}", name))
        self.env = self.merge([after, other])
        return Value(name, None, _union(yes, no))

    def compare(self, node: ast.Compare) -> Value:
        values = self.operands([node.left, *node.comparators])
        parts: list[Value] = []
        for op, left, right in zip(node.ops, values, values[1:], strict=False):
            parts.append(_compare(self.setting.word, op, left, right))
        result = parts[0]
        for part in parts[1:]:
            if result.const is not None:
                result = part if result.const else result
            else:
                result = _short(result, part, True)
        return result

    def operands(self, nodes: Sequence[ast.expr]) -> list[Value]:
        values: list[Value] = []
        for node in nodes:
            at = len(self.lines)
            value = self.value(node)
            if len(self.lines) > at:
                grown = len(self.lines)
                kept = []
                for old in values:
                    kept.append(self.spill(at, old) if old.const is None else old)
                    at += len(self.lines) - grown
                    grown = len(self.lines)
                values = kept
            values.append(value)
        return values

    def call(self, node: ast.Call) -> Value:
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
        uses = _uses(inner)
        for name, value in values.items():
            if value.const is not None or value.slot is not None:
                continue
            simple = value.text.isidentifier() or uses.get(name, 0) <= 1
            if RECORD in roles.values() or not simple:
                spilled = self.fresh()
                self.emit(f"{spilled} = {value.text}", spilled)
                values[name] = value._replace(text=spilled, slot=None, test=None)
        return self.inline(inner, roles, values)


def _uses(src: Source) -> dict[str, int]:
    counts: dict[str, int] = {}
    for node in ast.walk(src.node):
        if isinstance(node, ast.Name):
            counts[node.id] = counts.get(node.id, 0) + 1
    return counts


def _is_none(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is None


def _loaded(node: ast.expr) -> ast.expr:
    match node:
        case ast.Name():
            return ast.copy_location(ast.Name(node.id, ast.Load()), node)
        case ast.Attribute():
            return ast.copy_location(ast.Attribute(node.value, node.attr, ast.Load()), node)
        case ast.Subscript():
            return ast.copy_location(ast.Subscript(node.value, node.slice, ast.Load()), node)
    raise EngineError(f"cannot compile {ast.dump(node)}")


def _union(left: Value, right: Value) -> int | None:
    return None if left.most is None or right.most is None else left.most | right.most


def _short(left: Value, right: Value, conjunction: bool) -> Value:
    word = "and" if conjunction else "or"
    return Value(
        f"({left.text} {word} {right.text})", None, _union(left, right), None, None,
        f"({left.truth} {word} {right.truth})",
    )


def _compare(word: Word, op: ast.cmpop, left: Value, right: Value) -> Value:
    sign, compute = _COMPARE[type(op)]
    if isinstance(left.const, int) and isinstance(right.const, int):
        return constant(compute(left.const, right.const))
    if sign in ("==", "!="):
        if left.slot is None and right.slot is not None:
            left, right = right, left
        if left.slot is not None and isinstance(right.const, int):
            if not word.kinds[left.slot].legal(right.const):
                return constant(sign == "!=")
            text = word.equal(left.slot, right.const)
            return Value(text if sign == "==" else f"(not {text})", None, 1)
    return Value(f"({left.text} {sign} {right.text})", None, 1)


def _binary(word: Word, op: ast.operator, left: Value, right: Value) -> Value:
    sign, compute = _BINARY[type(op)]
    if isinstance(left.const, int) and isinstance(right.const, int):
        return constant(compute(left.const, right.const))
    text = f"({left.text} {sign} {right.text})"
    if sign == "&":
        return _and(word, left, right, text)
    if sign in "|^":
        if left.const == 0:
            return right
        if right.const == 0:
            return left
        return Value(text, None, _union(left, right))
    if sign == ">>" and isinstance(right.const, int) and right.const >= 0:
        return Value(text, None, None if left.most is None else left.most >> right.const)
    if sign == "<<" and isinstance(right.const, int) and right.const >= 0:
        return Value(text, None, None if left.most is None else left.most << right.const)
    if sign in "+*" and left.most is not None and right.most is not None:
        return Value(text, None, (1 << compute(left.most, right.most).bit_length()) - 1)
    return Value(text)


def _and(word: Word, left: Value, right: Value, text: str) -> Value:
    if isinstance(left.const, int):
        left, right = right, left
    if right.const == 0:
        return constant(0)
    most = left.most if right.most is None else right.most
    if left.most is not None and right.most is not None:
        most = left.most & right.most
        if most == 0:
            return constant(0)
    if isinstance(right.const, int):
        if left.most is not None and left.most & ~right.const == 0:
            return left
        if left.slot is not None:
            return Value(text, None, most, None, None, word.test(left.slot, right.const))
    return Value(text, None, most)


_TOKEN = re.compile(r"@(\d+)@")
_NAME = re.compile(r"[A-Za-z_]\w*")


def tidy(lines: Sequence[Line], used: Iterable[str] = ()) -> list[Line]:
    """Drop assignments of variables that nothing reads, and put `pass` into empty blocks."""
    kept = list(lines)
    while True:
        names = set(used)
        for line in kept:
            text = line.text if line.target is None else line.text.partition("=")[2]
            names.update(_NAME.findall(text))
        alive = [line for line in kept if line.target is None or line.target in names]
        if len(alive) == len(kept):
            break
        kept = alive
    filled: list[Line] = []
    for i, line in enumerate(kept):
        filled.append(line)
        if line.text.endswith(":") and (i + 1 == len(kept) or kept[i + 1].depth <= line.depth):
            filled.append(Line(line.depth + 1, "pass"))
    return filled


def loads(lines: Sequence[Line], word: Word, depth: int) -> list[Line]:
    """Put the slots in place of their tokens: read once into a variable if used repeatedly."""
    counts: dict[str, int] = {}
    for line in lines:
        for token in _TOKEN.findall(line.text):
            counts[token] = counts.get(token, 0) + 1
    first = [
        Line(depth, f"b{token} = {word.read(int(token))}")
        for token, count in counts.items() if count > 1
    ]

    def text(found: re.Match[str]) -> str:
        token = found[1]
        return f"b{token}" if counts[token] > 1 else word.read(int(token))

    return first + [line._replace(text=_TOKEN.sub(text, line.text)) for line in lines]
