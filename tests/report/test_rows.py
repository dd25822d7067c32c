# SPDX-License-Identifier: Apache-2.0
"""Stories as rows: lanes, bars, windows, loops, and how they end."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import pytest

from tests.report.stories import lasso_story, sleeping_story, window_story, witness_story
from xsavvy.api import Story
from xsavvy.report.page.again import commands
from xsavvy.report.page.rows import lanes_of, masks_of, rows_of
from xsavvy.report.page.storyview import story_view

STORIES = [window_story, sleeping_story, lasso_story, witness_story]


@pytest.mark.parametrize("make", STORIES, ids=lambda make: make.__name__)
def test_rows_are_the_steps(make: Callable[[], Story]) -> None:
    """Each row has its step, its lane, and its name whole; only lanes and masks that occur are drawn."""
    told = make()
    rows = list(rows_of(told))
    lanes = lanes_of(told)
    assert [row.number for row in rows] == list(range(1, len(told.steps) + 1))
    assert [row.prefix + row.name for row in rows] == [s.taken.move.step for s in told.steps]
    assert [lanes[row.place].name for row in rows] == [s.taken.move.lane for s in told.steps]
    assert {row.place for row in rows} == {lane.place for lane in lanes}
    assert {bar.mask for row in rows for bar in row.bars} == set(masks_of(told))


@pytest.mark.parametrize("make", STORIES, ids=lambda make: make.__name__)
def test_bars_span_where_their_masks_hold(make: Callable[[], Story]) -> None:
    """A bar stands beside each step in whose context the mask is, and begins and ends where that changes."""
    told = make()
    contexts = [step.taken.move.context for step in told.steps]
    for mask in masks_of(told):
        inside = False
        for row, context in zip(rows_of(told), contexts, strict=True):
            bar = next((each for each in row.bars if each.mask == mask), None)
            assert (bar is not None) == (mask.name in context)
            if bar is None:
                assert not inside
                continue
            assert bar.begins != inside
            inside = not bar.ends
        assert not inside


def test_masks_go_from_weak_to_strong() -> None:
    """An NMI's window has preemption and interrupts off at its end, in this order."""
    last = list(rows_of(window_story()))[-1]
    assert [bar.mask.name for bar in last.bars] == ["preemption off", "interrupts off"]


def test_lines_follow_who_acts() -> None:
    """A row comes from another lane where the step before was there; lanes wait between their first and last step."""
    rows = list(rows_of(sleeping_story()))
    assert [row.came_from for row in rows] == [
        None,
        *(old.place if old.place != new.place else None for old, new in pairwise(rows)),
    ]
    places = [row.place for row in rows]
    for at, row in enumerate(rows):
        begun = {place for place in places[: at + 1] if place in places[at:]}
        assert {track.place for track in row.tracks} == {
            each for each in begun if each <= row.place
        }
        assert [track.place for track in row.tracks if track.acts] == [row.place]
    check = next(row for row in rows if row.taken.move.step == "machine check")
    assert lanes_of(sleeping_story())[check.place].name == "cpu"


def test_risk_is_drawn_once_for_one_window() -> None:
    """The window of the machine check opens once and stays open to the end."""
    rows = list(rows_of(sleeping_story()))
    opens = [row.number for row in rows if row.opens]
    assert len(opens) == 1
    assert [row.number for row in rows if row.risky] == list(range(opens[0] + 1, len(rows) + 1))
    assert not any(row.closes for row in rows)


def test_stories_end_in_words() -> None:
    """A broken property has its step, a lasso says where it goes on, a witness is reached."""
    window, lasso, witness = (story_view(s()) for s in (window_story, lasso_story, witness_story))
    assert (window.broken_at, window.endings, window.verdict) == (20, [], "violated")
    assert "closed after 1 more step of the host" in window.window_words
    assert (lasso.broken_at, lasso.loop) == (None, 24)
    assert [each.title for each in lasso.endings] == ["\u21ba", "Never comes true:"]
    assert lasso.endings[0].words == "On with step 25, and so for ever."
    assert (witness.verdict, witness.endings[0].title) == ("reached", "Reached:")


def test_commands_lead_there_again() -> None:
    """The command lines name the world that was asked for, quoted for a shell."""
    world = {"platform": "sapphire-rapids", "choices": {"a": "b c"}, "liveness": False}
    again, walk = commands(window_story(), world)
    assert again[1] == (
        "xsavvy trace pkru --property nmi_reads_user_memory_under_host_pkru --kernel v6.18 "
        "--platform sapphire-rapids --set 'a=b c'"
    )
    assert walk[1] == (
        "xsavvy explore '#scenario=pkru&kernel=v6.18&platform=sapphire-rapids&set=a=b%20c"
        f"&path=11-29.86&digest={window_story().digest}'"
    )
    assert "--witness" in commands(witness_story(), {})[0][1]
    assert [title for title, _ in commands(window_story(), {"patch": "x.py"})] == ["Again"]
