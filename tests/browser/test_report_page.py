# SPDX-License-Identifier: Apache-2.0
"""The page of a check in a real browser: a table of verdicts, and stories that are walked one by one."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import OpenPage, Watch
from tests.report.stories import PLATFORM
from xsavvy.api import CheckReport, LeftOut, check, stories
from xsavvy.report.page.reportpage import report_page

WORLD = {"kernel": "v5.0", "platform": PLATFORM}


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The report of two scenarios on a kernel with bugs that are long fixed."""
    reports = [check([name], **WORLD) for name in ("machine-check", "guest-fpu")]  # type: ignore[arg-type]
    told = [each for report in reports for each in report.results if each.trace]
    page = report_page(reports, stories(told, **WORLD), [], WORLD)  # type: ignore[arg-type]
    path = tmp_path_factory.mktemp("pages") / "report.html"
    path.write_text(page, encoding="utf-8")
    return path.as_uri()


def test_verdicts_lead_to_their_stories(page: Page, address: str, watch: Watch) -> None:
    """Each violated property links to its story, a property that holds links nowhere."""
    page.goto(address)
    expect(page.locator("h1")).to_have_text("4 violated 4 hold")
    rows = page.locator("table.verdicts tbody tr:not(.scenario)")
    expect(rows).to_have_count(8)
    for row in rows.all():
        assert row.locator("a").count() == row.get_by_text("violated", exact=True).count()
    page.get_by_role("link", name="nobody_sleeps_in_atomic_context").click()
    story = page.locator("#trace-3-story")
    expect(story).to_be_in_viewport()
    expect(story.locator("h2").first).to_contain_text("The vCPU thread is switched out only")
    assert watch.requests == [address]


def test_the_table_comes_before_what_was_not_checked(page: Page, tmp_path: Path) -> None:
    """Scenarios that do not apply are listed once, below; above the table is only what concerns it."""
    reason = "xss: not applicable to v5.0, which has no CET_U, CET_S"
    reports = [check(["machine-check"], **WORLD), CheckReport([], [reason, "a note"], "")]  # type: ignore[arg-type]
    left = [LeftOut("xss", "v5.0", PLATFORM, "not applicable", reason)]
    path = tmp_path / "report.html"
    path.write_text(report_page(reports, [], left, WORLD), encoding="utf-8")
    page.goto(path.as_uri())
    expect(page.get_by_text(reason)).to_have_count(1)
    expect(page.locator("dl.facts").first).to_contain_text("a note")
    expect(page.locator("dl.facts").first).not_to_contain_text(reason)


def test_each_story_has_its_own_state(page: Page, address: str) -> None:
    """Keys walk in the story that was chosen last, and the others stay where they are."""
    page.goto(address)
    page.locator("#trace-2-step-5 .name").click()
    page.keyboard.press("ArrowDown")
    titles = page.locator("[data-title]")
    expect(titles.nth(1)).to_contain_text("After step 6")
    expect(titles.nth(0)).to_contain_text("After step 33")
    page.locator("#trace-1-step-2 .name").click()
    page.keyboard.press("ArrowDown")
    expect(titles.nth(0)).to_contain_text("After step 3 ")
    expect(titles.nth(1)).to_contain_text("After step 6")
    assert page.url.endswith("#trace-1-step-3")


def test_keys_scroll_until_a_story_is_chosen(page: Page, address: str) -> None:
    """Without a chosen story the arrow keys are the browser's own."""
    page.goto(address)
    scrolled = page.evaluate_handle(
        "() => ({ far: new Promise(far => addEventListener('scroll', () => scrollY > 500 && far(true))) })"
    )
    page.keyboard.press("End")
    assert scrolled.evaluate("({ far }) => far")
    expect(page.locator("[aria-current]")).to_have_count(0)


def test_filters_are_for_all_stories(page: Page, address: str) -> None:
    """One field's steps are shown in every story."""
    page.goto(address)
    page.get_by_role("combobox").select_option("current")
    for story in page.locator(".story").all():
        assert story.locator(".step:visible").count() < story.locator(".step").count()


def test_a_phone_shows_a_report(open_page: OpenPage, address: str, tmp_path: Path) -> None:
    """At 360 pixels nothing is wider than the window, and only the chosen story has a foot."""
    page = open_page(viewport={"width": 360, "height": 740}, has_touch=True, is_mobile=True)
    page.goto(address)
    assert page.evaluate("document.documentElement.scrollWidth") == 360
    expect(page.locator(".state:visible")).to_have_count(0)
    page.locator("#trace-2-step-5").tap()
    expect(page.locator(".state:visible")).to_have_count(1)
    assert page.evaluate("document.documentElement.scrollWidth") == 360


def test_a_report_is_readable_without_a_script(open_page: OpenPage, address: str) -> None:
    """The table, what was not exercised and all stories stand in the page."""
    page = open_page(java_script_enabled=False)
    page.goto(address)
    expect(page.locator(".story .banner")).to_have_count(4)
    expect(page.locator("#trace-1-step-33")).to_contain_text("xrstors_gp")
