# SPDX-License-Identifier: Apache-2.0
"""`xsavvy diff`: what two kernels do differently."""

from __future__ import annotations

import sys

import click

from xsavvy.cli.option import as_json
from xsavvy.cli.status import HOLDS

__all__ = ["command"]


@click.command("diff")
@click.argument("before", metavar="KERNEL")
@click.argument("after", metavar="KERNEL")
@as_json
def command(before: str, after: str, *, as_json: bool) -> int:
    """Show what two kernels do differently, and why.

    Step by step, commit by commit. A kernel is a version ('v6.18'), a distribution's kernel
    ('xsavvy list kernels'), or one of these with commits added or taken away
    ('v6.18+b45f72177594').
    """
    from xsavvy import api
    from xsavvy.report.differing import diff_lines
    from xsavvy.report.json import encode
    from xsavvy.report.screen import Screen

    found = api.diff(before, after)
    if as_json:
        more = {"before": before, "after": after}
        sys.stdout.write(encode("diff", found, **more) + "\n")
    else:
        screen = Screen()
        screen.show(diff_lines(before, after, found, screen.width))
    return HOLDS
