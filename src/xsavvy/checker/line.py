# SPDX-License-Identifier: Apache-2.0
"""Lines of generated code, and the passes that clean them up."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from xsavvy.checker.word import Word

_TOKEN = re.compile(r"@(\d+)@")
_NAME = re.compile(r"[A-Za-z_]\w*")


class Line(NamedTuple):
    """One line of code: its depth, its text, and the variable that it does nothing but set."""

    depth: int
    text: str
    target: str | None = None


def indented(lines: Iterable[Line], depth: int) -> list[Line]:
    """Shift lines to the right."""
    return [Line(line.depth + depth, line.text, line.target) for line in lines]


def tidy(lines: Sequence[Line]) -> list[Line]:
    """Drop assignments of variables that nothing reads, and fill empty blocks with `pass`."""
    kept = list(lines)
    while True:
        names: set[str] = set()
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


def loads(lines: Sequence[Line], word: Word, depth: int, mark: str = "b") -> list[Line]:
    """Put the slots in place of their tokens: read once into a variable if used repeatedly."""
    counts: dict[str, int] = {}
    for line in lines:
        for token in _TOKEN.findall(line.text):
            counts[token] = counts.get(token, 0) + 1
    first = [
        Line(depth, f"{mark}{token} = {word.read(int(token))}")
        for token, count in counts.items()
        if count > 1
    ]

    def text(found: re.Match[str]) -> str:
        token = found[1]
        return f"{mark}{token}" if counts[token] > 1 else word.read(int(token))

    return first + [line._replace(text=_TOKEN.sub(text, line.text)) for line in lines]


def render(lines: Sequence[Line]) -> str:
    """Join lines to the text of a program."""
    return "\n".join(" " * line.depth + line.text for line in lines) + "\n"
