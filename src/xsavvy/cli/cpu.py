# SPDX-License-Identifier: Apache-2.0
"""`xsavvy cpu`: the extended state of a processor."""

from __future__ import annotations

import sys

import click

from xsavvy.cli.option import as_json
from xsavvy.cli.status import HOLDS

__all__ = ["command"]


@click.command("cpu")
@click.argument(
    "file", required=False, type=click.Path(exists=True, dir_okay=False, allow_dash=True)
)
@as_json
def command(file: str | None, *, as_json: bool) -> int:
    """Show the extended state of a CPU.

    That is its components with their sizes and offsets, what XCR0 and IA32_XSS may hold, and
    the features around them. FILE is a CPUID dump in any of the formats that tools write, or
    '-' for standard input; without it, this machine answers.
    """
    from xsavvy import api
    from xsavvy.report.cpu import cpu_lines
    from xsavvy.report.json import encode
    from xsavvy.report.screen import Screen

    description = api.cpu(file)
    if as_json:
        sys.stdout.write(encode("cpu", [description]) + "\n")
    else:
        screen = Screen()
        screen.show(cpu_lines(description, screen.width))
    return HOLDS
