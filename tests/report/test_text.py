# SPDX-License-Identifier: Apache-2.0
"""The pieces of text reports keep to the width and to harmless characters."""

from __future__ import annotations

import unicodedata

from hypothesis import given
from hypothesis import strategies as st
from rich.text import Text

from xsavvy.report.text import columns, escape, flow, styled


@given(st.text())
def test_escaped_text_moves_nothing(text: str) -> None:
    """Escaped text has no control character, no direction mark and no line break."""
    safe = escape(text)
    assert all(unicodedata.category(char) not in {"Cc", "Cf", "Zl", "Zp", "Cs"} for char in safe)
    assert len(safe.splitlines()) <= 1


def test_ordinary_text_stays() -> None:
    """Printable text, in any language, is left as it is."""
    assert escape("PL0_SSP ≥ 0 é 状態") == "PL0_SSP ≥ 0 é 状態"


def test_markup_is_no_markup() -> None:
    """Square brackets in names are letters, not colours."""
    assert styled("[red]x[/]").plain == "[red]x[/]"


@given(st.lists(st.text("abc", min_size=1, max_size=30), max_size=20), st.integers(10, 100))
def test_flow_keeps_every_item_whole(words: list[str], width: int) -> None:
    """Items come out whole and in order, and a line is too long only if one item is."""
    lines = flow(map(Text, words), indent=3, width=width)
    assert [word for line in lines for word in line.plain.split()] == words
    assert all(line.cell_len <= width or len(line.plain.split()) == 1 for line in lines)


def test_a_pipe_has_no_width() -> None:
    """Without a width everything stays on one line."""
    assert len(flow([Text("x" * 50)] * 9, indent=0, width=None)) == 1


def test_columns_line_up() -> None:
    """Cells of one column start at the same place, numbers end there."""
    rows = [[Text("a"), Text("1")], [Text("long"), Text("22")]]
    assert [line.plain for line in columns(rows, right=(1,))] == ["  a      1", "  long  22"]


def test_wide_characters_count_twice() -> None:
    """Columns count the cells of a terminal, not characters."""
    rows = [[Text("状"), Text("x")], [Text("ab"), Text("x")]]
    assert [line.plain for line in columns(rows, indent=0)] == ["状  x", "ab  x"]
