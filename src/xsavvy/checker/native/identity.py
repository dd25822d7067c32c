# SPDX-License-Identifier: Apache-2.0
"""What a function of the dialect depends on, in one digest: the key under which its code is kept."""

from __future__ import annotations

import ast
import hashlib
import linecache
from collections.abc import Iterator
from types import FunctionType

from xsavvy.checker.error import DialectError
from xsavvy.checker.rule import Rule
from xsavvy.checker.source import Source, as_constant, source

_known: dict[FunctionType, str] = {}


def identity(function: FunctionType) -> str:
    """Digest the text of a function, the constants that it names, and all that it calls.

    The dialect has no recursion, so this ends.
    """
    if function not in _known:
        _known[function] = hashlib.sha256(_text(source(function)).encode()).hexdigest()
    return _known[function]


def described(rule: Rule) -> tuple[object, ...]:
    """Write down all that a rule is: where it stands, what it calls, where it leads."""
    functions = [
        identity(function) if isinstance(function, FunctionType) else None
        for function in (rule.runs, rule.when, rule.effect)
    ]
    where = (rule.index, rule.name, rule.slot, sorted(rule.locations), rule.moves)
    what = (functions, rule.arguments, rule.when_takes_values)
    return (*where, *what, sorted(rule.to.items()), rule.otherwise)


def _text(src: Source) -> str:
    lines = linecache.getlines(src.file, src.function.__globals__)
    parts = ["".join(lines[src.node.lineno - 1 : src.node.end_lineno])]
    for name, value in sorted(dict(_outside(src)).items()):
        known = identity(value) if isinstance(value, FunctionType) else as_constant(value)
        parts.append(f"{name} = {known}")
    return "\n".join(parts)


def _outside(src: Source) -> Iterator[tuple[str, object]]:
    """Yield the names of a function that stand for something outside it, and what that is."""
    own = {*src.parameters, *src.stored}
    waiting: list[ast.AST] = list(src.statements)
    while waiting:
        node = waiting.pop()
        if isinstance(node, (ast.Name, ast.Attribute)):
            base: ast.expr = node
            while isinstance(base, ast.Attribute):
                base = base.value
            if isinstance(base, ast.Name):
                if base.id not in own:
                    yield from _value(src, node)
                continue
        waiting.extend(ast.iter_child_nodes(node))


def _value(src: Source, node: ast.expr) -> Iterator[tuple[str, object]]:
    try:
        yield ast.unparse(node), src.look_up(node)
    except DialectError:
        return  # a name that is refused where the function is checked
