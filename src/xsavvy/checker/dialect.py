# SPDX-License-Identifier: Apache-2.0
"""The dialect of step functions: what may be written, and what a function reads and writes.

A function of the dialect is a plain `def` over integers: bit operators, `+ - *`,
comparisons, `and or not`, conditional expressions, if/elif/else, local variables, augmented
assignment, `for` over a constant tuple or `range(constant)`, early return, pass, and calls
with positional arguments of functions of the same dialect. Whatever else it contains is an
error of one line, `file:line: what is not allowed; what to write instead`.

The first two parameters of a step function are the record (`s.field`, `s.array[i]`) and the
run-time constants (`k.name`). A function that is called may receive them too.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Sequence
from types import FunctionType

from xsavvy.checker.reader import BINARY, CONSTANTS, INTEGER, RECORD, Footprint, Reader
from xsavvy.checker.source import Source, source

STEP = (RECORD, CONSTANTS)


_footprints: dict[tuple[FunctionType, tuple[str, ...]], Footprint] = {}


def footprint(function: Callable[..., object], roles: Sequence[str] = STEP) -> Footprint:
    """Check that a function keeps to the dialect, and report what it touches.

    `roles` says what each parameter is; missing ones are integers. Raises DialectError.
    """
    return _footprint(source(function), tuple(roles), ())


def reads(function: Callable[..., object]) -> frozenset[str]:
    """Name the fields that a step function, or what it calls, can read."""
    return frozenset(footprint(function).reads)


def writes(function: Callable[..., object]) -> frozenset[str]:
    """Name the fields that a step function, or what it calls, can write."""
    return frozenset(footprint(function).writes)


def check(function: Callable[..., object], roles: Sequence[str] = ()) -> None:
    """Raise DialectError unless a function keeps to the dialect; by default all integers.

    >>> def pick(rfbm, xinuse):
    ...     return rfbm & xinuse
    >>> check(pick)
    """
    footprint(function, roles)


def arity(function: Callable[..., object]) -> int:
    """Count the parameters of a function of the dialect."""
    return len(source(function).parameters)


def _footprint(src: Source, roles: tuple[str, ...], callers: tuple[FunctionType, ...]) -> Footprint:
    count = len(src.parameters)
    roles = (roles + (INTEGER,) * count)[:count]
    known = _footprints.get((src.function, roles))
    if known is None:
        if src.function in callers:
            raise src.error(src.node, f"{src.name}() calls itself; write a loop over constants")
        known = _Reader(src, roles, (*callers, src.function)).read()
        _footprints[src.function, roles] = known
    return known


class _Reader(Reader):
    """Walks the statements of one function."""

    def __init__(
        self, src: Source, roles: tuple[str, ...], callers: tuple[FunctionType, ...]
    ) -> None:
        super().__init__(src, roles)
        self.callers = callers

    def called(self, inner: Source, roles: tuple[str, ...]) -> Footprint:
        return _footprint(inner, roles, self.callers)

    def read(self) -> Footprint:
        args = self.src.node.args
        if args.vararg or args.kwarg or args.kwonlyargs or args.defaults or args.posonlyargs:
            raise self.src.error(
                self.src.node,
                f"{self.src.name}(): only plain positional parameters without defaults; "
                "write one parameter for each value",
            )
        if self.block(self.src.statements):
            self.found.returns.add(None)
        return self.found

    # statements: each returns whether control can go on after it

    def block(self, statements: Sequence[ast.stmt]) -> bool:
        goes_on = [self.statement(statement) for statement in statements]
        return all(goes_on)

    def statement(self, node: ast.stmt) -> bool:
        match node:
            case ast.Pass():
                return True
            case ast.Expr(value=ast.Call() as call):
                self.call(call)
                return True
            case ast.Return():
                self.result(node.value)
                return False
            case ast.Assign(targets=[target]):
                self.value(node.value)
                self.target(target)
                return True
            case ast.AugAssign():
                self.operator(node, node.op, BINARY)
                self.value(node.value)
                self.target(node.target)
                self.target_read(node.target)
                return True
            case ast.If():
                self.value(node.test)
                body, other = self.block(node.body), self.block(node.orelse)
                return body or other
            case ast.For():
                return self.loop(node)
        raise self.refuse(node, "this statement is not allowed; see the dialect")

    def loop(self, node: ast.For) -> bool:
        if node.orelse:
            raise self.src.error(node, "else after for is not allowed; write it after the loop")
        if not isinstance(node.target, ast.Name):
            raise self.src.error(node, "a loop needs one plain variable")
        self.iterable(node.iter)
        self.block(node.body)
        return True

    def iterable(self, node: ast.expr) -> None:
        wrong = "a loop runs over a constant tuple or range(constant)"
        if isinstance(node, ast.Tuple):
            for item in node.elts:
                self.constant(item, wrong)
        elif isinstance(node, ast.Call):
            if not (isinstance(node.func, ast.Name) and node.func.id == "range"):
                raise self.src.error(node, wrong)
            if self.src.look_up(node.func) is not range or node.keywords or len(node.args) > 3:
                raise self.src.error(node, wrong)
            for item in node.args:
                self.constant(item, wrong)
        else:
            self.constant(node, wrong)

    def constant(self, node: ast.expr, wrong: str) -> None:
        for inner in ast.walk(node):
            if isinstance(inner, ast.Name) and inner.id in self.locals:
                raise self.src.error(node, f"{wrong}; {inner.id!r} is a variable")
            if isinstance(inner, ast.Name) and self.roles.get(inner.id) == RECORD:
                raise self.src.error(node, f"{wrong}; {ast.unparse(node)} is a field")
        if isinstance(node, ast.Name) or not isinstance(self.attribute_of(node), str):
            if isinstance(node, (ast.Name, ast.Attribute)):
                self.known(node)
                return
        self.value(node)

    def result(self, node: ast.expr | None) -> None:
        match node:
            case None | ast.Constant(value=None):
                self.found.returns.add(None)
            case ast.IfExp():
                self.value(node.test)
                self.result(node.body)
                self.result(node.orelse)
            case ast.Constant() | ast.Attribute() | ast.Name():
                value = self.value(node)
                if value is None:
                    self.found.any_result = True
                else:
                    self.found.returns.add(value)
            case _:
                self.value(node)
                self.found.any_result = True

    def target(self, node: ast.expr) -> None:
        match node:
            case ast.Name():
                if self.roles.get(node.id, INTEGER) != INTEGER:
                    raise self.src.error(node, f"{node.id!r} must stay what it is; use a new name")
            case ast.Attribute():
                self.field(node, self.found.writes)
            case ast.Subscript(value=ast.Attribute() as array):
                self.field(array, self.found.writes, listed=True)
                self.index(node.slice)
            case _:
                raise self.refuse(node, "assign to one variable, s.field or s.array[i]")

    def target_read(self, node: ast.expr) -> None:
        match node:
            case ast.Attribute():
                self.field(node, self.found.reads)
            case ast.Subscript(value=ast.Attribute() as array):
                self.field(array, self.found.reads, listed=True)
