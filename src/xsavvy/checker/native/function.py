# SPDX-License-Identifier: Apache-2.0
"""Write whole step functions: their statements, and the modules that they make up."""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from types import FunctionType

from xsavvy.checker.dialect import footprint
from xsavvy.checker.error import EngineError
from xsavvy.checker.native.emit import Expressions, Roles, Surroundings, function_name
from xsavvy.checker.native.identity import identity
from xsavvy.checker.native.layout import Layout
from xsavvy.checker.native.numbers import DECLARED
from xsavvy.checker.native.text import Number
from xsavvy.checker.reader import CONSTANTS, INTEGER, RECORD
from xsavvy.checker.source import Constant, source

VERSION = 2  # of the code that is written; part of every key
NOTHING = -(1 << 63)  # what a function returns that returns nothing
BROKEN = 2  # what a guard returns that raised the flag


class Body(Expressions):
    """The statements of one function; each returns whether control can go on after it."""

    def write(self, manner: str = "") -> str:
        """Write the function, with attributes if need be."""
        numbers = [name for name, role in self.roles.items() if role == INTEGER]
        for name in numbers:
            self.text.keep(name, f"%a.{name}")
        if self.block(self.src.statements):
            self.text.leave(NOTHING)
        parameters = ["ptr noalias %s", "ptr noalias readonly %k"]
        parameters += [f"i64 %a.{name}" for name in numbers]
        name = function_name(self.src.function, tuple(self.roles.values()))
        return self.text.function(name, parameters, manner)

    def block(self, statements: Iterable[ast.stmt]) -> bool:
        """Write statements, up to one that never goes on."""
        return all(self.statement(statement) for statement in statements)

    def statement(self, node: ast.stmt) -> bool:
        """Write a statement."""
        match node:
            case ast.Pass():
                return True
            case ast.Expr(value=ast.Call() as call):
                self.call(call)
                return True
            case ast.Return():
                self.text.leave(self.result(node))
                return False
            case ast.Assign(targets=[target]):
                self.store(target, self.value(node.value))
                return True
            case ast.AugAssign():
                self.augment(node)
                return True
            case ast.If():
                return self.branch(node)
            case ast.For():
                return self.loop(node)
        raise EngineError(f"cannot compile {ast.dump(node)}")

    def result(self, node: ast.Return) -> Number:
        """Write what a return statement gives."""
        if node.value is None or (
            isinstance(node.value, ast.Constant) and node.value.value is None
        ):
            return NOTHING
        if isinstance(node.value, ast.IfExp):
            return self.choice(node.value)
        return self.value(node.value)

    def choice(self, node: ast.IfExp) -> Number:
        """Write a returned conditional expression; each side may be None."""
        none = ast.Constant(NOTHING)
        sides = [
            none if isinstance(side, ast.Constant) and side.value is None else side
            for side in (node.body, node.orelse)
        ]
        return self.either(ast.IfExp(node.test, *sides))

    def store(self, target: ast.expr, value: Number) -> None:
        """Write an assignment."""
        match target:
            case ast.Name():
                self.text.keep(target.id, value)
            case ast.Attribute():
                start, _ = self.around.layout.spans[target.attr]
                self.numbers.write(self.around.layout.spots[start], value)
            case ast.Subscript(value=ast.Attribute() as array):
                self.set_element(array.attr, self.value(target.slice), value)

    def augment(self, node: ast.AugAssign) -> None:
        """Write an augmented assignment; the index of an element is evaluated once."""
        if isinstance(node.target, ast.Subscript):
            assert isinstance(node.target.value, ast.Attribute)
            name = node.target.value.attr
            index = self.value(node.target.slice)
            old = self.element(name, index)
            self.set_element(
                name, index, self.numbers.operate(node.op, old, self.value(node.value))
            )
            return
        old = self.value(node.target)
        self.store(node.target, self.numbers.operate(node.op, old, self.value(node.value)))

    def branch(self, node: ast.If) -> bool:
        """Write an if statement."""
        test = self.test(node.test)
        if isinstance(test, bool):
            return self.block(node.body if test else node.orelse)
        yes, no, end = (self.text.name(hint) for hint in ("yes", "no", "end"))
        self.text.branch(test, yes, no if node.orelse else end)
        self.text.label(yes)
        goes_on = self.block(node.body)
        if goes_on:
            self.text.jump(end)
        if node.orelse:
            self.text.label(no)
            if self.block(node.orelse):
                self.text.jump(end)
                goes_on = True
        else:
            goes_on = True
        if goes_on:
            self.text.label(end)
        return goes_on

    def loop(self, node: ast.For) -> bool:
        """Unroll a loop."""
        assert isinstance(node.target, ast.Name)
        for item in self.items(node.iter):
            self.text.keep(node.target.id, item)
            if not self.block(node.body):
                return False
        return True

    def items(self, node: ast.expr) -> Sequence[int]:
        """Find the values that a loop runs over."""
        if isinstance(node, ast.Tuple):
            return [self.folded(item) for item in node.elts]
        if isinstance(node, ast.Call):
            return range(*(self.folded(item) for item in node.args))
        value: object
        if (
            isinstance(node, ast.Attribute)
            and isinstance(node.value, ast.Name)
            and self.roles.get(node.value.id) == CONSTANTS
        ):
            value = self.around.known.get(node.attr)
        else:
            value = self.src.look_up(node)
        if not isinstance(value, tuple):
            raise self.src.error(node, f"{ast.unparse(node)} is not a tuple")
        return [int(item) for item in value]

    def folded(self, node: ast.expr) -> int:
        """Fold an expression that must be constant."""
        value = self.value(node)
        if not isinstance(value, int):
            raise self.src.error(node, f"{ast.unparse(node)} is not constant")
        return value


