# SPDX-License-Identifier: Apache-2.0
"""The examples in a Markdown file, and whether a program's output is what an example shows."""

from __future__ import annotations

import doctest
import re
import shlex
from collections.abc import Iterator
from typing import NamedTuple

FENCE = re.compile(r"^(?P<mark>```+|~~~+)\s*(?P<language>[\w-]*)")
SECONDS = re.compile(r"\b\d[\d,]*(\.\d+)? s\b|\b\d+ min \d\d s\b")
RATE = re.compile(r"\b[\d,]+ states/s")


class Example(NamedTuple):
    """A fenced block: its language, the number of its first line, its text."""

    language: str
    line: int
    text: str


class Transcript(NamedTuple):
    """A command of a console block, and what it shows."""

    line: int
    words: list[str]
    output: str


def examples(text: str) -> Iterator[Example]:
    """Give the fenced blocks of a Markdown text.

    >>> [e.language for e in examples("a\\n```python\\n1\\n```\\nb")]
    ['python']
    """
    mark, language, start, block = "", "", 0, [""]
    for number, line in enumerate(text.splitlines(), 1):
        fence = FENCE.match(line.strip())
        if mark and line.strip() == mark:
            yield Example(language, start, "\n".join(block) + "\n")
            mark = ""
        elif mark:
            block.append(line)
        elif fence:
            mark, language, start, block = fence["mark"], fence["language"], number + 1, []
    if mark:
        raise ValueError(f"line {start - 1}: the block has no end")


def transcripts(example: Example) -> Iterator[Transcript]:
    """Give the commands of a console block, each with the output up to the next.

    >>> block = Example("console", 1, "$ xsavvy list kernels\\nv6.12\\n")
    >>> [(t.words, t.output) for t in transcripts(block)]
    [(['xsavvy', 'list', 'kernels'], 'v6.12\\n')]
    """
    found: list[Transcript] = []
    for number, line in enumerate(example.text.splitlines(), example.line):
        if line.startswith("$ "):
            words = shlex.split(line[2:])
            if words[0] != "xsavvy" or {"|", ">", "&&", ";"} & set(words):
                raise ValueError(f"line {number}: a console block shows xsavvy alone")
            found.append(Transcript(number, words, ""))
        elif found:
            found[-1] = found[-1]._replace(output=f"{found[-1].output}{line}\n")
        else:
            raise ValueError(f"line {number}: a console block starts with '$ xsavvy'")
    yield from found


def _essence(text: str) -> str:
    """The text without what differs between runs: times, rates, and the spaces that align them."""
    text = RATE.sub("R states/s", SECONDS.sub("T s", text))
    return "\n".join(" ".join(line.split()) for line in text.strip().splitlines()) + "\n"


def matches(shown: str, printed: str) -> bool:
    """Whether an example shows what was printed; `...` stands for anything, also for whole lines.

    >>> matches("holds 5 states 0.10 s", "holds   5 states 12.3 s")
    True
    >>> matches("first\\n...\\nlast", "first\\na\\nb\\nlast")
    True
    >>> matches("holds 5 states", "holds 6 states")
    False
    """
    checker = doctest.OutputChecker()
    return checker.check_output(_essence(shown), _essence(printed), doctest.ELLIPSIS)
