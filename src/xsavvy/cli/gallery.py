# SPDX-License-Identifier: Apache-2.0
"""`xsavvy gallery`: known bugs, found before their fix and absent after it."""

from __future__ import annotations

import sys
from typing import Any

import click

from xsavvy.cli.option import as_json, size
from xsavvy.cli.status import FOUND, HOLDS, STOPPED

__all__ = ["command"]


@click.command("gallery")
@click.argument("bugs", nargs=-1, metavar="[BUG]...")
@click.option("--kernel", metavar="K", help="Ask one kernel instead which of the bugs it has.")
@click.option(
    "--jobs",
    type=click.IntRange(min=1),
    metavar="N",
    help="Searches at a time. [default: all cores]",
)
@click.option("--memory", metavar="SIZE", callback=size, help="Memory that they share, such as 8G.")
@as_json
def command(bugs: tuple[str, ...], *, kernel: str | None, as_json: bool, **options: Any) -> int:
    """Find known bugs before their fix, not after it.

    Each BUG is a name of the gallery ('xsavvy list bugs') or a file with a manifest, *.toml;
    without one all are taken. The wrong fixes that a manifest names are refuted. A bug that the
    model cannot express is listed with the reason.
    """
    from xsavvy import api
    from xsavvy.report.campaign import CampaignProgress
    from xsavvy.report.gallery import (
        gallery_lines,
        gallery_summary,
        kernel_lines,
        kernel_summary,
    )
    from xsavvy.report.json import encode
    from xsavvy.report.screen import Screen

    with CampaignProgress() as progress:
        if kernel is None:
            report = api.gallery(bugs, progress=progress.count, **options)
        else:
            report = api.known_bugs(kernel, bugs, progress=progress.count, **options)
    if as_json:
        more = {"kernel": kernel, "interrupted": report.interrupted}
        sys.stdout.write(encode("gallery", report.results, **more) + "\n")
    elif kernel is None:
        Screen().show([*gallery_lines(report), gallery_summary(report)])
    else:
        Screen().show([*kernel_lines(report), kernel_summary(report, kernel)])
    return _status(report, kernel)


def _status(report: Any, kernel: str | None) -> int:
    if report.interrupted:
        return STOPPED
    if kernel is None:
        return HOLDS if all(each.as_expected for each in report.results) else FOUND
    if any(each.has for each in report.results):
        return FOUND
    return HOLDS if all(each.as_expected for each in report.results) else STOPPED
