# SPDX-License-Identifier: Apache-2.0
"""`xsavvy trace`: the shortest way to a violation, or to a state that must be reachable."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from xsavvy.cli.option import as_json, page, world, world_of
from xsavvy.cli.status import of_verdicts

if TYPE_CHECKING:
    from xsavvy.api import Story

__all__ = ["command"]


@click.command("trace")
@click.argument("scenario")
@click.option("--property", metavar="NAME", help="The shortest violation of this property.")
@click.option("--witness", metavar="NAME", help="The shortest way to what this witness asks for.")
@world
@click.option(
    "--svg",
    type=click.Path(dir_okay=False, writable=True, path_type=Path),
    metavar="FILE",
    help="Draw the trace too: a lane for each actor, bars for registers.",
)
@page
@as_json
def command(
    scenario: str, *, as_json: bool, svg: Path | None, html: Path | None, **options: Any
) -> int:
    """Show one trace of a scenario, step by step.

    Without --property or --witness: the first property that is violated. A witness is a state
    that must be reachable; reaching it is what should be.
    """
    if options["property"] and options["witness"]:
        raise click.UsageError("--property and --witness exclude each other")
    from xsavvy import api
    from xsavvy.report.check import result_lines
    from xsavvy.report.json import encode
    from xsavvy.report.progress import ProgressLine
    from xsavvy.report.screen import Screen

    with ProgressLine() as progress:
        progress.start(scenario)
        result = api.trace(scenario, progress=progress, **options)
    if svg is not None or html is not None:
        (story,) = api.stories([result], **world_of(options))
        _draw(story, world_of(options), svg, html)
    if as_json:
        sys.stdout.write(encode("trace", [result]) + "\n")
    else:
        screen = Screen()
        screen.show(result_lines(result, screen.width))
    return of_verdicts([result.verdict])


def _draw(story: Story, world: Mapping[str, Any], svg: Path | None, html: Path | None) -> None:
    """Write the picture and the page that were asked for."""
    from xsavvy.report.file import write_file

    if svg is not None:
        from xsavvy.report.tracepicture import trace_svg

        write_file(svg, trace_svg(story.result, story.risk))
    if html is not None:
        from xsavvy.report.page.again import commands
        from xsavvy.report.page.tracepage import trace_page

        write_file(html, trace_page(story, commands(story, world)))
