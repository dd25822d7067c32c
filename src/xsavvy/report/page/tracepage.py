# SPDX-License-Identifier: Apache-2.0
"""One trace as a page of its own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from xsavvy.report.page.html import render
from xsavvy.report.page.storyview import story_view
from xsavvy.report.page.tracedata import trace_data
from xsavvy.version import __version__

if TYPE_CHECKING:
    from xsavvy.api import Story

__all__ = ["STYLE", "trace_page"]

STYLE = ("style.css", "machine.css", "trace.css")


def trace_page(story: Story, commands: Sequence[tuple[str, str]] = ()) -> str:
    """Return the page of a story: readable as it is, and with the state at every step where scripts run.

    `commands` are pairs of a title and a command line that leads to the same trace.
    """
    return render(
        "trace.html.j2",
        style=STYLE,
        script="trace.js",
        data=[trace_data(story, "")] if story.steps else [],
        view=story_view(story),
        result=story.result,
        commands=commands,
        version=__version__,
    )
