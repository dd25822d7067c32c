# SPDX-License-Identifier: Apache-2.0
"""Options of the commands about hosts and guests, and the way their results leave."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from rich.text import Text

__all__ = ["guest", "host_words", "kernel", "show", "vmm_list"]

Command = TypeVar("Command", bound=Callable[..., Any])

kernel = click.option(
    "--kernel", metavar="K", help="Kernel of the hosts. [default: the newest modelled]"
)
host_words = click.option(
    "--host",
    "words",
    metavar="WORDS",
    multiple=True,
    help="How the host is configured: nopku, ibt=off, clearcpuid=avx512f, no-tile-permission, ept=0, ...",
)
guest = click.option(
    "--guest",
    metavar="G",
    default="host",
    show_default=True,
    help="Words (avx,pku; host,-amx; xcr0=0x207), or a file: libvirt's <cpu>, a Firecracker template, a dump.",
)
vmm_list = click.option(
    "--vmm-list",
    type=click.Path(exists=True, dir_okay=False, allow_dash=True),
    metavar="FILE",
    help="The MSRs that the VMM saves: numbers, ranges, names, or source code with them.",
)


def show(
    command: str,
    results: Iterable[object],
    lines: Callable[[int | None], Iterator[Text]],
    *,
    as_json: bool,
) -> None:
    """Print results as JSON, or as text that fits the screen."""
    if as_json:
        from xsavvy.report.json import encode

        sys.stdout.write(encode(command, results) + "\n")
        return
    from xsavvy.report.screen import Screen

    screen = Screen()
    screen.show(lines(screen.width))
