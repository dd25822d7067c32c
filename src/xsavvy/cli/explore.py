# SPDX-License-Identifier: Apache-2.0
"""`xsavvy explore`: the model in the browser, step by step."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from pathlib import Path

import click

from xsavvy.cli.option import which_world
from xsavvy.cli.status import HOLDS

__all__ = ["command"]

DISPLAYS = ("DISPLAY", "WAYLAND_DISPLAY")


@click.command("explore")
@click.argument("scenario", required=False, metavar="[SCENARIO | LINK]")
@which_world
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=0,
    metavar="N",
    help="Port to serve on. [default: a free one]",
)
@click.option(
    "--max-states",
    type=click.IntRange(min=1),
    metavar="N",
    help="Stop a search after N states. [default: 2,000,000]",
)
@click.option(
    "--browser/--no-browser",
    default=None,
    help="Open the page in the browser, or do not. [default: if there is a display]",
)
def command(
    scenario: str | None,
    *,
    kernel: str | None,
    platform: str | None,
    choices: dict[str, str],
    patch: Path | None,
    port: int,
    max_states: int | None,
    browser: bool | None,
) -> int:
    """Walk through the model in the browser.

    Choose what happens next, see the machine and which properties break, undo, jump to a
    counterexample, compare two kernels step by step. The page is served on 127.0.0.1 to this
    machine only; Ctrl-C ends. A LINK is what the address bar of such a page held: the whole
    address, or its part from '#' on, in quotes.
    """
    from xsavvy.report.explorer.session import begin
    from xsavvy.report.screen import note

    session = begin(
        scenario,
        kernel=kernel,
        platform=platform,
        choices=choices,
        patch=patch,
        port=port,
        max_states=max_states,
    )
    with session:
        for message in session.notes:
            note(message)
        click.echo(session.url)
        sys.stdout.flush()
        if browser or (browser is None and any(os.environ.get(name) for name in DISPLAYS)):
            _open(session.url)
        with suppress(KeyboardInterrupt):  # the way to end it
            session.serve()
    return HOLDS


def _open(url: str) -> None:
    import webbrowser

    with suppress(webbrowser.Error):  # the address stands on the screen
        webbrowser.open(url)
