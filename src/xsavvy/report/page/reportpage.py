# SPDX-License-Identifier: Apache-2.0
"""All results of a check as one page: verdicts, what was not exercised, and each violation as a story."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from typing import TYPE_CHECKING, Any, NamedTuple

from xsavvy.report.page.again import commands
from xsavvy.report.page.html import render
from xsavvy.report.page.storyview import StoryView, story_view
from xsavvy.report.page.tracedata import trace_data
from xsavvy.report.page.tracepage import STYLE
from xsavvy.report.text import plural
from xsavvy.version import __version__

if TYPE_CHECKING:
    from xsavvy.api import CheckReport, CheckResult, LeftOut, Story

__all__ = ["Told", "report_page"]


class Told(NamedTuple):
    """A story on a page of several: its result, how it is told, and the commands that lead to it again."""

    result: CheckResult
    view: StoryView
    commands: list[tuple[str, str]]


class Block(NamedTuple):
    """A scenario on a report: its results, each with the prefix of its story or "", and what was not exercised."""

    first: CheckResult
    rows: list[tuple[CheckResult, str]]
    remarks: list[tuple[str, list[str]]]


def report_page(
    reports: Sequence[CheckReport],
    stories: Sequence[Story],
    left_out: Iterable[LeftOut],
    world: Mapping[str, Any],
    *,
    interrupted: bool = False,
) -> str:
    """Return the page of some reports; `stories` are those of the results with a trace, `world` the options."""
    prefixes = [f"trace-{number}-" for number in range(1, len(stories) + 1)]
    told = [
        Told(story.result, story_view(story, prefix), commands(story, world))
        for story, prefix in zip(stories, prefixes, strict=True)
    ]
    results = [result for report in reports for result in report.results]
    places = {_key(each.result): each.view.prefix for each in told}
    left = list(left_out)
    unfit = {each.reason for each in left}
    notes = dict.fromkeys(note for report in reports for note in report.notes if note not in unfit)
    return render(
        "report.html.j2",
        style=(*STYLE, "report.css"),
        script="trace.js",
        data=[trace_data(*pair) for pair in zip(stories, prefixes, strict=True)],
        blocks=list(_blocks(results, places)),
        counts=_counts(results),
        told=told,
        left_out=left,
        machine=next((report.machine for report in reports if report.machine), ""),
        notes=list(notes),
        kernels=list(dict.fromkeys(result.kernel for result in results)),
        platforms=list(dict.fromkeys(result.platform for result in results)),
        asked=dict(world.get("choices") or {}),
        patch=str(world.get("patch") or ""),
        interrupted=interrupted,
        version=__version__,
    )


def _key(result: CheckResult) -> tuple[str, str]:
    return result.scenario, result.property


def _blocks(
    results: Sequence[CheckResult], places: Mapping[tuple[str, str], str]
) -> Iterator[Block]:
    for _, group in groupby(results, key=lambda each: each.scenario):
        own = list(group)
        rows = [(each, places.get(_key(each), "")) for each in own]
        yield Block(own[0], rows, list(_remarks(own)))


def _remarks(results: Sequence[CheckResult]) -> Iterator[tuple[str, list[str]]]:
    """Say what makes a verdict worth less: what the exploration never did."""
    first = results[0]
    unreached = list(dict.fromkeys(name for result in results for name in result.unreached))
    deadlocks = max(result.deadlocks for result in results)
    idle = [f"{name}={' or '.join(values)}" for name, values in first.idle.items()]
    for title, names in (
        ("States in which nothing can move", [plural(deadlocks, "state")] if deadlocks else []),
        ("Steps and events never taken", unreached),
        ("Values never chosen", first.never_chosen),
        ("Outcomes that never come", first.untaken),
        ("Choices that were asked for and change nothing here", first.no_effect),
        ("Other designs with the very same result", idle),
    ):
        if names:
            yield title, names


def _counts(results: Sequence[CheckResult]) -> list[tuple[str, int]]:
    verdicts = ("violated", "incomplete", "holds")
    counts = [(each, sum(result.verdict == each for result in results)) for each in verdicts]
    return [(verdict, count) for verdict, count in counts if count]
