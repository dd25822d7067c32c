# SPDX-License-Identifier: Apache-2.0
"""`xsavvy check`: explore every interleaving of some scenarios."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from xsavvy.cli.option import as_json, reports, world
from xsavvy.cli.searching import searched, stopped_early
from xsavvy.cli.status import of_verdicts

if TYPE_CHECKING:
    from xsavvy.api import CheckReport, LeftOut

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
    from xsavvy.report.file import expect_folder, write_reports
    from xsavvy.report.json import encode_check
    from xsavvy.report.progress import ProgressLine
    from xsavvy.report.screen import Screen, note

    expect_folder(junit, sarif)
    screen = Screen()
    reports: list[CheckReport] = []
    left_out: dict[str, LeftOut] = {}
    told: dict[str, None] = {}
    interrupted = False
    with ProgressLine() as progress:
        try:
            for report in searched(scenarios, progress, options, left_out):
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
    interrupted = interrupted or stopped_early(reports)
    if as_json:
        sys.stdout.write(encode_check("check", reports, interrupted=interrupted) + "\n")
    else:
        screen.show([summary_line(results, interrupted=interrupted)])
    return of_verdicts((result.verdict for result in results), interrupted=interrupted)