@dataclass(frozen=True)
class Unit:
    """A step function with what its code depends on: one module of compiled code.

    The compiled function takes three addresses: the state's words, its constants (the integers
    `constants`, then the tables of `contexts`), its arguments. An effect changes the words in
    place, sets the flag behind them if it must, and returns its outcome. A guard changes
    nothing, and returns 0 or 1, or BROKEN for the flag.
    """

    function: FunctionType
    layout: Layout
    known: Mapping[str, Constant]
    constants: tuple[str, ...]
    contexts: tuple[str, ...]
    arguments: int
    guard: bool

    @cached_property
    def key(self) -> str:
        """Everything that the code depends on."""
        found = footprint(self.function)
        spots = []
        for name in sorted((found.reads | found.writes) & self.layout.spans.keys()):
            start, length = self.layout.spans[name]
            spots += [(name, s.key) for s in self.layout.spots[start : start + (length or 1)]]
        contexts = self.layout.shape.contexts
        homes = [self.layout.spots[contexts[name][0]].key for name in self.contexts]
        parts = (
            VERSION,
            identity(self.function),
            self.layout.words,
            spots,
            homes,
            sorted(self.known.items()),
            self.constants,
            self.contexts,
            self.arguments,
            self.guard,
        )
        return repr(parts)

    @cached_property
    def name(self) -> str:
        """Name of the compiled function."""
        return "step." + hashlib.sha256(self.key.encode()).hexdigest()[:32]

    def vector(self, values: Mapping[str, Constant], tables: Mapping[str, int]) -> list[int]:
        """Values of the constants for one system, then the addresses of its tables."""
        found = [values[name] for name in self.constants]
        assert all(isinstance(value, int) for value in found)
        return [*(int(value) for value in found), *(tables[name] for name in self.contexts)]  # type: ignore[arg-type]

    def text(self) -> str:
        """Write the module."""
        inner = module([(self.function, self.roles)], self.around)
        values = [f"%a{i}" for i in range(self.arguments)]
        lines = [f'define i64 @"{self.name}"(ptr %s, ptr %k, ptr %a) {{']
        for i, value in enumerate(values):
            lines.append(f"  %p{i} = getelementptr i64, ptr %a, i64 {i}")
            lines.append(f"  {value} = load i64, ptr %p{i}")
        call = function_name(self.function, self.roles), "".join(f", i64 {v}" for v in values)
        lines += guarded(self.layout.words, *call) if self.guard else unguarded(*call)
        return "\n".join([DECLARED + inner, *lines, "}", "!0 = !{}", ""])

    @property
    def roles(self) -> Roles:
        """Roles of the function's parameters."""
        return (RECORD, CONSTANTS) + (INTEGER,) * self.arguments

    @property
    def around(self) -> Surroundings:
        """What the functions of the module share."""
        return Surroundings(
            self.layout,
            {name: i for i, name in enumerate(self.constants)},
            {name: len(self.constants) + i for i, name in enumerate(self.contexts)},
            self.known,
        )


