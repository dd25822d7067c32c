# SPDX-License-Identifier: Apache-2.0
"""What `xsavvy list` prints, as tables and sections."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from xsavvy import api

from .markdown import code, plain, table, title

__all__ = ["choices_block", "details_block", "inferred_block", "table_block"]


def table_block(kind: str, columns: Sequence[str], *, source: bool = True) -> str:
    """Return one row for each item: name, summary, some of its details, who says so."""
    last = ("source",) if source else ()
    rows = (
        (
            code(item.name),
            plain(item.summary),
            *(plain(item.details.get(name, "")) for name in columns),
            *((plain(item.source),) if source else ()),
        )
        for item in api.listing(kind)
    )
    return "\n".join(table(("name", "what it is", *columns, *last), rows))


def details_block(kind: str) -> str:
    """Return a section for each item, with all its details."""
    lines: list[str] = []
    for item in api.listing(kind):
        lines += [f"## {title(item.name)}", "", plain(item.summary), ""]
        details = {**item.details, "source": item.source}
        lines += [f"* {name}: {plain(value)}" for name, value in details.items() if value]
        lines.append("")
    return "\n".join(lines)


def choices_block() -> str:
    """Return a section for each question of design: its answers, the base's and the newest kernel's."""
    lines: list[str] = []
    for item in api.listing("choices"):
        lines += [f"## {title(item.name)}", "", plain(item.summary), ""]
        lines += _answers(item)
        lines += ["", f"Source: {plain(item.source)}", ""]
    return "\n".join(lines)


def _answers(item: api.ListItem) -> Iterator[str]:
    *answers, base, newest = item.details.items()
    marks: dict[str, list[str]] = {}
    for label, value in (base, newest):
        marks.setdefault(value, []).append(label)
    for name, words in answers:
        mark = f" (**{', '.join(marks[name])}**)" if name in marks else ""
        yield f"* {code(name)}: {plain(words)}{mark}"


def inferred_block() -> str:
    """Return the rules that no source states, room by room."""
    rooms: dict[str, list[api.ListItem]] = {}
    for item in api.listing("inferred"):
        rooms.setdefault(item.details.get("room", "model"), []).append(item)
    lines: list[str] = []
    for room, items in rooms.items():
        lines += [f"## {room}", ""]
        rows = ((code(each.name), plain(each.summary), plain(each.source)) for each in items)
        lines += [*table(("rule", "what is assumed", "what it rests on"), rows), ""]
    return "\n".join(lines)
