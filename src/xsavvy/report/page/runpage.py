# SPDX-License-Identifier: Apache-2.0
"""A run of a guest program as a page: its lines, and under each the steps that follow from it."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from xsavvy.report.page.again import settings
from xsavvy.report.page.html import render
from xsavvy.report.page.storyview import story_view
from xsavvy.report.page.tracedata import trace_data
from xsavvy.report.page.tracepage import STYLE
from xsavvy.version import __version__

if TYPE_CHECKING:
    from xsavvy.api import RunReport, Story

__all__ = ["run_page"]


def run_page(report: RunReport, story: Story, program: str, world: Mapping[str, Any]) -> str:
    """Return the page of a run; `program` and `world` are what it was asked for with."""
    again = shlex.join(["xsavvy", "run", program, *settings(report.kernel, world)])
    return render(
        "run.html.j2",
        style=STYLE,
        script="trace.js",
        data=[trace_data(story, "")] if story.steps else [],
        view=story_view(story, headings=dict(_headings(report))),
        result=story.result,
        report=report,
        commands=[("Again", again)],
        version=__version__,
    )


def _headings(report: RunReport) -> Iterator[tuple[int, str]]:
    line = -1
    for number, step in enumerate(report.results, 1):
        if step.line != line:
            line = step.line
            yield number, f"{line}: {report.lines[line]}" if line else "after the last line"
