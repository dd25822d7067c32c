# SPDX-License-Identifier: Apache-2.0
"""`xsavvy report`: what `xsavvy check` finds, as one page for a browser."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from xsavvy.cli.option import as_json, world, world_of
from xsavvy.cli.searching import searched, stopped_early
from xsavvy.cli.status import of_verdicts

if TYPE_CHECKING:
    from xsavvy.api import CheckReport, LeftOut, Story

__all__ = ["command"]


@click.command("report")
@click.argument("scenarios", nargs=-1, metavar="[SCENARIO]...")
@click.option(
    "-o",
    "--output",
    type=click.Path(dir_okay=False, writable=True, path_type=Path),
    metavar="FILE",
    required=True,
    help="The page, one file with all that it needs.",
)
@world
@as_json
def command(scenarios: tuple[str, ...], *, output: Path, as_json: bool, **options: Any) -> int:
    """Check scenarios and write all that was found as a page.

    A table of all verdicts, what was not exercised, and each violation as a trace that can be
    walked in a browser, step by step. Without a SCENARIO the default ones are checked. An
    interrupt (Ctrl-C) ends the search, and the page shows what was found until then.
    """
    from xsavvy import api
    from xsavvy.report.check import summary_line
    from xsavvy.report.file import expect_folder, write_file
    from xsavvy.report.json import encode_check
    from xsavvy.report.page.reportpage import report_page
    from xsavvy.report.progress import ProgressLine
    from xsavvy.report.screen import Screen, note

    expect_folder(output)
    reports: list[CheckReport] = []
    stories: list[Story] = []
    left_out: dict[str, LeftOut] = {}
    interrupted = False
    with ProgressLine() as progress:
        try:
            for report in searched(scenarios, progress, options, left_out):
                reports.append(report)
                told = [each for each in report.results if each.trace]
                stories += api.stories(told, **world_of(options))
        except KeyboardInterrupt:
            interrupted = True
    interrupted = interrupted or stopped_early(reports)
    for message in dict.fromkeys(message for report in reports for message in report.notes):
        note(message)
    page = report_page(
        reports, stories, left_out.values(), world_of(options), interrupted=interrupted
    )
    write_file(output, page)
    results = [result for report in reports for result in report.results]
    if as_json:
        sys.stdout.write(encode_check("report", reports, interrupted=interrupted) + "\n")
    else:
        Screen().show([summary_line(results, interrupted=interrupted)])
    return of_verdicts((result.verdict for result in results), interrupted=interrupted)
