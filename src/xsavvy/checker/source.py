# SPDX-License-Identifier: Apache-2.0
"""The syntax tree of a step function, and what the names in it stand for.

Each file is parsed once; a function is found in it by name and first line.
"""

from __future__ import annotations

import ast
import builtins
import linecache
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from types import FunctionType, ModuleType

from xsavvy.checker.error import DialectError, nearest

Constant = int | tuple[int, ...]


@dataclass(frozen=True, eq=False)
class Source:
    """One function: the object, its tree, its file, its parameters."""

    function: FunctionType
    node: ast.FunctionDef
    file: str

    @property
    def name(self) -> str:
        """Name of the function."""
        return self.node.name

    @cached_property
    def parameters(self) -> tuple[str, ...]:
        """Names of the positional parameters."""
        return tuple(arg.arg for arg in self.node.args.args)

    @cached_property
    def statements(self) -> list[ast.stmt]:
        """Body without the docstring."""
        body = self.node.body
        first = body[0]
        if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant):
            if isinstance(first.value.value, str):
                return body[1:]
        return body

    @cached_property
    def stored(self) -> frozenset[str]:
        """Names that the function assigns."""
        return frozenset(
            n.id
            for n in ast.walk(self.node)
            if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)
        )

    @cached_property
    def uses(self) -> dict[str, int]:
        """How often each name appears."""
        counts: dict[str, int] = {}
        for node in ast.walk(self.node):
            if isinstance(node, ast.Name):
                counts[node.id] = counts.get(node.id, 0) + 1
        return counts

    @cached_property
    def returns_early(self) -> bool:
        """Tell whether there is a return before the last statement, or inside it."""
        count = sum(isinstance(node, ast.Return) for node in ast.walk(self.node))
        last = bool(self.statements) and isinstance(self.statements[-1], ast.Return)
        return count > int(last)

    def error(self, node: ast.AST, message: str) -> DialectError:
        """Make an error that points at a node of this function."""
        line = getattr(node, "lineno", self.node.lineno)
        return DialectError(f"{self.file}:{line}: {message}")

    def look_up(self, node: ast.expr) -> object:
        """Find the object that a global or closure name, or `name.attribute`, stands for."""
        if isinstance(node, ast.Attribute):
            base = self.look_up(node.value)
            if not isinstance(base, (type, ModuleType)):
                raise self.error(
                    node, f"{ast.unparse(node)} is not allowed; name a constant of a module or enum"
                )
            try:
                return getattr(base, node.attr)
            except AttributeError:
                hint = nearest(node.attr, (n for n in vars(base) if not n.startswith("_")))
                raise self.error(node, f"no {ast.unparse(node)}; {hint}") from None
        if isinstance(node, ast.Name):
            return self._name(node)
        raise self.error(node, f"{ast.unparse(node)} is not allowed; write a plain name")

    def _name(self, node: ast.Name) -> object:
        if node.id in self.parameters or node.id in self.stored:
            raise self.error(node, f"{node.id!r} is a variable; name a constant or a function")
        free = self.function.__code__.co_freevars
        if node.id in free:
            cell = (self.function.__closure__ or ())[free.index(node.id)]
            return cell.cell_contents
        space = self.function.__globals__
        if node.id in space:
            return space[node.id]
        if hasattr(builtins, node.id):
            return getattr(builtins, node.id)
        hint = nearest(node.id, [*self.parameters, *free, *space])
        raise self.error(node, f"unknown name {node.id!r}; {hint}")


def as_constant(value: object) -> Constant | None:
    """Turn an int, bool, IntEnum member or tuple of these into plain ints, else None."""
    if isinstance(value, int):
        return int(value)
    if isinstance(value, tuple) and all(isinstance(item, int) for item in value):
        return tuple(int(item) for item in value)
    return None


_sources: dict[FunctionType, Source] = {}
_files: dict[str, tuple[list[str], dict[tuple[str, int], ast.FunctionDef]]] = {}


def source(function: Callable[..., object]) -> Source:
    """Read the source of a plain function.

    Raises DialectError when it is not a `def`, or its text cannot be read.
    """
    if not isinstance(function, FunctionType):
        raise DialectError(f"{function!r} is not a plain function; write a module-level def")
    known = _sources.get(function)
    if known is None:
        known = _sources[function] = Source(function, _find(function), _file(function))
    return known


def _file(function: FunctionType) -> str:
    return function.__code__.co_filename


def _find(function: FunctionType) -> ast.FunctionDef:
    file, line = _file(function), function.__code__.co_firstlineno
    lines = linecache.getlines(file, function.__globals__)
    if not lines:
        raise DialectError(f"{file}:{line}: the source of {function.__name__}() cannot be read")
    if file not in _files or _files[file][0] is not lines:
        _files[file] = (lines, _index("".join(lines)))
    node = _files[file][1].get((function.__code__.co_name, line))
    if node is None:
        raise DialectError(
            f"{file}:{line}: {function.__name__}() is not a plain def; "
            "write a def (no lambda, no async), and reload the module if the file has changed"
        )
    return node


def _index(text: str) -> dict[tuple[str, int], ast.FunctionDef]:
    found = {}
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef):
            first = min([node.lineno, *(item.lineno for item in node.decorator_list)])
            found[node.name, first] = node
    return found
