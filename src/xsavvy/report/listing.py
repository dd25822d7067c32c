# SPDX-License-Identifier: Apache-2.0
"""Lists of what the model knows, one entry per line, with its source below where it has one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from rich.text import Text

from xsavvy.report.text import GAP, flow, styled

if TYPE_CHECKING:
    from xsavvy.api import ListItem

__all__ = ["listing_lines"]


def listing_lines(items: Sequence[ListItem], width: int | None) -> Iterator[Text]:
    """Give each item: its name and summary, and below them its details and its source."""
    names = max((styled(item.name).cell_len for item in items), default=0)
    indent = names + len(GAP)
    for item in items:
        name = styled(item.name, "bold")
        words = flow(map(styled, item.summary.split()), indent=indent, width=width, gap=" ")
        first = words[0].plain.lstrip() if words else ""
        yield (name + Text(" " * (indent - name.cell_len)) + Text(first)).copy() if first else name
        yield from words[1:]
        details = [styled(f"{key}: {value}") for key, value in item.details.items() if value]
        yield from flow(details, indent=indent, width=width, gap="   ")
        if item.source:
            yield Text(" " * indent).append_text(styled(item.source, "dim"))
