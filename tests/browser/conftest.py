# SPDX-License-Identifier: Apache-2.0
"""A real browser for the pages: Debian's Chromium, watched for what a page must not do."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Error, Page, Request, sync_playwright

LOCAL = re.compile(r"(file|data|blob|about|chrome-error):|http://(127\.0\.0\.1|localhost):\d+/")
"""What a page may load: itself, and from a server on this machine."""

OpenPage = Callable[..., Page]


@dataclass
class Watch:
    """What the pages of a test did: requests, and what the console said.

    `expected` holds regular expressions of complaints that a test provokes.
    """

    requests: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)
    expected: list[str] = field(default_factory=list)

    def follow(self, page: Page) -> None:
        """Write down what a page does from now on."""
        page.on("request", self._requested)
        page.on("console", self._said)
        page.on("pageerror", self._raised)

    def unexpected(self) -> list[str]:
        """Return what no page may do: requests to elsewhere, errors and warnings that nobody provoked."""
        foreign = [f"request: {url}" for url in self.requests if not LOCAL.match(url)]
        known = [re.compile(each) for each in self.expected]
        return foreign + [
            each for each in self.complaints if not any(rule.search(each) for rule in known)
        ]

    def _requested(self, request: Request) -> None:
        self.requests.append(request.url)

    def _said(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning", "assert"):
            self.complaints.append(f"{message.type}: {message.text}")

    def _raised(self, error: Error) -> None:
        self.complaints.append(f"exception: {error}")


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """One Chromium for the tests of a file; the event loop that drives it ends with them."""
    program = shutil.which("chromium") or shutil.which("chromium-browser")
    if program is None:
        pytest.skip("chromium is not installed")
    # Chromium refuses its sandbox to root; containers have a small /dev/shm.
    switches = ["--disable-dev-shm-usage", *(["--no-sandbox"] if os.geteuid() == 0 else [])]
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=program, args=switches)
        yield browser
        browser.close()


@pytest.fixture
def watch() -> Watch:
    """What the pages of this test do."""
    return Watch()


@pytest.fixture
def open_page(chromium: Browser, watch: Watch) -> Iterator[OpenPage]:
    """Open an empty page; takes a context's options, such as viewport, color_scheme, java_script_enabled.

    Fails the test at its end where a page did what it must not.
    """
    contexts = []

    def opened(**options: Any) -> Page:
        options.setdefault("viewport", {"width": 1280, "height": 800})
        contexts.append(chromium.new_context(**options))
        page = contexts[-1].new_page()
        watch.follow(page)
        return page

    yield opened
    for context in contexts:
        context.close()
    assert watch.unexpected() == []


@pytest.fixture
def page(open_page: OpenPage) -> Page:
    """An empty page of 1280 by 800, watched."""
    return open_page()
