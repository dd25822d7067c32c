# SPDX-License-Identifier: Apache-2.0
"""The project's own files, as the architecture tests see them."""

from __future__ import annotations

import ast
import shutil
import subprocess
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SRC = ROOT / "src" / "xsavvy"
TEXT = {
    ".py",
    ".md",
    ".toml",
    ".cfg",
    ".txt",
    ".json",
    ".yaml",
    ".yml",
    ".sh",
    ".html",
    ".js",
    ".css",
}


@cache
def modules() -> tuple[Path, ...]:
    """Every module of the package."""
    return tuple(sorted(SRC.rglob("*.py")))


@cache
def python_tests() -> tuple[Path, ...]:
    """Every Python file of the tests."""
    return tuple(sorted((ROOT / "tests").rglob("*.py")))


@cache
def project_files() -> tuple[Path, ...]:
    """Every file that belongs to the project: what git tracks or would track."""
    if shutil.which("git") and (ROOT / ".git").exists():
        command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
        listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
        files = [ROOT / name for name in listed.stdout.split("\0") if name]
    else:
        files = [*modules(), *python_tests(), ROOT / "pyproject.toml", ROOT / "README.md"]
    return tuple(sorted(path for path in files if path.is_file()))


def text_files() -> list[Path]:
    """The project's files that people read."""
    scripts = {"Makefile", "run"}
    return [path for path in project_files() if path.suffix in TEXT or path.name in scripts]


@cache
def tree(path: Path) -> ast.Module:
    """The syntax tree of a Python file."""
    return ast.parse(path.read_text(encoding="utf-8"), filename=str(path))


def short(path: Path) -> str:
    """A path as it reads in a message and in a test's name."""
    return path.relative_to(ROOT).as_posix()
