# SPDX-License-Identifier: Apache-2.0
"""`xsavvy list`: what the model knows."""

from __future__ import annotations

import sys

import click

from xsavvy.cli.option import as_json
from xsavvy.cli.status import HOLDS

__all__ = ["KINDS", "command"]

KINDS = (
    "scenarios", "parts", "kernels", "commits", "choices", "properties", "witnesses", "events", "steps",
    "bugs", "programs", "workloads", "components", "platforms", "inferred",
)  # fmt: skip


@click.command("list")
@click.argument("kind", type=click.Choice(KINDS), metavar="KIND")
@as_json
def command(kind: str, *, as_json: bool) -> int:
    """List what the model knows, each with its source.

    KIND is scenarios, parts, kernels, commits, choices, properties, witnesses, events, steps, bugs,
    programs, workloads, components, platforms, or inferred: the rules that no source states and that
    were concluded from others.
    """
    from xsavvy import api
    from xsavvy.report.json import encode
    from xsavvy.report.listing import listing_lines
    from xsavvy.report.screen import Screen

    items = api.listing(kind)
    if as_json:
        sys.stdout.write(encode("list", items, kind=kind) + "\n")
    else:
        screen = Screen()
        screen.show(listing_lines(items, screen.width))
    return HOLDS
