# SPDX-License-Identifier: Apache-2.0
"""The small pieces every text report is made of: safe strings, numbers, columns.

Lines are made to fit by moving whole items to a next line, never by cutting them: what a report
names (a field, a step, a source) can always be copied out of it.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from xml.sax.saxutils import escape as xml_escape

from rich.text import Text

__all__ = ["columns", "duration", "escape", "flow", "in_xml", "number", "plural", "styled"]

GAP = "  "
# Controls, invisible marks (among them text that runs backwards), line separators, surrogates, no characters at all.
_UNSAFE = {"Cc", "Cf", "Zl", "Zp", "Cs", "Cn"}


def escape(text: str) -> str:
    r"""Return text that cannot move the cursor: control characters are spelled out.

    >>> escape("a\x1b[2Jb\n")
    'a\\x1b[2Jb\\x0a'
    """
    return "".join(
        f"\\x{ord(char):02x}" if unicodedata.category(char) in _UNSAFE else char for char in text
    )


def in_xml(text: str) -> str:
    """Return text as it stands between two tags; XML has no control characters, however they are written.

    >>> in_xml("<b>\\x1b & c")
    '&lt;b&gt;\\\\x1b &amp; c'
    """
    return xml_escape(escape(text))


def styled(text: str, style: str = "") -> Text:
    """Return foreign text as a safe piece of a line."""
    return Text(escape(text), style=style)


def number(value: int) -> str:
    """Return an integer with its thousands set apart.

    >>> number(1234567)
    '1,234,567'
    """
    return f"{value:,}"


def plural(count: int, noun: str, many: str = "") -> str:
    """Return a count with its noun.

    >>> plural(1, "state"), plural(2000, "property", "properties")
    ('1 state', '2,000 properties')
    """
    return f"{number(count)} {noun if count == 1 else many or noun + 's'}"


def duration(seconds: float) -> str:
    """Return a time in seconds, or minutes and seconds from two minutes on.

    >>> duration(0.0042), duration(3.14159), duration(75.5), duration(3725)
    ('0.00 s', '3.14 s', '75.5 s', '62 min 05 s')
    """
    if seconds < 10:
        return f"{seconds:.2f} s"
    if seconds < 120:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest:02} s"


def columns(
    rows: Iterable[Sequence[Text]], *, indent: int = 2, right: Iterable[int] = ()
) -> list[Text]:
    """Return one line per row with the cells of a column below each other.

    The columns named in `right` are aligned at their right edge, as numbers are.
    """
    cells = [list(row) for row in rows]
    to_right = set(right)
    widths = [
        max(row[column].cell_len for row in cells if column < len(row))
        for column in range(max(map(len, cells), default=0))
    ]
    lines = []
    for row in cells:
        line = Text(" " * indent)
        for column, cell in enumerate(row):
            space = " " * (widths[column] - cell.cell_len)
            line.append_text(Text(GAP) if column else Text())
            line.append_text(Text(space) + cell if column in to_right else cell + Text(space))
        line.rstrip()
        lines.append(line)
    return lines


def flow(items: Iterable[Text], *, indent: int, width: int | None, gap: str = GAP) -> list[Text]:
    """Return items one after the other, going to a new line where the width is used up.

    A width of None is a pipe: everything stays on one line.

    >>> [line.plain for line in flow([Text("aaa"), Text("bbb"), Text("ccc")], indent=1, width=9)]
    [' aaa  bbb', ' ccc']
    """
    lines: list[Text] = []
    for item in items:
        fits = width is None or (
            bool(lines) and lines[-1].cell_len + len(gap) + item.cell_len <= width
        )
        if lines and fits:
            lines[-1].append(gap).append_text(item)
        else:
            lines.append(Text(" " * indent).append_text(item))
    return lines
