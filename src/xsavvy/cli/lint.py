# SPDX-License-Identifier: Apache-2.0
"""`xsavvy lint`: what is wrong with a CPUID table."""

from __future__ import annotations

import sys

import click

from xsavvy.cli.dumps import as_form
from xsavvy.cli.option import as_json
from xsavvy.cli.status import FOUND, HOLDS

__all__ = ["command"]


@click.command("lint")
@click.argument("files", nargs=-1, metavar="[FILE|PRESET]...")
@as_form
@click.option(
    "--kernel",
    metavar="K",
    help="Take the tables for guests' and add what the KVM of this kernel offers to no guest.",
)
@click.option(
    "--whole",
    is_flag=True,
    help="A table is all that is answered: a subleaf that it lacks is zero, not unknown.",
)
@as_json
def command(
    files: tuple[str, ...], form: str | None, kernel: str | None, *, whole: bool, as_json: bool
) -> int:
    """Find what is wrong with CPUID tables.

    Features without what they need, leaf 0xD against itself, sizes and alignment; with --kernel also
    what no KVM would offer. What a dump leaves out is listed as unknown and judged by no rule. FILE is
    a dump as for 'xsavvy cpu', or a C header with an enumeration of components; without one, this
    machine is judged.
    """
    from xsavvy import api
    from xsavvy.report.json import encode

    results = api.lint(files, form=form, kernel=kernel, whole=whole)
    if as_json:
        sys.stdout.write(encode("lint", results) + "\n")
    else:
        from xsavvy.report.lint import lint_lines
        from xsavvy.report.screen import Screen

        screen = Screen()
        screen.show(lint_lines(results, screen.width))
    return FOUND if any(each.findings for each in results) else HOLDS
