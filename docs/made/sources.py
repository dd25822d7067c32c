# SPDX-License-Identifier: Apache-2.0
"""What the model rests on: commits, kernel files, sections of manuals, threads; and what rests on each."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache

from xsavvy import api
from xsavvy.isa import RULES

from .markdown import code, plain, table

__all__ = ["commits_block", "files_of_linux_block", "manuals_block", "threads_block"]

KINDS = ("steps", "events", "properties", "scenarios", "choices", "components", "bugs", "inferred")
LINUX = re.compile(r"linux:(?P<file>[\w/.{}-]+)(?P<rest>[^;]*)")
MANUAL = re.compile(r"(?:^|; ?)(?P<book>SDM|sdm|APM|apm)[: ]+(?P<section>[^;]+)")
SEED = re.compile(r"\bseed (?P<number>00\d)")
SHOWN = 6


@cache
def _cited() -> tuple[tuple[str, str], ...]:
    """Return everything that names a source: what it is, and the source's text."""
    found = [(f"{item.name}", item.source) for kind in KINDS for item in api.listing(kind)]
    found += [(rule.name, rule.source) for rule in RULES]
    return tuple(dict.fromkeys(found))


def commits_block() -> str:
    """Return one row for each commit that the model knows, newest first."""
    rows = (
        (
            code(item.name),
            item.details["release"],
            plain(item.summary),
            plain(item.details["effect"]),
        )
        for item in reversed(api.listing("commits"))
    )
    return "\n".join(table(("commit", "first in", "subject", "what it changes"), rows))


def files_of_linux_block() -> str:
    """Return one row for each file of the kernel: its functions, and how many things rest on them."""
    found: dict[str, dict[str, None]] = {}
    counts: dict[str, int] = {}
    for _, source in _cited():
        for match in LINUX.finditer(source):
            functions = re.findall(r"\b\w+\(\)", match["rest"])
            found.setdefault(match["file"], {}).update(dict.fromkeys(functions))
            counts[match["file"]] = counts.get(match["file"], 0) + 1
    rows = (
        (code(file), str(counts[file]), ", ".join(code(each) for each in sorted(found[file])))
        for file in sorted(found)
    )
    return "\n".join(table(("file", "rules", "functions"), rows))


def manuals_block() -> str:
    """Return one row for each section of a manual, with what rests on it."""
    found: dict[tuple[str, str], dict[str, None]] = {}
    for name, source in _cited():
        for match in MANUAL.finditer(source):
            section = match["section"].replace('"', "").strip()
            found.setdefault((match["book"].upper(), section), {})[name] = None
    rows = ((book, plain(section), _names(found[book, section])) for book, section in sorted(found))
    return "\n".join(table(("manual", "section", "used by"), rows))


def _names(names: dict[str, None]) -> str:
    first = ", ".join(code(name) for name in list(names)[:SHOWN])
    return f"{first} and {len(names) - SHOWN} more" if len(names) > SHOWN else first


def threads_block() -> str:
    """Return one row for each of the five threads, with its page and what rests on it."""
    found: dict[str, dict[str, None]] = {}
    for name, source in _cited():
        for match in SEED.finditer(source):
            found.setdefault(match["number"], {})[name] = None
    return "\n".join(table(("thread", "used by"), _threads(found)))


def _threads(found: dict[str, dict[str, None]]) -> Iterator[tuple[str, str]]:
    for number in sorted(found):
        yield f"[seed {number}](../explanation/seed-{number}.md)", _names(found[number])
