# SPDX-License-Identifier: Apache-2.0
"""`xsavvy check`: explore every interleaving of some scenarios."""

from __future__ import annotations

import sys
from typing import Any

import click

from xsavvy.cli.option import as_json, world
from xsavvy.cli.status import of_verdicts

__all__ = ["command"]


@click.command("check")
@click.argument("scenarios", nargs=-1, metavar="[SCENARIO]...")
@world
@as_json
def command(scenarios: tuple[str, ...], *, as_json: bool, **options: Any) -> int:
    """Explore every interleaving: each property holds, or here is the shortest trace.

    Without a SCENARIO all of them are checked; 'xsavvy list scenarios' names them. An interrupt
    (Ctrl-C) ends the search and shows what was found until then.
    """
    from xsavvy import api
    from xsavvy.report.check import check_lines, summary_line
    from xsavvy.report.json import encode
    from xsavvy.report.progress import ProgressLine
    from xsavvy.report.screen import Screen, note

    known = [item.name for item in api.listing("scenarios")]
    # A name that nobody knows comes first, so that it is an error before anything is searched.
    wanted = sorted(dict.fromkeys(scenarios), key=known.__contains__) or api.default_scenarios()
    screen = Screen()
    results: list[api.CheckResult] = []
    notes: dict[str, None] = {}
    machine = ""
    interrupted = False
    with ProgressLine() as progress:
        try:
            for scenario in wanted:
                progress.start(scenario)
                report = api.check([scenario], progress=progress, **options)
                progress.clear()
                for message in report.notes:
                    if message not in notes:
                        note(message)
                notes.update(dict.fromkeys(report.notes))
                machine = report.machine
                results += report.results
                if not as_json:
                    screen.show(check_lines(report.results, screen.width))
        except KeyboardInterrupt:
            interrupted = True
    if as_json:
        more = {"machine": machine, "notes": list(notes), "interrupted": interrupted}
        sys.stdout.write(encode("check", results, **more) + "\n")
    else:
        screen.show([summary_line(results, interrupted=interrupted)])
    return of_verdicts((result.verdict for result in results), interrupted=interrupted)
