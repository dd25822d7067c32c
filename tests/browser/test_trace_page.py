# SPDX-License-Identifier: Apache-2.0
"""The page of a trace in a real browser: walking, hovering, filters, themes, paper, and no script at all."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import OpenPage, Watch
from tests.report.stories import lasso_story, sleeping_story, window_story
from xsavvy.api import Story
from xsavvy.report.page.tracepage import trace_page


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The page of the NMI's window, as a file."""
    path = tmp_path_factory.mktemp("pages") / "trace.html"
    path.write_text(trace_page(window_story(), [("Again", "xsavvy trace pkru")]), encoding="utf-8")
    return path.as_uri()


def values_after(story: Story, number: int) -> dict[str, str]:
    """The fields after some steps of a story, as they should be shown."""
    values = dict(story.start.values)
    for step in story.steps[:number]:
        values.update({name: new for name, (_, new) in step.taken.changes.items()})
    return values


def shown(page: Page, field: str) -> str:
    """What the picture says about a field: tapping it shows name, value and meaning."""
    page.locator(f'[data-field="{field}"]').first.dispatch_event("click")
    return page.locator(".m-note").inner_text()


def test_arrow_keys_walk(page: Page, address: str, watch: Watch) -> None:
    """Down and up choose a step, the address names it, the state is the story's, and one file was loaded."""
    page.goto(address)
    title = page.locator("[data-title]")
    expect(title).to_have_text("After step 20 NMI")
    for _ in range(19):
        page.keyboard.press("ArrowDown")
    expect(title).to_have_text("After step 19 vmx_vcpu_run.kvm_load_guest_pkru")
    assert page.url.endswith("#step-19")
    assert page.locator("[aria-current=step]").get_attribute("data-step") == "19"
    expect(page.locator("[data-said]")).to_have_text(
        "Step 19: vmx_vcpu_run.kvm_load_guest_pkru. hw_pkru[0]: vmm to init"
    )
    expect(page.locator("[data-verdict]")).to_have_text("The property is at risk here.")
    page.keyboard.press("ArrowUp")
    expect(title).to_have_text("After step 18 vmx_vcpu_run.load_guest_xss")
    page.keyboard.press("Home")
    expect(title).to_have_text("At the start")
    page.keyboard.press("End")
    expect(page.locator("[data-verdict]")).to_have_text(
        "Broken here: nmi_reads_user_memory_under_host_pkru"
    )
    assert watch.requests == [address]


@pytest.mark.parametrize("number", [0, 7, 19])
def test_the_state_is_the_storys(page: Page, address: str, number: int) -> None:
    """Fields show what they hold after a step, and what the step changed is told with its old value."""
    page.goto(f"{address}#step-{number}")
    expect(page.locator("[aria-current=step]")).to_have_attribute("data-step", str(number))
    values = values_after(window_story(), number)
    for field in ("hw_pkru[0]", "fp_sse[vmm]", "hw_xcr0[1]", "vcpu_loaded"):
        assert values[field] in shown(page, field) or f"{int(values[field], 16):#x}" in shown(
            page, field
        )
    changes = window_story().steps[number - 1].taken.changes if number else {}
    for field, (old, _) in changes.items():
        assert f"was {old}" in shown(page, field)


def test_pointing_shows_and_leaving_returns(page: Page, address: str) -> None:
    """The step under the pointer is shown; where the pointer leaves, the chosen one is back."""
    page.goto(f"{address}#step-4")
    title = page.locator("[data-title]")
    page.locator("#step-8 .name").hover()
    expect(title).to_have_text("After step 8 kvm_load_guest_fpu.fpregs_mark_activate")
    page.locator("h1").hover()
    expect(title).to_have_text("After step 4 kvm_load_guest_fpu.save_outgoing")
    page.locator("#step-6 .name").click()
    page.locator("h1").hover()
    expect(title).to_have_text("After step 6 kvm_load_guest_fpu.xfd_update_state")
    assert page.url.endswith("#step-6")


def test_an_address_opens_its_step(page: Page, address: str) -> None:
    """A link to a step shows it, and so does the browser's way back; a step that is not there is no error."""
    page.goto(f"{address}#step-12")
    expect(page.locator("#step-12")).to_be_in_viewport()
    expect(page.locator("[data-title]")).to_contain_text("After step 12")
    page.evaluate("location.hash = '#step-3'")
    expect(page.locator("[data-title]")).to_contain_text("After step 3")
    page.go_back()
    expect(page.locator("[data-title]")).to_contain_text("After step 12")
    page.evaluate("location.hash = '#step-99'")
    expect(page.locator("[data-title]")).to_contain_text("After step 12")