def module(
    roots: Iterable[tuple[FunctionType, Roles]],
    around: Surroundings,
    seen: set[tuple[FunctionType, Roles]] | None = None,
    manner: str = "",
) -> str:
    """Write some functions and all that they call, but for those that were `seen` before."""
    seen = set() if seen is None else seen
    waiting = [key for key in dict.fromkeys(roots) if key not in seen]
    seen.update(waiting)
    texts = []
    while waiting:
        function, roles = waiting.pop()
        body = Body(around, source(function), roles)
        texts.append(body.write(manner))
        for key in body.needed:
            if key not in seen:
                seen.add(key)
                waiting.append(key)
    return "".join(texts)


def unguarded(name: str, arguments: str) -> list[str]:
    """Write the rest of an effect: a call."""
    return [f"  %r = call i64 @{name}(ptr %s, ptr %k{arguments})", "  ret i64 %r"]


def guarded(words: int, name: str, arguments: str) -> list[str]:
    """Write the rest of a guard: a call on a copy, which LLVM keeps in registers."""
    lines = [f"  %own = alloca [{words + 1} x i64]"]
    for i in range(words):
        lines.append(f"  %from{i} = getelementptr i64, ptr %s, i64 {i}")
        lines.append(f"  %word{i} = load i64, ptr %from{i}")
        lines.append(f"  %to{i} = getelementptr i64, ptr %own, i64 {i}")
        lines.append(f"  store i64 %word{i}, ptr %to{i}")
    return [
        *lines,
        f"  %flag = getelementptr i64, ptr %own, i64 {words}",
        "  store i64 0, ptr %flag",
        f"  %r = call i64 @{name}(ptr %own, ptr %k{arguments})",
        "  %raised = load i64, ptr %flag",
        "  %broken = icmp ne i64 %raised, 0",
        "  %true = icmp ne i64 %r, 0",
        "  %found = zext i1 %true to i64",
        f"  %result = select i1 %broken, i64 {BROKEN}, i64 %found",
        "  ret i64 %result",
    ]


def unit(
    function: FunctionType,
    layout: Layout,
    values: Mapping[str, Constant],
    arguments: int,
    *,
    guard: bool = False,
) -> Unit:
    """Make the unit of a function: what it reads of constants and contexts, what is folded.

    Tuples are folded, and so are all constants of a function that loops over one.
    """
    found = footprint(function)
    names = sorted(found.constants)
    known = {name: values[name] for name in names if isinstance(values[name], tuple)}
    if _loops_over_constants(function):
        known = {name: values[name] for name in names}
    contexts = sorted(found.reads & layout.shape.contexts.keys())
    constants = tuple(name for name in names if name not in known)
    return Unit(function, layout, known, constants, tuple(contexts), arguments, guard)


@cache
def _loops_over_constants(function: FunctionType) -> bool:
    """Tell whether a function, or one that it calls, loops over run-time constants."""
    waiting, seen = [function], {function}
    while waiting:
        src = source(waiting.pop())
        for node in ast.walk(src.node):
            if isinstance(node, ast.For) and isinstance(node.iter, ast.Call):
                names = [item for item in ast.walk(node.iter) if isinstance(item, ast.Name)]
                if any(name.id in src.parameters for name in names):
                    return True
            elif isinstance(node, ast.Call):
                called = src.look_up(node.func)
                if isinstance(called, FunctionType) and called not in seen:
                    seen.add(called)
                    waiting.append(called)
    return False
