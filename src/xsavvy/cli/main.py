# SPDX-License-Identifier: Apache-2.0
"""The `xsavvy` command: finds a subcommand, runs it, and turns what ends it into an exit status."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import NoReturn

import click

from xsavvy.cli.group import LazyGroup
from xsavvy.version import __version__

__all__ = ["main", "xsavvy"]

EPILOG = (
    "Exit status: 0 all holds, 1 something was found, 2 wrong usage or unreadable input, "
    "3 stopped before the end. Results go to standard output, everything else to standard error."
)


@click.group(
    cls=LazyGroup,
    commands_in="xsavvy.cli",
    names=(
        "check",
        "trace",
        "report",
        "run",
        "explore",
        "gallery",
        "diff",
        "cost",
        "campaign",
        "export",
        "list",
        "cpu",
        "lint",
        "exposes",
        "migrate",
        "baseline",
        "fleet",
        "save-set",
        "image",
        "conform",
    ),
    epilog=EPILOG,
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.version_option(__version__, message="%(prog)s %(version)s")
def xsavvy() -> None:
    """Know exactly what happens to XSAVE state between a guest and its KVM host."""


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command line and exit with its status."""
    xsavvy.main(args=arguments, prog_name="xsavvy")
    sys.exit(0)
