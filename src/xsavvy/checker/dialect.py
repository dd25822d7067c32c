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
from dataclasses import dataclass, field
from types import FunctionType

from xsavvy.checker.error import DialectError
from xsavvy.checker.source import Source, as_constant, source

RECORD, CONSTANTS, INTEGER = "record", "constants", "integer"
STEP = (RECORD, CONSTANTS)

BINARY = (ast.BitAnd, ast.BitOr, ast.BitXor, ast.LShift, ast.RShift, ast.Add, ast.Sub, ast.Mult)
UNARY = (ast.Invert, ast.Not, ast.USub)
COMPARE = (ast.Eq, ast.NotEq, ast.Lt, ast.LtE, ast.Gt, ast.GtE)

_INSTEAD = {
    ast.While: "a while loop is not allowed; write `for x in range(constant)`",
    ast.Try: "try is not allowed; test with if before",
    ast.With: "with is not allowed; write plain statements",
    ast.Raise: "raise is not allowed; return an outcome",
    ast.Assert: "assert is not allowed; make it a Property",
    ast.Delete: "del is not allowed; assign 0",
    ast.Global: "global is not allowed; write a field of the record",
    ast.Nonlocal: "nonlocal is not allowed; write a field of the record",
    ast.Import: "import is not allowed here; import at the top of the module",
    ast.ImportFrom: "import is not allowed here; import at the top of the module",
    ast.FunctionDef: "a function inside is not allowed; define it at module level",
    ast.ClassDef: "a class inside is not allowed; define it at module level",
    ast.Break: "break is not allowed; return early from a function of its own",
    ast.Continue: "continue is not allowed; write if around the rest",
    ast.AnnAssign: "an annotated variable is not allowed; write `name = value`",
    ast.Match: "match is not allowed; write if and elif",
    ast.ListComp: "a comprehension is not allowed; write a for loop",
    ast.SetComp: "a comprehension is not allowed; write a for loop",
    ast.DictComp: "a comprehension is not allowed; write a for loop",
    ast.GeneratorExp: "a comprehension is not allowed; write a for loop",
    ast.Lambda: "lambda is not allowed; write a def",
    ast.JoinedStr: "a string is not allowed; use an integer or an IntEnum member",
    ast.NamedExpr: "`:=` is not allowed; assign before",
    ast.Dict: "a dict is not allowed; write if and elif",
    ast.List: "a list is not allowed; write separate variables",
    ast.Set: "a set is not allowed; write a bit mask",
    ast.Tuple: "a tuple is not allowed here; loop over a constant tuple, or use two variables",
    ast.Await: "await is not allowed",
    ast.Yield: "yield is not allowed; return a value",
}
_OPERATOR = {
    ast.FloorDiv: "// is not allowed; shift with >>",
    ast.Div: "/ is not allowed; shift with >>",
    ast.Mod: "% is not allowed; mask with &",
    ast.Pow: "** is not allowed; shift with <<",
    ast.MatMult: "@ is not allowed",
    ast.UAdd: "unary + is not allowed; leave it out",
    ast.In: "in is not allowed; write comparisons joined by or",
    ast.NotIn: "not in is not allowed; write comparisons joined by and",
    ast.Is: "is is not allowed; write ==",
    ast.IsNot: "is not is not allowed; write !=",
}


@dataclass
class Footprint:
    """What a function touches: fields read and written, constants, what it can return.

    `indexes` are the fields, and the parameters, that stand as an index of a list field.
    `returns` holds the constant results (None for none); `any_result` is set when a result
    is computed, so that it can be anything.
    """

    reads: set[str] = field(default_factory=set)
    writes: set[str] = field(default_factory=set)
    constants: set[str] = field(default_factory=set)
    indexes: set[str] = field(default_factory=set)
    returns: set[int | None] = field(default_factory=set)
    any_result: bool = False


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


