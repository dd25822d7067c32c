# SPDX-License-Identifier: Apache-2.0
"""A real page of `xsavvy trace --html` in the site: the trace of the front page, made while the site is built."""

from __future__ import annotations

from pathlib import Path

from xsavvy import api
from xsavvy.report.page.again import commands
from xsavvy.report.page.tracepage import trace_page

__all__ = ["PAGE", "link_block", "write_page"]

PAGE = "pages/pkru-window.html"
"""Where the page stands in the site."""

PROPERTY = "nmi_reads_user_memory_under_host_pkru"
KERNEL, PLATFORM = "v6.18", "sapphire-rapids"


def link_block() -> str:
    """Return the line that leads to the page; only in the site is there one."""
    # Markdown of Sphinx links documents and files of the source only, and this is neither.
    return f'<a href="../{PAGE}">The page of this trace</a> is a part of this site.'


def write_page(site: Path) -> None:
    """Explore, and write the page into a site that was built."""
    story = api.story("pkru", property=PROPERTY, kernel=KERNEL, platform=PLATFORM)
    path = site / PAGE
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(trace_page(story, commands(story, {"platform": PLATFORM})), encoding="utf-8")
