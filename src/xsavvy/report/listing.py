# SPDX-License-Identifier: Apache-2.0
"""Lists of what the model knows: a name, what it is, what belongs to its kind, who says so."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from rich.text import Text

from xsavvy.report.text import GAP, flow, styled

if TYPE_CHECKING:
    from xsavvy.api import ListItem

__all__ = ["listing_lines"]

LONGEST_NAME = 24
SHORT = 24


def listing_lines(items: Sequence[ListItem], width: int | None) -> Iterator[Text]:
    """Give each item with its summary beside it, its details and its source below.

    Where names are long each stands on a line of its own, so that the words have room.
    """
    longest = max((styled(item.name).cell_len for item in items), default=0)
    indent = longest + len(GAP) if longest <= LONGEST_NAME else 2 * len(GAP)
    for item in items:
        yield from _head(item, indent, width)
        yield from _details(item.details, indent, width)
        yield from _words(item.source, "dim", indent, width)


def _words(text: str, style: str, indent: int, width: int | None) -> list[Text]:
    return flow((styled(word, style) for word in text.split()), indent=indent, width=width, gap=" ")


def _head(item: ListItem, indent: int, width: int | None) -> Iterator[Text]:
    name = styled(item.name, "bold")
    summary = _words(item.summary, "", indent, width)
    if summary and name.cell_len + len(GAP) <= indent:
        first = summary.pop(0)
        yield name + Text(" " * (indent - name.cell_len)) + first[indent:]
    else:
        yield name
    yield from summary


def _details(details: Mapping[str, str], indent: int, width: int | None) -> Iterator[Text]:
    """Put short details beside each other; a long one has its own lines, indented once more."""
    short: list[Text] = []
    for key, value in details.items():
        if not value:
            continue
        if len(key) + len(value) <= SHORT:
            short.append(styled(f"{key}: {value}"))
            continue
        yield from flow(short, indent=indent, width=width, gap="   ")
        short = []
        yield from _hanging(f"{key}: {value}", indent, width)
    yield from flow(short, indent=indent, width=width, gap="   ")


def _hanging(text: str, indent: int, width: int | None) -> Iterator[Text]:
    lines = _words(text, "", indent + 2, width)
    yield lines[0][2:]
    yield from lines[1:]
