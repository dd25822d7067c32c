# SPDX-License-Identifier: Apache-2.0
"""The explorer's page as it is served: one file, with the token of this session in it."""

from __future__ import annotations

import msgspec

from xsavvy.version import __version__

__all__ = ["explorer_page"]

STYLES = ("style.css", "machine.css", "explore.css")
SCRIPT = "explore/main.js"
TEMPLATE = "explore.html.j2"
NO_FRAMES = "; frame-ancestors 'none'"

PLACEHOLDER = """<!doctype html>
<meta charset="utf-8"><title>xsavvy explore</title><link rel="icon" href="data:,">
<script type="application/json" id="session">{data}</script>
<p>The page of the explorer is not part of this build.</p>
"""


def explorer_page(token: str) -> tuple[bytes, str]:
    """Return the page and its Content-Security-Policy.

    `token` is what the page has to send with every request that changes something.
    """
    session = {"token": token, "version": __version__}
    try:
        from xsavvy.report.page.bundle import json_text, modules, policy, resource, styles

        template, script = resource(TEMPLATE), modules(SCRIPT)
    except (ImportError, FileNotFoundError):
        data = msgspec.json.encode(session).decode()
        return PLACEHOLDER.format(
            data=data
        ).encode(), "default-src 'none'; img-src data:" + NO_FRAMES
    from jinja2 import Environment, StrictUndefined
    from markupsafe import Markup

    rules = policy(script, connect=True)
    page = (
        Environment(autoescape=True, undefined=StrictUndefined)
        .from_string(template)
        .render(
            policy=rules,
            style=Markup(styles(STYLES)),  # noqa: S704 (files of ours)
            script=Markup(script),  # noqa: S704
            data=Markup(json_text(session)),  # noqa: S704
        )
    )
    return page.encode(), rules + NO_FRAMES
