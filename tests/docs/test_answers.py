# SPDX-License-Identifier: Apache-2.0
"""The pages that answer the threads say what the runs say."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest

from docs.answers import ANSWERS, TABLES
from docs.answers.page import explore, table, traces
from docs.answers.picture import PICTURES
from docs.answers.systems import choice_lines
from xsavvy.api import CheckResult
from xsavvy.model.choices import Choice, value_name
from xsavvy.model.registry import CHOICES

LONG = {"pkru"}
"""Answers whose rows take minutes together: a few rows are run again, the others are not."""

ROOT = Path(__file__).parents[2]


@cache
def explored(name: str) -> list[list[CheckResult]]:
    """Explore every row of an answer."""
    answer = ANSWERS[name]
    return [explore(row, list(answer.columns)) for row in answer.rows]


@pytest.mark.parametrize("name", [name for name in ANSWERS if name not in LONG])
def test_a_page_has_the_tables_and_traces_of_its_runs(name: str) -> None:
    """Exploring every row again gives the page as it stands."""
    answer = ANSWERS[name]
    found = explored(name)
    text = (ROOT / "docs" / answer.page).read_text()
    assert "\n".join(table(answer, found)) in text
    assert "\n".join(traces(answer, found)).rstrip() in text


@pytest.mark.parametrize("name", sorted(LONG))
def test_a_long_page_has_the_first_rows_of_its_runs(name: str) -> None:
    """The rows of the kernels as they are, which readers look at first, come out as they stand."""
    answer = replace(ANSWERS[name], rows=ANSWERS[name].rows[:3])
    found = [explore(row, list(answer.columns)) for row in answer.rows]
    text = (ROOT / "docs" / answer.page).read_text()
    assert "\n".join(table(answer, found)) in text
    assert "\n".join(traces(answer, found)).rstrip() in text


@pytest.mark.parametrize("name", TABLES)
def test_a_table_that_needs_no_run_is_up_to_date(name: str) -> None:
    """A page has what the model says of itself."""
    assert any(TABLES[name]() in page.read_text() for page in (ROOT / "docs").rglob("*.md"))


@pytest.mark.parametrize("name", PICTURES)
def test_a_picture_is_up_to_date_and_on_a_page(name: str) -> None:
    """A picture shows the counts of today, and some page shows the picture, with words for those who cannot see it."""
    drawn = PICTURES[name]()
    assert (ROOT / "docs" / "pictures" / name).read_text() == drawn
    ET.fromstring(drawn)
    link = re.compile(rf"!\[[^\]]{{40,}}\]\(\.\./pictures/{re.escape(name)}\)")
    assert any(link.search(page.read_text()) for page in (ROOT / "docs").glob("*/*.md"))


def test_no_picture_is_left_over() -> None:
    """Every file beside them is one that the generator makes."""
    assert {path.name for path in (ROOT / "docs" / "pictures").iterdir()} == set(PICTURES)


def test_a_picture_is_painted_for_both_schemes() -> None:
    """The background is part of it, and each color has a second one for a dark page."""
    drawn = (ROOT / "docs" / "pictures" / "seed-001-xfd.svg").read_text()
    light, dark = drawn.split("@media (prefers-color-scheme: dark)")
    rules = [set(re.findall(r"\.[\w ]+(?= {)", part)) for part in (light, dark)]
    assert rules[0] <= rules[1]
    assert 'class="page"' in drawn


SYSTEMS = (ROOT / "docs" / "reference" / "systems.md").read_text()


@pytest.mark.parametrize("choice", CHOICES, ids=lambda choice: choice.name)
def test_every_answer_to_every_question_has_a_row(choice: Choice) -> None:
    """Nothing that somebody argued for is missing."""
    for value in choice.values:
        assert f"| `{choice.name}` | `{value_name(value)}` |" in SYSTEMS


@pytest.mark.parametrize("name", ["rtit_check", "cpuid_xsave"])
def test_a_row_says_what_its_run_says(name: str) -> None:
    """The scenario is found again, and the verdicts and counts are the same."""
    choice = next(each for each in CHOICES if each.name == name)
    for line in choice_lines(choice):
        assert line in SYSTEMS
