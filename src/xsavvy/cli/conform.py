# SPDX-License-Identifier: Apache-2.0
"""`xsavvy conform`: does this machine behave as the model says?"""

from __future__ import annotations

import sys
from pathlib import Path

import click

from xsavvy.cli.option import as_json, readable_file
from xsavvy.cli.status import FOUND, HOLDS

__all__ = ["command"]


@click.command("conform")
@click.option("--silicon", is_flag=True, help="Ask this CPU.")
@click.option("--cases", type=click.IntRange(min=1), metavar="N", help="How many cases.")
@click.option("--seed", type=int, metavar="N", help="Where the random cases start.")
@click.option("--replay", type=readable_file, metavar="FILE", help="Ask recorded cases again.")
@click.option(
    "--record",
    type=click.Path(dir_okay=False, writable=True, path_type=Path),
    metavar="FILE",
    help="Keep the cases that disagreed, made small.",
)
@as_json
def command(
    *,
    silicon: bool,
    cases: int | None,
    seed: int | None,
    replay: Path | None,
    record: Path | None,
    as_json: bool,
) -> int:
    """Compare what a processor does with what the model says.

    Random cases with every instruction of the family are executed and compared to the last byte.
    """
    if not silicon and replay is None:
        raise click.UsageError("nothing to ask: give --silicon, or --replay FILE")
    if replay is not None and (record is not None or cases is not None or seed is not None):
        raise click.UsageError(
            "--replay takes its cases from the file: no --record, --cases, --seed"
        )
    from xsavvy import api
    from xsavvy.report.conform import conform_lines
    from xsavvy.report.json import encode
    from xsavvy.report.progress import ProgressLine
    from xsavvy.report.screen import Screen

    with ProgressLine() as progress:
        progress.start("silicon")
        conformance = api.conform_silicon(
            cases=cases, seed=seed, replay=replay, record=record, progress=progress.count
        )
    if as_json:
        sys.stdout.write(encode("conform", [conformance.to_dict()]) + "\n")
    else:
        screen = Screen()
        screen.show(conform_lines(conformance, screen.width))
    return HOLDS if conformance.holds else FOUND
