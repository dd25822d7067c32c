# SPDX-License-Identifier: Apache-2.0
"""Lists fit their width, and a pipe gets one line for each thing that is said."""

from __future__ import annotations

import pytest

from xsavvy.api import ListItem
from xsavvy.report.listing import listing_lines

ITEM = ListItem("pkru", "When is it put there, and by whom?", "kernel f()", {
    "short": "x", "long": "a detail that needs more room than most of them do"})  # fmt: skip


def plain(*items: ListItem, width: int | None) -> list[str]:
    """The lines of some items."""
    return [line.plain for line in listing_lines(items, width)]


def test_a_pipe_gets_whole_lines() -> None:
    """Without a width nothing is broken: name and summary, details, source."""
    assert plain(ITEM, width=None) == [
        "pkru  When is it put there, and by whom?",
        "      short: x",
        "      long: a detail that needs more room than most of them do",
        "      kernel f()",
    ]


def test_words_go_to_the_next_line() -> None:
    """A narrow terminal breaks between words, and what continues is indented."""
    assert plain(ITEM, width=30) == [
        "pkru  When is it put there,",
        "      and by whom?",
        "      short: x",
        "      long: a detail that",
        "        needs more room than",
        "        most of them do",
        "      kernel f()",
    ]


def test_a_long_name_stands_alone() -> None:
    """Where a name is long the words stand below it."""
    item = ListItem("host_runs_on_host_features_only", "A sentence.", "", {})
    assert plain(item, width=40) == ["host_runs_on_host_features_only", "    A sentence."]


@pytest.mark.parametrize("item", [ListItem("a", "", "", {}), ListItem("", "", "", {"k": ""})])
def test_what_is_empty_takes_no_line(item: ListItem) -> None:
    """An empty summary, source or detail leaves no trace."""
    assert plain(item, width=80) == [item.name]
