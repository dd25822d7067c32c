# SPDX-License-Identifier: Apache-2.0
"""`xsavvy check`: explore every interleaving of some scenarios."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import click

from xsavvy.cli.option import as_json, world
from xsavvy.cli.status import of_verdicts

if TYPE_CHECKING:
    from xsavvy.api import CheckReport
    from xsavvy.report.progress import ProgressLine

__all__ = ["command"]


@click.command("check")
@click.argument("scenarios", nargs=-1, metavar="[SCENARIO]...")
@world
@as_json
def command(scenarios: tuple[str, ...], *, as_json: bool, **options: Any) -> int:
    """Explore every interleaving: does every property hold?

    A property that is violated comes with the shortest trace to a state in which it is.
    Without a SCENARIO the default ones are checked; 'xsavvy list scenarios' names all. An
    interrupt (Ctrl-C) ends the search and shows what was found until then.
    """
    from xsavvy.report.check import check_lines, summary_line
    from xsavvy.report.json import encode
    from xsavvy.report.progress import ProgressLine
    from xsavvy.report.screen import Screen, note

    screen = Screen()
    reports: list[CheckReport] = []
    told: dict[str, None] = {}
    interrupted = False
    with ProgressLine() as progress:
        try:
            for report in _reports(scenarios, progress, options):
                progress.clear()
                reports.append(report)
                for message in dict.fromkeys(report.notes):
                    if message not in told:
                        note(message)
                told.update(dict.fromkeys(report.notes))
                if not as_json:
                    screen.show(check_lines(report.results, screen.width))
        except KeyboardInterrupt:
            interrupted = True
    results = [result for report in reports for result in report.results]
    interrupted = interrupted or _stopped_early(reports, options["max_states"])
    if as_json:
        machine = reports[0].machine if reports else ""
        more = {"machine": machine, "notes": list(told), "interrupted": interrupted}
        sys.stdout.write(encode("check", results, **more) + "\n")
    else:
        screen.show([summary_line(results, interrupted=interrupted)])
    return of_verdicts((result.verdict for result in results), interrupted=interrupted)


def _reports(
    scenarios: tuple[str, ...], progress: ProgressLine, options: dict[str, Any]
) -> Iterator[CheckReport]:
    """Give one report after the other, so that each is shown as soon as it is there."""
    from xsavvy import api

    known = {item.name for item in api.listing("scenarios")} if scenarios else set()
    # A name that nobody knows comes first, so that it is an error before anything is searched.
    wanted = sorted(dict.fromkeys(scenarios), key=known.__contains__) or api.default_scenarios()
    for scenario in wanted:
        progress.start(scenario)
        try:
            report = api.check([scenario], progress=progress, **options)
        except api.UsageError as error:
            # One of several scenarios may ask for what the platform lacks; that ends nothing.
            if len(wanted) == 1 or not str(error).startswith(f"{scenario}: "):
                raise
            report = api.CheckReport([], [str(error)], "")
        yield report
        if _stopped_early([report], options["max_states"]):
            return


def _stopped_early(reports: list[CheckReport], limit: int | None) -> bool:
    """Tell whether a search ended before its limit; then the user ended it."""
    return any(
        result.verdict == "incomplete" and (limit is None or result.states < limit)
        for report in reports
        for result in report.results
    )