def test_filters_hide_steps(page: Page, address: str) -> None:
    """Only steps that change something, or one field, stay; keys walk over those, and a gap tells how many are not."""
    page.goto(address)
    rows = page.locator(".step:visible")
    expect(rows).to_have_count(21)
    page.get_by_role("button", name="Only steps that change something").click()
    changing = [s for s in window_story().steps if s.taken.changes or s.taken.move.event]
    expect(rows).to_have_count(len(changing) + 1)
    page.get_by_role("combobox").select_option("hw_pkru[0]")
    expect(rows).to_have_count(3)
    assert [row.get_attribute("data-step") for row in rows.all()] == ["0", "19", "20"]
    assert page.locator("#step-19").get_attribute("data-skipped") == "18 hidden"
    page.locator("h1").click()
    page.keyboard.press("ArrowDown")
    expect(page.locator("[data-title]")).to_contain_text("After step 19")


def test_only_moving_fields(page: Page, address: str) -> None:
    """The picture can leave out what never changes in the trace."""
    page.goto(address)
    moving = {name for step in window_story().steps for name in step.taken.changes}
    page.get_by_label("only fields that this trace changes").check()
    expect(page.locator('[data-field="task_leg"]')).to_have_count(0)
    fields = page.locator("[data-machine] [data-field]").all()
    assert {each.get_attribute("data-field") for each in fields} == moving


def test_themes(open_page: OpenPage, address: str) -> None:
    """The page follows the system's colors, and its button has the last word."""
    back = "getComputedStyle(document.body).backgroundColor"
    page = open_page(color_scheme="light")
    page.goto(address)
    light = page.evaluate(back)
    page.emulate_media(color_scheme="dark")
    dark = page.evaluate(back)
    assert light != dark
    button = page.get_by_role("button", name="Theme")
    button.click()
    assert (button.inner_text(), page.evaluate(back)) == ("Theme: light", light)
    page.reload()
    assert page.evaluate(back) == light
    button.click()
    page.emulate_media(color_scheme="light")
    assert (button.inner_text(), page.evaluate(back)) == ("Theme: dark", dark)


def test_paper(page: Page, address: str) -> None:
    """Print has the steps and the sentence, light whatever the theme, and nothing to press."""
    page.goto(address)
    page.get_by_role("button", name="Theme").click()
    page.get_by_role("button", name="Theme").click()
    page.emulate_media(media="print")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    expect(page.locator(".banner")).to_be_visible()
    expect(page.locator("#step-1")).to_be_visible()
    expect(page.locator("button:visible, .state:visible, select:visible")).to_have_count(0)


@pytest.mark.parametrize("make", [window_story, sleeping_story, lasso_story])
def test_a_phone_needs_no_sideways_scrolling(
    open_page: OpenPage, tmp_path: Path, make: object
) -> None:
    """At 360 pixels the body is no wider than the window, with the state folded and unfolded."""
    assert callable(make)
    path = tmp_path / "phone.html"
    path.write_text(trace_page(make()), encoding="utf-8")
    page = open_page(viewport={"width": 360, "height": 740}, has_touch=True, is_mobile=True)
    page.goto(path.as_uri())
    wide = "document.documentElement.scrollWidth"
    assert page.evaluate(wide) == 360
    expect(page.locator("[data-machine]")).to_be_hidden()
    page.locator("#step-3").tap()
    expect(page.locator("[data-title]")).to_contain_text("After step 3")
    page.get_by_role("button", name="State", exact=True).tap()
    expect(page.locator("[data-machine]")).to_be_visible()
    assert page.evaluate(wide) == 360


def test_without_a_script_the_page_is_whole(open_page: OpenPage, address: str) -> None:
    """Every step, its lane, the bars and the sentence are there; what needs a script is not."""
    page = open_page(java_script_enabled=False)
    page.goto(address)
    expect(page.locator(".step:visible")).to_have_count(21)
    expect(page.locator("#step-19")).to_contain_text("hw_pkru[0] vmm \u2192 init")
    expect(page.locator("#step-20 .bar")).to_have_count(2)
    expect(page.locator(".banner")).to_contain_text("does so under that task's own PKRU")
    expect(page.locator("[data-tools], [data-state]").first).to_be_hidden()
    page.goto(f"{address}#step-20")
    expect(page.locator("#step-20")).to_be_in_viewport()


def test_the_policy_stops_what_is_not_ours(page: Page, address: str, watch: Watch) -> None:
    """A script or a picture that somebody slips into the file does not run and is not loaded."""
    watch.expected.append("Content Security Policy")
    failed: list[tuple[str, str | None]] = []
    page.on("requestfailed", lambda request: failed.append((request.url, request.failure)))
    page.goto(address)
    # Not page.wait_for_function, which the policy stops as well: it asks again by eval().
    page.evaluate(
        """() => new Promise(refused => {
            const script = document.createElement("script");
            script.textContent = "window.slipped = true";
            const image = document.createElement("img");
            image.onerror = refused;
            image.src = "http://example.invalid/x.png";
            document.body.append(script, image);
        }).then(() => null)"""
    )
    assert page.evaluate("window.slipped") is None
    assert failed == [("http://example.invalid/x.png", "csp")]
    watch.requests.remove("http://example.invalid/x.png")
