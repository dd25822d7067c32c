# SPDX-License-Identifier: Apache-2.0
"""One session of `xsavvy explore`: a model to begin with, the server, and their end."""

from __future__ import annotations

import errno
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Self

from msgspec.structs import replace as changed

from xsavvy.api import UsageError
from xsavvy.api.explorer.address import Link, WorldAddress, link_text, read_link
from xsavvy.api.explorer.exploring import Explorer
from xsavvy.api.explorer.seeker import MOST_STATES
from xsavvy.api.explorer.seeking import Searches

from .answers import Answers
from .front import explorer_page
from .server import ExplorerServer

__all__ = ["Session", "begin"]


class Session:
    """A server that is bound; `url` leads to the moment to begin with, `notes` tell what was adapted for it."""

    def __init__(self, answers: Answers, link: str, port: int) -> None:
        self.answers = answers
        self.notes = answers.explorer.notes
        token = secrets.token_urlsafe(24)
        page, policy = explorer_page(token)
        try:
            self.server = ExplorerServer(answers, page, policy, token=token, port=port)
        except OSError as error:
            why = "it is in use" if error.errno == errno.EADDRINUSE else error.strerror
            raise UsageError(f"port {port}: {why}: expected a free port, or 0 for any") from None
        self.url = self.server.url + link

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.server.server_close()
        self.answers.searches.close()

    def serve(self) -> None:
        """Answer requests until somebody interrupts."""
        self.server.serve_forever(poll_interval=0.2)


def begin(
    start: str | None = None,
    *,
    kernel: str | None = None,
    platform: str | None = None,
    choices: Mapping[str, str] | None = None,
    patch: Path | None = None,
    port: int = 0,
    max_states: int | None = None,
) -> Session:
    """Bind a server for a scenario or a link. Raises UsageError.

    What is named beside a link takes the place of what the link says. A search ends after
    `max_states` states, by default 2,000,000.
    """
    link = _link(start)
    named = WorldAddress(
        scenario=link.world.scenario,
        kernel=kernel or link.world.kernel,
        platform=link.world.platform if platform is None else "",
        set={**link.world.set, **(choices or {})},
    )
    explorer = Explorer(named, platform=platform, patch=patch)
    told = start is not None or named != WorldAddress() or platform is not None
    text = link_text(changed(link, world=explorer.begin)) if told else ""
    return Session(Answers(explorer, Searches(explorer, max_states or MOST_STATES)), text, port)


def _link(start: str | None) -> Link:
    if start is None:
        return Link(WorldAddress())
    return read_link(start) if "#" in start or "://" in start else Link(WorldAddress(start))
