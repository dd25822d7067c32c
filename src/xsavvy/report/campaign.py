# SPDX-License-Identifier: Apache-2.0
"""A campaign as one table, a row per world and a column per scenario, and how far it is."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.text import Text

from xsavvy.report.text import columns, escape, flow, number, plural, styled

if TYPE_CHECKING:
    from xsavvy.api import CampaignReport, Job, JobResult

__all__ = ["CampaignProgress", "campaign_lines", "campaign_summary", "job_line"]

STYLE = {
    "holds": "green",
    "violated": "bold red",
    "incomplete": "yellow",
    "not applicable": "dim",
    "not done": "yellow",
}
NOT_DONE = Text("not done", "yellow")
World = tuple[str, tuple[tuple[str, str], ...], str]


def campaign_lines(report: CampaignReport, width: int | None) -> Iterator[Text]:
    """Give the table: the worlds down, the scenarios across; then why something has no verdict."""
    cells = {(_world(each.job), each.job.scenario): each for each in report.jobs}
    worlds = list(dict.fromkeys(world for world, _ in cells))
    scenarios = list(dict.fromkeys(scenario for _, scenario in cells))
    if not worlds:
        return
    named = {
        "platform": [world[0] for world in worlds],
        **{
            name: [dict(world[1]).get(name, "") for world in worlds]
            for name in dict.fromkeys(name for world in worlds for name, _ in world[1])
        },
    }
    shared = {name: values[0] for name, values in named.items() if len(set(values)) == 1}
    told = [f"platform {shared[name]}" if name == "platform" else f"{name}={shared[name]}"
            for name in shared]  # fmt: skip
    if told:
        yield from flow((styled(words, "dim") for words in told), indent=0, width=width)
    own = [name for name in named if name not in shared]
    head = [styled(word, "dim") for word in ("kernel", *own)]
    rows = [[*head, *(styled(scenario, "bold") for scenario in scenarios)]]
    for place, world in enumerate(worlds):
        row = [styled(world[2]), *(styled(named[name][place]) for name in own)]
        rows.append([*row, *(_cell(cells.get((world, scenario))) for scenario in scenarios)])
    yield from columns(rows)
    yield from _reasons(report.jobs, width)


def campaign_summary(report: CampaignReport) -> Text:
    """Return the last line: how many worlds have which verdict, and what was searched for that."""
    counts: Counter[str] = Counter(each.verdict for each in report.jobs)
    words = (("holds", "hold"), ("violated", "violated"), ("incomplete", "incomplete"),
             ("not applicable", "not applicable"))  # fmt: skip
    parts = [
        Text(f"{number(counts[verdict])} {word}", STYLE[verdict] if verdict != "holds" else "")
        for verdict, word in words
        if counts[verdict]
    ]
    line = Text(f"{plural(len(report.jobs), 'combination')}: ")
    line.append_text(Text(", ").join(parts) if parts else Text("nothing was checked"))
    if report.interrupted:
        line.append("; interrupted", "yellow")
    return line


def job_line(found: JobResult) -> Text:
    """Return one result in a line."""
    job = found.job
    line = styled(" ".join(_words(job))).append(": ")
    line.append_text(_cell(found))
    return line.append_text(styled(f" ({found.reason})", "dim")) if found.reason else line


class CampaignProgress:
    """Shows each result as it comes: a bar on a terminal, else a line per search, on standard error."""

    def __init__(self) -> None:
        self._console = Console(file=sys.stderr, highlight=False, markup=False, emoji=False)
        self._bar = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            console=self._console,
            transient=True,
            disable=not self._console.is_terminal,
        )
        self._task = self._bar.add_task("planning", total=None)
        self._done, self._total = 0, 0

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._bar.stop()

    def count(self, done: int, total: int) -> None:
        """Take note of how many combinations are done, of how many."""
        self._done, self._total = done, total
        self._bar.update(self._task, completed=done, total=total)

    def show(self, found: JobResult) -> None:
        """Show the newest result."""
        if self._console.is_terminal:
            self._bar.update(self._task, description=escape(" ".join(_words(found.job))))
        elif found.origin == "searched" and found.verdict != "not applicable":
            self._console.print(Text("xsavvy: ").append_text(job_line(found)), soft_wrap=True)


def _words(job: Job) -> list[str]:
    chosen = [f"{name}={value}" for name, value in sorted(job.set.items())]
    return [job.scenario, job.kernel, job.platform, *chosen]


def _world(job: Job) -> World:
    return job.platform, tuple(sorted(job.set.items())), job.kernel


def _cell(found: JobResult | None) -> Text:
    """Return a verdict; of a violation, how many properties are violated."""
    if found is None:
        return NOT_DONE
    if found.verdict == "not applicable":
        return styled("n/a", "dim")
    violated = sum(result.verdict == "violated" for result in found.results)
    words = f"{violated} violated" if violated else found.verdict
    more = ", cut" if violated and found.reason else ""
    return styled(words + more, STYLE[found.verdict])


def _reasons(jobs: Sequence[JobResult], width: int | None) -> Iterator[Text]:
    """Say once for each reason why worlds have no whole answer, and how many they are."""
    for verdict, label in (("not applicable", "n/a"), ("incomplete", "incomplete"),
                           ("violated", "cut")):  # fmt: skip
        found = _counted(each for each in jobs if each.verdict == verdict and each.reason)
        for reason, count in found.items():
            words = f"{label} ({number(count)}): {reason}".split()
            lines = flow((styled(word) for word in words), indent=4, width=width, gap=" ")
            yield Text("  ").append_text(lines[0][4:])
            yield from lines[1:]


def _counted(jobs: Iterable[JobResult]) -> Counter[str]:
    return Counter(f"{each.job.scenario}: {each.reason}" for each in jobs)
