# SPDX-License-Identifier: Apache-2.0
"""What is public explains itself, and a test says what it shows."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.arch.source import modules, python_tests, short, tree

Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


def public_definitions(
    node: ast.Module | ast.ClassDef, prefix: str = ""
) -> Iterator[tuple[str, Definition]]:
    """Public functions, classes and methods; what stands inside a function is its own business."""
    for child in node.body:
        if isinstance(child, Definition) and not child.name.startswith("_"):
            name = f"{prefix}{child.name}"
            yield name, child
            if isinstance(child, ast.ClassDef):
                yield from public_definitions(child, f"{name}.")


def inherited(module: ast.Module) -> set[str]:
    """Methods, as `Class.method`, that a base class in the same module has documented."""
    classes = {node.name: node for node in module.body if isinstance(node, ast.ClassDef)}
    found = set()
    for name, node in classes.items():
        bases = [classes[n.id] for n in node.bases if isinstance(n, ast.Name) and n.id in classes]
        for method, body in [pair for base in bases for pair in public_definitions(base)]:
            if ast.get_docstring(body) or f"{bases[0].name}.{method}" in found:
                found.add(f"{name}.{method}")
    return found


def is_overload(node: Definition) -> bool:
    """Overloads and setters share the docstring of their first form."""
    names = {ast.unparse(decorator).split(".")[-1] for decorator in node.decorator_list}
    return bool(names & {"overload", "setter", "override"})


@pytest.mark.parametrize("path", modules(), ids=short)
def test_module_has_a_docstring(path: Path) -> None:
    """A module's docstring stands right below the licence and ends its first line as a sentence."""
    words = ast.get_docstring(tree(path))
    assert words, f"{short(path)} has no docstring"
    assert words.partition("\n")[0].rstrip().endswith((".", "?", "!", ":")), words


@pytest.mark.parametrize("path", modules(), ids=short)
def test_public_names_have_docstrings(path: Path) -> None:
    """Everything public has a docstring that starts with one line."""
    known = inherited(tree(path))
    for name, node in public_definitions(tree(path)):
        if is_overload(node) or name in known:
            continue
        words = ast.get_docstring(node)
        assert words, f"{short(path)}:{node.lineno}: {name} has no docstring"
        head = words.split("\n\n")[0]
        assert "\n" not in head.strip(), f"{short(path)}:{node.lineno}: {name}: one line first"


@pytest.mark.parametrize(
    "path", [path for path in python_tests() if path.name.startswith("test_")], ids=short
)
def test_tests_say_what_they_show(path: Path) -> None:
    """A test's docstring is a sentence of behaviour, other than its neighbours'."""
    seen: set[str] = set()
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
            words = ast.get_docstring(node)
            where = f"{short(path)}:{node.lineno}: {node.name}"
            assert words, f"{where} has no docstring"
            assert words.rstrip()[-1] in ".!?`>", f"{where}: not a sentence"
            assert words not in seen, f"{where}: the same sentence twice"
            seen.add(words)
