# SPDX-License-Identifier: Apache-2.0
"""A source is something that a reader can open."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.arch.source import short, text_files
from xsavvy import api

# A bracket around one letter, so that these lines do not find themselves.
NOTES = re.compile(
    r"\bknown-b[u]gs\b|\bkvm-x[s]tate\b|\bpeers-and-f[o]rmats\b|\bp[e]ers \d|\bo[r]acles \d|\binv[a]riants? I\d"
)
NUMBER = re.compile(r"\bP\d+\b")
KINDS = ("properties", "scenarios", "choices", "bugs", "parts", "inferred", "steps", "events")


def without_numbers(source: str) -> str:
    """What a source says beside the numbers of sentences."""
    return NUMBER.sub("", source).strip(" ,;")


@pytest.mark.parametrize("path", text_files(), ids=short)
def test_no_file_cites_the_working_notes(path: Path) -> None:
    """No file sends its reader to notes that are not published."""
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        assert not NOTES.search(line), f"{short(path)}:{number}: name what the notes name"


@pytest.mark.parametrize("kind", KINDS)
def test_a_source_is_more_than_a_number(kind: str) -> None:
    """The number of a sentence says what is asked, not where it comes from."""
    for item in api.listing(kind):
        assert without_numbers(item.source), f"{kind} {item.name}: {item.source!r}"


@pytest.mark.parametrize(
    "source", ["known-{} 4", "kvm-{} section 9.3", "peers-and-{} 4.11", "{} 1.8", "P2, {} I1"]
)
def test_the_notes_are_found_where_they_are_cited(source: str) -> None:
    """Each way in which the notes were once cited is one that the search finds."""
    words = ("bugs", "xstate", "formats", "peers", "invariant")
    assert any(NOTES.search(source.format(word)) for word in words)
    assert not NOTES.search(source.format("commit"))


def test_a_number_alone_is_no_source() -> None:
    """Numbers without anything beside them leave nothing."""
    assert not without_numbers("P4, P6, P10")
    assert without_numbers("P4; commit ec269475cba7") == "commit ec269475cba7"
