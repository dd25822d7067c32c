# SPDX-License-Identifier: Apache-2.0
"""The result of a search as text: one compact block per scenario, and a trace per violation."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from typing import TYPE_CHECKING

from rich.text import Text

from xsavvy.report.text import columns, duration, flow, number, plural, styled
from xsavvy.report.trace import trace_lines

if TYPE_CHECKING:
    from xsavvy.api import CheckResult

__all__ = ["check_lines", "heading", "result_lines", "summary_line", "verdict_text"]

VERDICT_STYLE = {"holds": "green", "violated": "bold red", "incomplete": "yellow"}


def verdict_text(verdict: str) -> Text:
    """Return a verdict in its colour; the word alone says it too."""
    return styled(verdict, VERDICT_STYLE.get(verdict, ""))


def heading(result: CheckResult, width: int | None) -> list[Text]:
    """Return what was checked: the scenario, on which kernel and platform, what was set."""
    world = [f"kernel {result.kernel}", f"platform {result.platform}"]
    world += [f"{choice}={value}" for choice, value in sorted(result.set.items())]
    items = [styled(result.scenario, "bold"), *(styled(word, "dim") for word in world)]
    return flow(items, indent=0, width=width)


def check_lines(results: Sequence[CheckResult], width: int | None) -> Iterator[Text]:
    """Give the block of each scenario, in the order in which they were checked."""
    for _, group in groupby(results, key=_world):
        yield from _block(list(group), width)
        yield Text()


def result_lines(result: CheckResult, width: int | None) -> Iterator[Text]:
    """Give one property's result with its trace, or why there is none."""
    yield from heading(result, width)
    if result.trace:
        yield from trace_lines(result, width)
        return
    yield from columns([_row(result)], right=(2, 3, 4))
    yield Text("  ").append_text(styled(result.sentence))


def summary_line(results: Sequence[CheckResult], *, interrupted: bool = False) -> Text:
    """Return the last line: how many properties held, were violated, or are still open."""
    worlds = {_world(result) for result in results}
    counts = [
        (word, sum(result.verdict == verdict for result in results), style)
        for word, verdict, style in (
            ("hold", "holds", ""),
            ("violated", "violated", "bold red"),
            ("incomplete", "incomplete", "yellow"),
        )
    ]
    line = Text(f"{plural(len(worlds), 'scenario')}, ")
    line.append(f"{plural(len(results), 'property', 'properties')}: ")
    parts = [Text(f"{count:,} {word}", style) for word, count, style in counts if count]
    line.append_text(Text(", ").join(parts) if parts else Text("nothing was checked"))
    if interrupted:
        line.append("; interrupted", "yellow")
    return line


def _world(result: CheckResult) -> tuple[object, ...]:
    choices = tuple(sorted(result.choices.items()))
    return result.scenario, result.kernel, result.platform, choices


def _block(results: Sequence[CheckResult], width: int | None) -> Iterator[Text]:
    yield from heading(results[0], width)
    yield from columns((_row(result) for result in results), right=(2, 3, 4))
    yield from _remarks(results, width)
    for result in results:
        if result.trace:
            yield Text()
            yield from trace_lines(result, width)


def _row(result: CheckResult) -> list[Text]:
    depth = f"depth {number(result.depth)}"
    return [
        styled(result.property),
        verdict_text(result.verdict),
        Text(plural(result.states, "state")),
        Text(depth),
        Text(duration(result.seconds), "dim"),
    ]


def _remarks(results: Iterable[CheckResult], width: int | None) -> Iterator[Text]:
    """Say what makes a verdict worth less: states with no way out, steps that nothing reached."""
    results = list(results)
    deadlocks = max(result.deadlocks for result in results)
    if deadlocks:
        yield Text(f"  {plural(deadlocks, 'deadlock')}: states in which nothing can move", "yellow")
    unreached = list(dict.fromkeys(name for result in results for name in result.unreached))
    if unreached:
        label = Text(f"never taken ({number(len(unreached))}):", "yellow")
        yield from flow([label, *map(styled, unreached)], indent=2, width=width)
    first = results[0]
    for words, names in (
        ("values never chosen", first.never_chosen),
        ("outcomes that never come", first.untaken),
        ("changes nothing here", first.no_effect),
    ):
        if names:
            label = Text(f"{words} ({number(len(names))}):", "dim")
            yield from flow([label, *map(styled, names)], indent=2, width=width)
