# SPDX-License-Identifier: Apache-2.0
"""Text as Markdown: what must be escaped, tables, code."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

__all__ = ["code", "plain", "table", "title"]

_SPECIAL = re.compile(r"([\\`*\[\]|~])")
_NAMES = re.compile(
    r"`[^`]+`|(?:[\w{}-]+/)+[\w{}-]+\.\w+|\b\w*_\w+(?:\(\))?|\b\w+\(\)|(?<![\w-])--[a-z][a-z-]+"
)


def plain(text: str) -> str:
    """Return text that reads as it is; a name with an underscore or with parentheses becomes code.

    >>> plain("kvm_load() reads XCR0[9] | a < b")
    '`kvm_load()` reads XCR0\\\\[9\\\\] \\\\| a &lt; b'
    """
    words = " ".join(text.split())
    found: list[str] = []
    end = 0
    for name in _NAMES.finditer(words):
        found += [_escaped(words[end : name.start()]), code(name[0])]
        end = name.end()
    return "".join([*found, _escaped(words[end:])])


def _escaped(text: str) -> str:
    return _SPECIAL.sub(r"\\\1", text).replace("<", "&lt;")


def code(text: str) -> str:
    """Return text as code; a bar is escaped, since it would end a table's cell."""
    return f"`{text.replace('`', '')}`".replace("|", "\\|") if text else ""


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    """Yield a table's lines; the cells are Markdown already."""
    yield f"| {' | '.join(head)} |"
    yield "|---" * len(head) + "|"
    for row in rows:
        yield f"| {' | '.join(row)} |"


def title(name: str) -> str:
    """Return a name as the words of a heading, in which underscores stay underscores."""
    return name.replace("_", "\\_")
