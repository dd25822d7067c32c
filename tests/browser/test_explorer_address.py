# SPDX-License-Identifier: Apache-2.0
"""The explorer's address bar: links from elsewhere, links with mistakes, and the browser's history under haste."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import OpenPage
from tests.browser.explorer import START, at_step, served, show

HOST_RUN = "path=11-29"

ELSEWHERE = """async ({ times, way }) => {
    for (let time = 0; time < times; time += 1) {
        history[way]();
        await new Promise(gone => addEventListener("popstate", gone, { once: true }));
    }
}"""
"""Press Back or Forward the moment the last press was heard, as nobody but a machine does."""

COUNTING = """
window.writes = [];
for (const name of ["pushState", "replaceState"]) {
    const write = history[name].bind(history);
    history[name] = (...what) => { window.writes.push(performance.now()); write(...what); };
}
"""
MOST_IN_TEN_SECONDS = 100
"""Safari throws at the next one; Chromium and Firefox allow twice as many."""

WRITES = [72, 73]
"""The guest in the guest writes PKRU, one value and another."""

TAKE_ALL = """async path => {
    for (const [at, rule] of path.entries()) {
        document.querySelector(`.x-move[data-rule="${rule}"]`).click();
        const there = () => document.body.dataset.at === String(at + 21) && !document.body.classList.contains("x-busy");
        while (!there()) await new Promise(later => requestAnimationFrame(later));
    }
}"""


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """The page of a server that all tests of this file ask."""
    with served() as url:
        yield url


def test_a_link_on_another_sites_page_leads_here(page: Page, address: str, tmp_path: Path) -> None:
    """A click on it shows the moment; the browser says that it came from another site."""
    other = tmp_path / "mail.html"
    other.write_text(
        f'<link rel="icon" href="data:,"><a href="{address}#{START}&{HOST_RUN}">look</a>'
    )
    sites: list[str | None] = []
    page.on("response", lambda reply: sites.append(reply.request.header_value("sec-fetch-site")))
    page.goto(other.as_uri())
    page.click("a")
    at_step(page, 19)
    assert "cross-site" in sites


def test_a_copied_link_is_what_is_shown(open_page: OpenPage, address: str) -> None:
    """Also where the address bar is behind, or holds what could not be followed."""
    page = open_page(permissions=["clipboard-read", "clipboard-write"])
    show(page, address, f"{START}&{HOST_RUN}")
    page.evaluate("history.replaceState(null, '', '#behind')")
    page.keyboard.press("l")
    expect(page.locator("#x-notices")).to_contain_text("Link copied")
    copied = page.evaluate("navigator.clipboard.readText()")
    assert copied.startswith(f"{address}#{START}&{HOST_RUN}&at=19&digest=")


@pytest.mark.parametrize(
    ("fragment", "said"),
    [
        ("garbage", "mean nothing here: garbage"),
        (f"{START}&kernal=v6.12&{HOST_RUN}", "mean nothing here: kernal"),
        ("=&==&<b>=1", "mean nothing here: <b>"),
    ],
)
def test_what_a_link_says_in_vain_is_told(
    page: Page, address: str, fragment: str, said: str
) -> None:
    """A mistyped name is not passed over in silence; the rest of the link is followed."""
    show(page, address, fragment)
    expect(page.locator("#x-notices")).to_contain_text(said)
    at_step(page, 19 if HOST_RUN in fragment else 0)


def test_a_path_that_is_too_long_is_one_line(page: Page, address: str) -> None:
    """The line says how many rules there may be, not that they are no numbers."""
    show(page, address, f"{START}&path=0-19999.1")
    expect(page.get_by_role("alert")).to_have_text("path: expected at most 20000 rules")


def test_back_and_forward_in_haste_end_where_they_should(page: Page, address: str) -> None:
    """Pressed faster than the server answers, they overwrite no entry of the history."""
    show(page, address)
    links = [page.url]
    for step in range(1, 11):
        page.keyboard.press("n")
        at_step(page, step)
        expect(page).not_to_have_url(links[-1])
        links.append(page.url)
    page.evaluate(ELSEWHERE, {"times": 7, "way": "back"})
    at_step(page, 3)
    page.evaluate(ELSEWHERE, {"times": 7, "way": "forward"})
    at_step(page, 10)
    for link in reversed(links[:-1]):
        page.go_back()
        expect(page).to_have_url(link)
    at_step(page, 0)


def test_no_browser_refuses_the_addresses_of_many_moves(open_page: OpenPage, address: str) -> None:
    """Of 120 moves as fast as they go, fewer are written than any browser allows, and the last one is."""
    page = open_page()
    page.add_init_script(COUNTING)
    show(page, address, f"{START}&path=11-30")
    page.evaluate(TAKE_ALL, WRITES * 60)
    expect(page).to_have_url(re.compile("&at=140&"))
    times = page.evaluate("writes")
    for first in times:
        assert sum(first <= each < first + 10_000 for each in times) <= MOST_IN_TEN_SECONDS
