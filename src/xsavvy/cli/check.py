# SPDX-License-Identifier: Apache-2.0
"""`xsavvy check`: explore every interleaving of some scenarios."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from xsavvy.cli.option import as_json, reports, world
from xsavvy.cli.status import of_verdicts

if TYPE_CHECKING:
    from xsavvy.api import CheckReport, LeftOut
    from xsavvy.report.progress import ProgressLine

__all__ = ["command"]


@click.command("check")
@click.argument("scenarios", nargs=-1, metavar="[SCENARIO]...")
@world
@click.option(
    "--checkpoint",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="DIR",
    help="Go on from what DIR holds of a search, and keep it up to date there.",
)
@reports
@as_json
def command(
    scenarios: tuple[str, ...],
    *,
    as_json: bool,
    junit: Path | None,
    sarif: Path | None,
    **options: Any,
) -> int:
    """Explore every interleaving: does every property hold?

    A property that is violated comes with the shortest trace to a state in which it is.
    Without a SCENARIO the default ones are checked; 'xsavvy list scenarios' names all. An
    interrupt (Ctrl-C) ends the search and shows what was found until then.
    """
    from xsavvy.report.check import check_lines, summary_line
    from xsavvy.report.file import write_reports
    from xsavvy.report.json import encode
    from xsavvy.report.progress import ProgressLine
    from xsavvy.report.screen import Screen, note

    screen = Screen()
    reports: list[CheckReport] = []
    left_out: dict[str, LeftOut] = {}
    told: dict[str, None] = {}
    interrupted = False
    with ProgressLine() as progress:
        try:
            for report in _reports(scenarios, progress, options, left_out):
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
    write_reports(results, list(left_out.values()), junit=junit, sarif=sarif)
    interrupted = interrupted or _stopped_early(reports)
    if as_json:
        machine = reports[0].machine if reports else ""
        more = {"machine": machine, "notes": list(told), "interrupted": interrupted}
        sys.stdout.write(encode("check", results, **more) + "\n")
    else:
        screen.show([summary_line(results, interrupted=interrupted)])
    return of_verdicts((result.verdict for result in results), interrupted=interrupted)


def _reports(
    scenarios: tuple[str, ...],
    progress: ProgressLine,
    options: dict[str, Any],
    left_out: dict[str, LeftOut],
) -> Iterator[CheckReport]:
    """Give one report after the other, so that each is shown as soon as it is there.

    `left_out` holds the scenarios without one: those still to come, and those that do not apply.
    """
    from xsavvy import api

    known = {item.name for item in api.listing("scenarios")} if scenarios else set()
    # A name that nobody knows comes first, so that it is an error before anything is searched.
    wanted = sorted(dict.fromkeys(scenarios), key=known.__contains__) or api.default_scenarios(
        options["patch"]
    )
    left_out.update({name: _left_out(name, options) for name in wanted})
    for scenario in wanted:
        progress.start(scenario)
        try:
            report = api.check([scenario], progress=progress, **options)
        except api.UsageError as error:
            # One of several scenarios may ask for what the platform lacks; that ends nothing.
            if len(wanted) == 1 or not str(error).startswith(f"{scenario}: "):
                raise
            report = api.CheckReport([], [str(error)], "")
            left_out[scenario] = _left_out(scenario, options, str(error))
        else:
            del left_out[scenario]
        yield report
        if _stopped_early([report]):
            return


def _left_out(scenario: str, options: dict[str, Any], unfit: str = "") -> LeftOut:
    from xsavvy.api import LeftOut
    from xsavvy.kvm import NEWEST

    return LeftOut(
        scenario=scenario,
        kernel=options["kernel"] or NEWEST,
        platform=options["platform"] or "this machine",
        verdict="not applicable" if unfit else "incomplete",
        reason=unfit or "the check was interrupted before this scenario was searched",
        set=dict(options["choices"]),
    )


def _stopped_early(reports: list[CheckReport]) -> bool:
    """Tell whether the user ended a search."""
    return any(result.ended == "stopped" for report in reports for result in report.results)
