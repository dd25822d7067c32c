# SPDX-License-Identifier: Apache-2.0
"""Read the expressions of a function: are they of the dialect, and what do they touch."""

from __future__ import annotations

import ast
from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from types import FunctionType

from xsavvy.checker.error import DialectError
from xsavvy.checker.refusal import INSTEAD, OPERATOR
from xsavvy.checker.source import Source, as_constant, source

RECORD, CONSTANTS, INTEGER = "record", "constants", "integer"

BINARY = (ast.BitAnd, ast.BitOr, ast.BitXor, ast.LShift, ast.RShift, ast.Add, ast.Sub, ast.Mult)
UNARY = (ast.Invert, ast.Not, ast.USub)
COMPARE = (ast.Eq, ast.NotEq, ast.Lt, ast.LtE, ast.Gt, ast.GtE)


@dataclass
class Footprint:
    """What a function touches: fields read and written, constants, what it can return.

    `plain` are fields used without an index, `listed` fields used with one; `indexes` are the
    fields, and the parameters, that stand as an index. `returns` holds the constant results
    (None for none); `any_result` is set when a result is computed, so that it can be anything.
    """

    reads: set[str] = field(default_factory=set)
    plain: set[str] = field(default_factory=set)
    listed: set[str] = field(default_factory=set)
    writes: set[str] = field(default_factory=set)
    constants: set[str] = field(default_factory=set)
    indexes: set[str] = field(default_factory=set)
    returns: set[int | None] = field(default_factory=set)
    any_result: bool = False


class Reader(ABC):
    """Walks expressions; collects what they touch, raises at what the dialect has not."""

    def __init__(self, src: Source, roles: tuple[str, ...]) -> None:
        self.src = src
        self.roles = dict(zip(src.parameters, roles, strict=True))
        self.found = Footprint()
        self.locals = src.stored | {n for n, role in self.roles.items() if role == INTEGER}

    @abstractmethod
    def called(self, inner: Source, roles: tuple[str, ...]) -> Footprint:
        """Read a function that is called."""

    def attribute_of(self, node: ast.expr) -> str | None:
        """Role of the parameter whose attribute a node is, or None."""
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            role = self.roles.get(node.value.id)
            return role if role != INTEGER else None
        return None

    def field(self, node: ast.Attribute, into: set[str], listed: bool = False) -> None:
        """Note the use of a field."""
        if self.attribute_of(node) != RECORD:
            raise self.src.error(
                node, f"{ast.unparse(node)} is not a field; write s.field of the record"
            )
        into.add(node.attr)
        (self.found.listed if listed else self.found.plain).add(node.attr)

    # expressions: each returns its value if that is a named or literal constant

    def value(self, node: ast.expr) -> int | None:
        """Read an expression; return its value if it is a literal or named constant."""
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
                self.field(array, self.found.reads, listed=True)
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
        """Read the index of a list field."""
        self.value(node)
        if isinstance(node, ast.Attribute) and self.attribute_of(node) == RECORD:
            self.found.indexes.add(node.attr)
        elif isinstance(node, ast.Name) and node.id in self.roles:
            self.found.indexes.add(node.id)

    def values(self, *nodes: ast.expr) -> None:
        """Read several expressions."""
        for node in nodes:
            self.value(node)

    def compare(self, node: ast.Compare) -> None:
        """Read a comparison."""
        for op in node.ops:
            self.operator(node, op, COMPARE)
        self.values(node.left, *node.comparators)
        for late in node.comparators[1:]:
            if any(isinstance(inner, ast.Call) for inner in ast.walk(late)):
                raise self.src.error(
                    node, "a call late in a chain of comparisons is not allowed; join with and"
                )

    def operator(self, node: ast.AST, op: ast.AST, allowed: tuple[type[ast.AST], ...]) -> None:
        """Refuse an operator that the dialect has not."""
        if not isinstance(op, allowed):
            name = OPERATOR.get(type(op), f"operator {type(op).__name__} is not allowed")
            raise self.src.error(node, name)

    def attribute(self, node: ast.Attribute) -> int | None:
        """Read `s.field`, `k.name`, or a constant of a module or enum."""
        role = self.attribute_of(node)
        if role == RECORD:
            self.field(node, self.found.reads)
            return None
        if role == CONSTANTS:
            self.found.constants.add(node.attr)
            return None
        return self.integer(node)

    def integer(self, node: ast.expr) -> int:
        """Read a name that must stand for an integer."""
        value = self.known(node)
        if isinstance(value, int):
            return value
        raise self.src.error(
            node, f"{ast.unparse(node)} is not an integer; a tuple can only be looped over"
        )

    def known(self, node: ast.expr) -> int | tuple[int, ...]:
        """Read a name that must stand for a constant."""
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
        """Read a call whose value is used."""
        if None in self.call(node).returns:
            raise self.src.error(
                node,
                f"{ast.unparse(node.func)}() does not return a value on every path; "
                "end it with return",
            )

    def call(self, node: ast.Call) -> Footprint:
        """Read a call, and what it calls."""
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
        found = self.called(inner, roles)
        self.found.reads |= found.reads
        self.found.writes |= found.writes
        self.found.constants |= found.constants
        self.found.plain |= found.plain
        self.found.listed |= found.listed
        self.found.indexes |= found.indexes - set(inner.parameters)
        for name, arg in zip(inner.parameters, node.args, strict=True):
            if name in found.indexes:
                self.index(arg)
        return found

    def argument(self, node: ast.expr) -> str:
        """Read an argument; return the role that it gives the parameter."""
        if isinstance(node, ast.Name) and self.roles.get(node.id, INTEGER) != INTEGER:
            return self.roles[node.id]
        self.value(node)
        return INTEGER

    def refuse(self, node: ast.AST, otherwise: str) -> DialectError:
        """Make the error for what the dialect has not."""
        return self.src.error(node, INSTEAD.get(type(node), otherwise))