class _Reader:
    """Walks one function; collects its footprint, raises at what the dialect has not."""

    def __init__(
        self, src: Source, roles: tuple[str, ...], callers: tuple[FunctionType, ...]
    ) -> None:
        self.src = src
        self.roles = dict(zip(src.parameters, roles, strict=True))
        self.callers = callers
        self.found = Footprint()
        self.locals = {name for name, role in self.roles.items() if role == INTEGER}

    def read(self) -> Footprint:
        args = self.src.node.args
        if args.vararg or args.kwarg or args.kwonlyargs or args.defaults or args.posonlyargs:
            raise self.src.error(
                self.src.node,
                f"{self.src.name}(): only plain positional parameters without defaults; "
                "write one parameter for each value",
            )
        for node in ast.walk(self.src.node):
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                self.locals.add(node.id)
        if self.block(self.src.statements):
            self.found.returns.add(None)
        return self.found

    # statements: each returns whether control can go on after it

    def block(self, statements: Sequence[ast.stmt]) -> bool:
        return all(self.statement(statement) for statement in statements)

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

    def attribute_of(self, node: ast.expr) -> str | None:
        """Role of the parameter whose attribute a node is, or None."""
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            role = self.roles.get(node.value.id)
            return role if role != INTEGER else None
        return None

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
                self.field(array, self.found.writes)
                self.index(node.slice)
            case _:
                raise self.refuse(node, "assign to one variable, s.field or s.array[i]")

    def target_read(self, node: ast.expr) -> None:
        match node:
            case ast.Attribute():
                self.field(node, self.found.reads)
            case ast.Subscript(value=ast.Attribute() as array):
                self.field(array, self.found.reads)

    def field(self, node: ast.Attribute, into: set[str]) -> None:
        if self.attribute_of(node) != RECORD:
            raise self.src.error(
                node, f"{ast.unparse(node)} is not a field; write s.field of the record"
            )
        into.add(node.attr)

    # expressions: each returns its value if that is a named or literal constant

    def value(self, node: ast.expr) -> int | None:
        match node:
            case ast.Constant():
                if not isinstance(node.value, int):
                    raise self.src.error(
                        node, f"{node.value!r} is not allowed; use an integer or IntEnum member"
                    )
                return int(node.value)
            case ast.Name() if node.id in self.roles or node.id in self.locals:
                if self.roles.get(node.id, INTEGER) != INTEGER:
                    raise self.src.error(
                        node, f"{node.id!r} alone is not a value; write {node.id}.name"
                    )
                return None
            case ast.Name():
                return self.integer(node)
            case ast.Attribute():
                return self.attribute(node)
            case ast.Subscript(value=ast.Attribute() as array):
                self.field(array, self.found.reads)
                self.index(node.slice)
                return None
            case ast.BinOp():
                self.operator(node, node.op, BINARY)
                self.values(node.left, node.right)
                return None
            case ast.UnaryOp():
                self.operator(node, node.op, UNARY)
                self.values(node.operand)
                return None
            case ast.BoolOp():
                self.values(*node.values)
                return None
            case ast.Compare():
                self.compare(node)
                return None
            case ast.IfExp():
                self.values(node.test, node.body, node.orelse)
                return None
            case ast.Call():
                self.returning(node)
                return None
        raise self.refuse(node, "this expression is not allowed; see the dialect")

    def index(self, node: ast.expr) -> None:
        self.value(node)
        if isinstance(node, ast.Attribute) and self.attribute_of(node) == RECORD:
            self.found.indexes.add(node.attr)
        elif isinstance(node, ast.Name) and node.id in self.roles:
            self.found.indexes.add(node.id)

    def values(self, *nodes: ast.expr) -> None:
        for node in nodes:
            self.value(node)

    def compare(self, node: ast.Compare) -> None:
        for op in node.ops:
            self.operator(node, op, COMPARE)
        self.values(node.left, *node.comparators)
        for late in node.comparators[1:]:
            if any(isinstance(inner, ast.Call) for inner in ast.walk(late)):
                raise self.src.error(
                    node, "a call late in a chain of comparisons is not allowed; join with and"
                )

    def operator(self, node: ast.AST, op: ast.AST, allowed: tuple[type[ast.AST], ...]) -> None:
        if not isinstance(op, allowed):
            name = _OPERATOR.get(type(op), f"operator {type(op).__name__} is not allowed")
            raise self.src.error(node, name)

    def attribute(self, node: ast.Attribute) -> int | None:
        role = self.attribute_of(node)
        if role == RECORD:
            self.found.reads.add(node.attr)
            return None
        if role == CONSTANTS:
            self.found.constants.add(node.attr)
            return None
        return self.integer(node)

    def integer(self, node: ast.expr) -> int:
        value = self.known(node)
        if isinstance(value, int):
            return value
        raise self.src.error(
            node, f"{ast.unparse(node)} is not an integer; a tuple can only be looped over"
        )

    def known(self, node: ast.expr) -> int | tuple[int, ...]:
        value = as_constant(self.src.look_up(node))
        if value is None:
            raise self.src.error(
                node,
                f"{ast.unparse(node)} is not a constant; only ints, IntEnum members and "
                "tuples of ints can be named",
            )
        return value

    # calls

    def returning(self, node: ast.Call) -> None:
        if None in self.call(node).returns:
            raise self.src.error(
                node,
                f"{ast.unparse(node.func)}() does not return a value on every path; "
                "end it with return",
            )

    def call(self, node: ast.Call) -> Footprint:
        name = ast.unparse(node.func)
        if node.keywords or any(isinstance(arg, ast.Starred) for arg in node.args):
            raise self.src.error(node, f"{name}(): only plain positional arguments")
        if self.attribute_of(node.func) is not None or (
            isinstance(node.func, ast.Name) and node.func.id in self.locals
        ):
            raise self.src.error(node, f"{name} is not a function of the dialect")
        called = self.src.look_up(node.func)
        if not isinstance(called, FunctionType):
            raise self.src.error(
                node, f"{name}() is not allowed; call only plain functions of the dialect"
            )
        roles = tuple(self.argument(arg) for arg in node.args)
        inner = source(called)
        if len(inner.parameters) != len(roles):
            raise self.src.error(
                node, f"{name}() takes {len(inner.parameters)} arguments, not {len(roles)}"
            )
        found = _footprint(inner, roles, self.callers)
        self.found.reads |= found.reads
        self.found.writes |= found.writes
        self.found.constants |= found.constants
        self.found.indexes |= found.indexes - set(inner.parameters)
        for name, arg in zip(inner.parameters, node.args, strict=True):
            if name in found.indexes:
                self.index(arg)
        return found

    def argument(self, node: ast.expr) -> str:
        if isinstance(node, ast.Name) and self.roles.get(node.id, INTEGER) != INTEGER:
            return self.roles[node.id]
        self.value(node)
        return INTEGER

    def refuse(self, node: ast.AST, otherwise: str) -> DialectError:
        return self.src.error(node, _INSTEAD.get(type(node), otherwise))
