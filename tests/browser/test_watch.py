# SPDX-License-Identifier: Apache-2.0
"""The watch over pages: what it lets pass and what it reports."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Page

from tests.browser.conftest import Watch


def show(page: Page, folder: Path, body: str) -> None:
    """Open a page with a body."""
    path = folder / "page.html"
    path.write_text(f"<!doctype html><title>x</title>{body}", encoding="utf-8")
    page.goto(path.as_uri())


def test_a_quiet_page_passes(page: Page, watch: Watch, tmp_path: Path) -> None:
    """A page that loads itself only and says nothing is fine."""
    show(page, tmp_path, "<p>quiet</p>")
    assert watch.unexpected() == []
    assert len(watch.requests) == 1


@pytest.mark.parametrize(
    ("body", "complaint"),
    [
        ("<script>console.error('broken')</script>", "error: broken"),
        ("<script>throw new Error('thrown')</script>", "exception: .*thrown"),
        ("<img src='http://example.invalid/x.png'>", "request: http://example.invalid/x.png"),
    ],
)
def test_a_page_that_complains_or_calls_home_is_reported(
    page: Page, watch: Watch, tmp_path: Path, body: str, complaint: str
) -> None:
    """Errors on the console, exceptions and requests to elsewhere are all found."""
    page.route("**/*.png", lambda route: route.fulfill(body=b""))
    show(page, tmp_path, body)
    page.wait_for_load_state()
    found = watch.unexpected()
    assert len(found) == 1
    watch.expected.append(complaint)
    if not found[0].startswith("request"):
        assert watch.unexpected() == []
    watch.requests.clear()
