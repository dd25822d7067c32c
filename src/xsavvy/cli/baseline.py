# SPDX-License-Identifier: Apache-2.0
"""`xsavvy baseline`: the largest guest model that a fleet has in common."""

from __future__ import annotations

import sys

import click

from xsavvy.cli.hosts import host_words, kernel, show
from xsavvy.cli.option import as_json
from xsavvy.cli.status import HOLDS

__all__ = ["command"]


@click.command("baseline")
@click.argument("hosts", nargs=-1, required=True, metavar="FILE|PRESET...")
@kernel
@host_words
@click.option(
    "--format",
    "form",
    type=click.Choice(["libvirt", "qemu", "firecracker"]),
    help="Print the model in these words, and nothing else.",
)
@click.option(
    "--model",
    default="qemu64",
    show_default=True,
    metavar="NAME",
    help="Base model for libvirt and QEMU.",
)
@click.option("--start-only", is_flag=True, help="The guest starts on any host and never moves.")
@as_json
def command(
    hosts: tuple[str, ...],
    kernel: str | None,
    words: tuple[str, ...],
    form: str | None,
    model: str,
    *,
    start_only: bool,
    as_json: bool,
) -> int:
    """Find the largest guest model that a fleet can run.

    Which hosts cost which feature is listed. HOST@KERNEL names a host's own kernel.
    """
    from xsavvy import api
    from xsavvy.report.hosts import shared_lines

    found = api.baseline(
        hosts, kernel=kernel, host=words, form=form or "", model=model, moves=not start_only
    )
    if form and not as_json:
        sys.stdout.write(found.text)
        return HOLDS
    show("baseline", [found], lambda width: shared_lines(found, width), as_json=as_json)
    return HOLDS
