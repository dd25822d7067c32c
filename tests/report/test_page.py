# SPDX-License-Identifier: Apache-2.0
"""Pages as text: whole without any script, and safe whatever names they show."""

from __future__ import annotations

import json
from html.parser import HTMLParser
from typing import Any

import msgspec
import pytest

from tests.report.stories import lasso_story, window_story
from xsavvy.api import LANES, CheckReport, LeftOut, Story
from xsavvy.report.page.reportpage import report_page
from xsavvy.report.page.tracepage import trace_page

HOSTILE = "</script><script>x()</script>\" onload='x()' {{ 7*7 }} \x1b[2J\u202egnp.\u2028&amp;\x00"
"""A name as a file could have it: markup, quotes, a template, controls, text that runs backwards."""


class Reader(HTMLParser):
    """Collects elements, and text by the element that it stands in."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: dict[str, list[str]] = {}
        self.open: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        while self.open and self.open.pop() != tag:
            pass

    def handle_data(self, data: str) -> None:
        if self.open:
            self.texts.setdefault(self.open[-1], []).append(data)


def hostile(value: Any) -> Any:
    """Put a hostile name into every text that is not one of the page's own words."""
    kept = {"violated", "holds", "complete", "always", "closes", *LANES}
    if isinstance(value, str):
        return value if value in kept else f"{value}{HOSTILE}"
    if isinstance(value, dict):
        return {hostile(key): hostile(each) for key, each in value.items()}
    return [hostile(each) for each in value] if isinstance(value, list) else value


def hostile_story() -> Story:
    """A story in which every name is hostile, field names included."""
    return msgspec.convert(_values(msgspec.to_builtins(window_story())), Story)


def _values(value: Any) -> Any:
    """Make the values hostile below keys that are the types' own; mappings of names wholly."""
    free = {"values", "changes", "choices", "set", "arguments"}
    if isinstance(value, dict):
        return {k: hostile(v) if k in free else _values(v) for k, v in value.items()}
    return [_values(each) for each in value] if isinstance(value, list) else hostile(value)


@pytest.fixture(scope="module")
def pages() -> dict[str, str]:
    """Pages of which every name is hostile."""
    told = hostile_story()
    left = LeftOut(HOSTILE, HOSTILE, HOSTILE, "not applicable", HOSTILE)
    report = CheckReport([told.result], [HOSTILE], HOSTILE)
    world = {"platform": HOSTILE, "choices": {HOSTILE: HOSTILE}, "patch": HOSTILE}
    return {
        "trace": trace_page(told, [("Again", HOSTILE)]),
        "report": report_page([report], [told], [left], world),
    }


@pytest.mark.parametrize("kind", ["trace", "report"])
def test_hostile_names_stay_text(pages: dict[str, str], kind: str) -> None:
    """No name ends an element or an attribute, runs, moves a cursor or turns the text around."""
    page = pages[kind]
    read = Reader(page)
    scripts = [attributes for tag, attributes in read.elements if tag == "script"]
    assert scripts == [{"type": "application/json", "id": "data"}, {"type": "module"}]
    assert not [name for _, each in read.elements for name in each if name.startswith("on")]
    assert not set("\x1b\u202e\u2028\x00") & set(page)
    shown = "</script><script>x()</script>\" onload='x()' {{ 7*7 }} \\x1b[2J\\x202egnp.\\x2028&amp;\\x00"
    assert any(shown in text for text in ["".join(read.texts["code"]), *read.texts["dd"]])
    assert shown in "".join(read.texts["title"])


@pytest.mark.parametrize("kind", ["trace", "report"])
def test_hostile_names_stay_data(pages: dict[str, str], kind: str) -> None:
    """The data for the script are valid JSON, with names spelled out as the page shows them."""
    (data,) = (text for text in Reader(pages[kind]).texts["script"] if text.startswith("["))
    (told,) = json.loads(data)
    names = {field["name"] for field in told["fields"]}
    assert len(names) > len(LANES)
    assert all("\\x202egnp" in name for name in names - set(LANES))
    assert set(told["steps"][-2]["changes"]) <= names


@pytest.mark.parametrize("make", [window_story, lasso_story], ids=lambda make: make.__name__)
def test_a_page_says_all_without_a_script(make: Any) -> None:
    """Every step's name, source, changes and the sentence stand in the page's own text."""
    told: Story = make()
    read = Reader(trace_page(told))
    page = " ".join(" ".join("".join(texts) for texts in read.texts.values()).split())
    for step in told.steps:
        assert step.taken.move.step.rpartition(".")[2] in page
        for name, (old, new) in step.taken.changes.items():
            assert name in read.texts["b"]
            assert old in read.texts["del"]
            assert new in read.texts["ins"]
    assert told.result.sentence in page
    anchors = {attributes["id"] for _, attributes in read.elements if attributes.get("id")}
    assert {f"step-{number}" for number in range(len(told.steps) + 1)} <= anchors


def test_a_page_asks_for_nothing() -> None:
    """No element loads anything, and the policy would not let it."""
    page = trace_page(window_story())
    loads = [
        (tag, name)
        for tag, attributes in Reader(page).elements
        for name, value in attributes.items()
        if name in {"src", "srcset", "action", "data", "poster"} or (name == "href" and tag != "a")
        if not str(value).startswith("data:")
    ]
    assert loads == []
    assert "default-src &#39;none&#39;" in page
    assert "http:" not in page.replace("http://www.w3.org", "")
    assert "https:" not in page


def test_a_report_of_nothing_is_a_page() -> None:
    """Where nothing was checked the page says so."""
    page = report_page([], [], [], {}, interrupted=True)
    assert "Nothing was checked" in page
    assert "interrupted" in page
