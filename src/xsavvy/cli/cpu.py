# SPDX-License-Identifier: Apache-2.0
"""`xsavvy cpu`: the extended state of a processor."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from xsavvy.cli.dumps import as_form
from xsavvy.cli.option import as_json
from xsavvy.cli.status import HOLDS

__all__ = ["command"]


@click.command("cpu")
@click.argument("file", required=False, metavar="[FILE|PRESET]")
@as_form
@click.option(
    "--svg",
    type=click.Path(dir_okay=False, writable=True, path_type=Path),
    metavar="FILE",
    help="Write a picture of the area in both forms too.",
)
@click.option(
    "--processor",
    metavar="N",
    help="Which of a dump's processors; guest or host where a log has both. [default: the first]",
)
@as_json
def command(
    file: str | None, form: str | None, svg: Path | None, processor: str | None, *, as_json: bool
) -> int:
    """Show the extended state of a CPU.

    That is its components with their sizes and offsets, what XCR0 and IA32_XSS may hold and held, and
    the features around them. FILE is a CPUID dump in any of the formats that tools write, '-' for
    standard input, or /dev/kvm for what KVM shows guests; without it, this machine answers.
    """
    from xsavvy import api
    from xsavvy.report.json import encode

    description = api.cpu(file, form, processor)
    if svg is not None:
        from xsavvy.report.area import write_area

        write_area(description, svg)
    if as_json:
        sys.stdout.write(encode("cpu", [description]) + "\n")
    else:
        from xsavvy.report.cpu import cpu_lines
        from xsavvy.report.screen import Screen

        screen = Screen()
        screen.show(cpu_lines(description, screen.width))
    return HOLDS
