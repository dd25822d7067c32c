# SPDX-License-Identifier: Apache-2.0
"""The explorer under test: a served session, and what a person sees of its page."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread

from playwright.sync_api import Locator, Page, expect

from xsavvy.report.explorer.session import begin

WINDOW = "nmi_reads_user_memory_under_host_pkru"
"""A property that breaks on VMX in v6.18: seed 002, public since 2021."""

START = "scenario=pkru&kernel=v6.18&platform=sapphire-rapids"


@contextmanager
def served(platform: str = "sapphire-rapids", patch: Path | None = None) -> Iterator[str]:
    """Serve the explorer; the value is the address of its page, without a fragment."""
    session = begin(platform=platform, patch=patch)
    with session:
        thread = Thread(target=session.server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield session.url.partition("#")[0]
        finally:
            session.server.shutdown()
            thread.join()


def show(page: Page, address: str, fragment: str = START) -> None:
    """Open the explorer afresh and wait until the machine is there."""
    page.goto("about:blank")
    page.goto(f"{address}#{fragment}")
    expect(page.locator("#x-left [data-field]").first).to_be_visible()
    expect(page.locator("body.x-busy")).to_have_count(0)


def at_step(page: Page, number: int, milliseconds: float | None = None) -> None:
    """Wait until a step of the path is the present one."""
    expect(page.locator("body")).to_have_attribute("data-at", str(number), timeout=milliseconds)
    expect(page.locator("body.x-busy")).to_have_count(0)


def value(page: Page, field: str, side: str = "#x-left") -> str:
    """Return what the picture says of a field: its name, its value in words, and what it was."""
    title = page.locator(f'{side} [data-field="{field}"]').get_attribute("title")
    assert title is not None
    return title.partition("\n")[0]


def field_names(found: Locator) -> list[str]:
    """Return the names of the fields that elements of the picture show."""
    return [each.get_attribute("data-field") or "" for each in found.all()]
