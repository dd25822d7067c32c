# SPDX-License-Identifier: Apache-2.0
"""A story as a page tells it: its rows, its lanes and masks, and how it ends in words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

from xsavvy.report.page.rows import Lane, Mask, Row, lanes_of, masks_of, rows_of
from xsavvy.report.text import number, plural

if TYPE_CHECKING:
    from xsavvy.api import Story
    from xsavvy.api.window import Window

__all__ = ["Ending", "StoryView", "story_view"]


class Ending(NamedTuple):
    """A line below the last step: `kind` is its class in the style sheet."""

    kind: str
    title: str
    words: str
    name: str = ""


class StoryView(NamedTuple):
    """What the template of a trace fills in.

    `prefix` keeps the ids of several stories on one page apart. `broken_at` is the number of the step at which the
    story's property breaks, None where it does not break at a step. `headings` are lines above rows, by their number.
    """

    prefix: str
    property: str
    sentence: str
    source: str
    verdict: str
    extent: str
    question: str
    leaves_out: str
    lanes: list[Lane]
    lane_titles: dict[str, str]
    masks: list[Mask]
    rows: list[Row]
    broken_at: int | None
    loop: int | None
    endings: list[Ending]
    window: Window | None
    window_words: str
    risky: bool
    inferred: bool
    headings: Mapping[int, str]


def story_view(
    story: Story, prefix: str = "", headings: Mapping[int, str] | None = None
) -> StoryView:
    """Return a story as its page tells it; `headings` stand above the rows with their numbers."""
    result = story.result
    rows = list(rows_of(story))
    lanes = lanes_of(story)
    broken = [row.number for row in rows if result.property in row.taken.breaks]
    loops = result.loop is not None and result.loop < len(rows)
    return StoryView(
        prefix=prefix,
        property=result.property,
        sentence=result.sentence,
        source=result.source,
        verdict=_verdict(story),
        extent=_extent(story),
        question=story.question,
        leaves_out=story.leaves_out,
        lanes=lanes,
        lane_titles={lane.name: lane.title for lane in lanes},
        masks=masks_of(story),
        rows=rows,
        broken_at=broken[-1] if broken else None,
        loop=result.loop if loops else None,
        endings=_endings(story, bool(broken)),
        window=story.window,
        window_words=_window_words(story),
        risky=any(row.risky or row.opens for row in rows),
        inferred=any(row.taken.move.inferred for row in rows),
        headings=headings or {},
    )


def _verdict(story: Story) -> str:
    """Return the verdict; a witness that has a trace is reached."""
    result = story.result
    return "reached" if result.verdict == "holds" and result.trace else result.verdict


def _extent(story: Story) -> str:
    steps, loop = len(story.steps), story.result.loop
    if not steps:
        return "no trace"
    if loop is None:
        return plural(steps, "step")
    if loop == steps:
        return f"{plural(steps, 'step')}, then the run ends"
    return f"{plural(loop, 'step')}, then {plural(steps - loop, 'step')} for ever"


def _endings(story: Story, broken: bool) -> list[Ending]:
    """Say how a story ends that does not end with a broken property at its last step."""
    result = story.result
    if broken or not story.steps or not result.property:
        return []
    told = result.sentence, result.property
    if result.kind == "deadlock" and result.verdict == "violated":
        return [Ending("banner", "Nothing can happen any more.", *told)]
    if result.verdict == "violated" and result.loop == len(story.steps):
        words = (
            "Here the run ends: nothing has to happen any more, and what should come has not come."
        )
        return [Ending("loop-note", "The end.", words), Ending("banner", "Violated:", *told)]
    if result.verdict == "violated" and result.loop is not None:
        words = f"On with step {result.loop + 1}, and so for ever."
        return [Ending("loop-note", "\u21ba", words), Ending("banner", "Never comes true:", *told)]
    if result.verdict == "violated":
        return [Ending("banner", "Violated:", *told)]
    return [Ending("reached", "Reached:", *told)]


def _window_words(story: Story) -> str:
    window = story.window
    if window is None:
        return ""
    came = story.steps[window.at].taken.move
    rest = len(window.rest)
    without = f"Without {came.step} at step {window.at + 1}"
    if window.ends == "closes":
        return (
            f"{without} the window would have closed after {plural(rest, 'more step')} of the host:"
        )
    if window.ends == "guest" and not rest:
        return (
            f"{without} the guest would go on, and the window stays open for as long as it likes."
        )
    if window.ends == "guest":
        steps = plural(rest, "more step")
        return (
            f"{without} the host would do {steps}, and then the guest goes on with the window open:"
        )
    return f"{without} the window would stay open for more than {number(rest)} steps of the host."
