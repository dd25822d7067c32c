# SPDX-License-Identifier: Apache-2.0
"""A module that lists its public names lists them truly."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.arch.source import modules, short, tree


def bound_names(body: list[ast.stmt]) -> Iterator[str]:
    """The names that a module binds at its top level."""
    for node in body:
        match node:
            case ast.FunctionDef(name=name) | ast.ClassDef(name=name):
                yield name
            case ast.Import(names=names) | ast.ImportFrom(names=names):
                yield from (alias.asname or alias.name.partition(".")[0] for alias in names)
            case ast.Assign() | ast.AnnAssign() | ast.AugAssign() | ast.For():
                yield from (n.id for n in ast.walk(node) if isinstance(n, ast.Name))
            case ast.If(body=inner, orelse=other):
                yield from bound_names([*inner, *other])
            case ast.Try(body=inner, handlers=handlers):
                yield from bound_names(inner)
                for handler in handlers:
                    yield from bound_names(handler.body)
            case _:
                pass


def exported(path: Path) -> list[str] | None:
    """The module's `__all__`, or None where it has none."""
    for node in tree(path).body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__":
            return [str(name) for name in ast.literal_eval(node.value)]
    return None


@pytest.mark.parametrize("path", modules(), ids=short)
def test_exported_names_exist_once(path: Path) -> None:
    """Each name of `__all__` is bound in the module and stands there once."""
    names = exported(path) or []
    assert len(names) == len(set(names))
    lazy = "__getattr__" in set(bound_names(tree(path).body))
    missing = [name for name in names if name not in set(bound_names(tree(path).body))]
    assert lazy or not missing, f"{short(path)}: {missing} in __all__ but not in the module"


@pytest.mark.parametrize("path", [p for p in modules() if p.name == "__init__.py"], ids=short)
def test_a_package_is_a_docstring_or_a_list(path: Path) -> None:
    """A package that imports names lists them, and lists nothing that it does not import."""
    imported = {
        alias.asname or alias.name
        for node in tree(path).body
        if isinstance(node, ast.ImportFrom) and node.module != "__future__"
        for alias in node.names
    }
    public = {name for name in imported if not name.startswith("_")}
    assert not public or exported(path) is not None, f"{short(path)} imports names without __all__"
