# SPDX-License-Identifier: Apache-2.0
"""`xsavvy run`: a guest program, step by step through the model."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from xsavvy.cli.option import as_json, page, which_world
from xsavvy.cli.status import FOUND, HOLDS

__all__ = ["command"]


@click.command("run")
@click.argument("program", metavar="PROGRAM")
@which_world
@click.option("--brief", is_flag=True, help="Leave out the steps that touch nothing.")
@page
@as_json
def command(program: str, *, brief: bool, as_json: bool, html: Path | None, **options: Any) -> int:
    """Run a guest program step by step, and see why.

    What each step touches, in which context. PROGRAM is the name of one that comes with xsavvy
    ('xsavvy list programs'), a file, or '-'. Each line is an instruction of the guest or an event of
    the host; what the host does in between follows from the model. An 'expect' that is not met, or a
    property that breaks unforeseen, is exit status 1.
    """
    from xsavvy import api
    from xsavvy.report.json import encode
    from xsavvy.report.running import run_lines
    from xsavvy.report.screen import Screen

    if html is None:
        report = api.run(program, **options)
    else:
        from xsavvy.report.file import write_file
        from xsavvy.report.page.runpage import run_page

        report, story = api.run_story(program, **options)
        write_file(html, run_page(report, story, program, options))
    if as_json:
        more = {
            "program": report.program,
            "title": report.title,
            "kernel": report.kernel,
            "platform": report.platform,
            "lines": report.lines,
            "unmet": report.unmet,
            "violated": report.violated,
            "end": report.end,
        }
        sys.stdout.write(encode("run", report.results, **more) + "\n")
    else:
        screen = Screen()
        screen.show(run_lines(report, screen.width, brief=brief))
    return FOUND if report.unmet or report.violated else HOLDS
