# SPDX-License-Identifier: Apache-2.0
"""The explorer in a browser: stepping by mouse and by keyboard, links, searches."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import OpenPage, Watch
from tests.browser.explorer import START, WINDOW, at_step, field_names, served, show, value
from xsavvy.report.page.bundle import resource
from xsavvy.report.page.explorer import KEYS

WINDOW_LINK = f"{START}&path=11-29.86"
FOUND = 60_000
"""Milliseconds that a search may take on a machine with much else to do."""


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """The page of a server that all tests of this file ask."""
    with served() as url:
        yield url


def test_a_click_takes_a_move_and_the_machine_shows_it(page: Page, address: str) -> None:
    """The first step, its source and its place in the path are there; undo leads back and keeps it as the next."""
    show(page, address)
    page.locator(".x-move").first.click()
    at_step(page, 1)
    expect(page.locator("#x-last")).to_contain_text("vmm.ioctl_KVM_RUN")
    expect(page.locator("#x-path [aria-current=step]")).to_contain_text("vmm.ioctl_KVM_RUN")
    expect(page.locator("#x-left .m-strip")).to_contain_text("kvm_arch_vcpu_ioctl_run.vcpu_load")
    page.click("#x-undo")
    at_step(page, 0)
    expect(page.locator("#x-path-count")).to_have_text("0 of 1")
    page.click("#x-redo")
    at_step(page, 1)


def test_the_last_step_is_marked_with_the_old_value(page: Page, address: str) -> None:
    """Entering the window, PKRU is marked as changed, and was the VMM's."""
    show(page, address, f"{START}&path=11-29")
    assert value(page, "hw_pkru[0]") == "hw_pkru[0] = init: the init state, was vmm"
    changed = page.locator("#x-left .m-changed")
    assert field_names(changed) == ["hw_pkru[0]"]
    expect(changed.locator("del")).to_have_text("vmm")


def test_masks_are_shown_where_they_hold(page: Page, address: str) -> None:
    """Before the entry preemption and interrupts are off; in the NMI, NMIs are held too."""
    lit = page.locator("#x-left .m-lamp.m-lit")
    show(page, address, f"{START}&path=11-29")
    assert lit.all_inner_texts() == ["preemption off", "interrupts off"]
    show(page, address, WINDOW_LINK)
    assert lit.all_inner_texts() == ["preemption off", "interrupts off", "NMIs held"]


def test_the_keyboard_is_enough(page: Page, address: str) -> None:
    """Walk into the window, back, to the start and to the end, and filter, without a mouse."""
    show(page, address)
    page.keyboard.press("n")
    at_step(page, 1)
    page.keyboard.press("Space")
    at_step(page, 2)
    page.keyboard.press("g")
    at_step(page, 20)
    expect(page.locator("#x-left .m-mode")).to_have_text("guest mode")
    page.keyboard.press("ArrowDown")
    expect(page.locator(".x-move[aria-current]")).to_have_attribute("data-index", "1")
    page.keyboard.press("Enter")
    at_step(page, 21)
    page.keyboard.press("Backspace")
    at_step(page, 20)
    page.keyboard.press("ArrowRight")
    at_step(page, 21)
    page.keyboard.press("Home")
    at_step(page, 0)
    page.keyboard.press("End")
    at_step(page, 21)
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowLeft")
    at_step(page, 19)
    page.keyboard.press("/")
    page.keyboard.type("nmi")
    expect(page.locator(".x-move")).to_have_count(1)
    page.keyboard.press("Enter")
    at_step(page, 20)
    page.keyboard.press("Escape")
    page.keyboard.press("p")
    expect(page.locator("#x-property-list")).to_be_focused()
    page.keyboard.press("1")
    at_step(page, 21)


def test_letters_in_the_filter_are_letters(page: Page, address: str) -> None:
    """Typing an n there takes no step."""
    show(page, address)
    page.keyboard.press("/")
    page.keyboard.type("n g 1")
    expect(page.locator("#x-filter")).to_have_value("n g 1")
    at_step(page, 0)


def test_fast_keys_are_neither_lost_nor_mixed_up(page: Page, address: str) -> None:
    """Six presses without a pause are six steps."""
    show(page, address)
    for _ in range(6):
        page.keyboard.press("n")
    at_step(page, 6)
    assert "path=11-16&at=6" in page.url


def test_help_lists_every_key(page: Page, address: str) -> None:
    """The overlay opens by ?, names every key that the page listens to, and closes by Escape."""
    bound = re.search(r"const KEYS = \{(.*?)\n\};", resource("explore/keys.js"), re.DOTALL)
    assert bound is not None
    names = re.findall(r'^  "?([^":]+)"?: ', bound[1], re.MULTILINE)
    written = {" ": "Space", "ArrowUp": "↑", "ArrowDown": "↓", "ArrowLeft": "←", "ArrowRight": "→"}
    told = {key for keys, _ in KEYS for key in keys}
    assert {written.get(name, name) for name in names} == told - {"1", "…", "9"}
    show(page, address)
    page.keyboard.press("?")
    expect(page.locator("#x-help")).to_be_visible()
    expect(page.locator("#x-help kbd").first).to_have_text("↑")
    page.keyboard.press("Escape")
    expect(page.locator("#x-help")).to_be_hidden()
    at_step(page, 0)


def test_a_link_restores_everything_elsewhere(open_page: OpenPage, address: str) -> None:
    """A fresh browser shows the same world, choices, path, place and values."""
    first, second = open_page(), open_page()
    link = f"{START}&set=pkru_write=xrstor&path=11-29.86&at=19"
    show(first, address, link)
    show(second, first.url.partition("#")[0], first.url.partition("#")[2])
    at_step(second, 19)
    assert "digest=" in second.url
    assert second.url == first.url
    assert value(second, "hw_pkru[0]") == value(first, "hw_pkru[0]")
    expect(second.locator(".x-choose")).to_have_text("Choices: 1 set")
    expect(second.locator("#x-path-count")).to_have_text("19 of 20")


def test_back_and_forward_walk_through_what_was_shown(page: Page, address: str) -> None:
    """The browser's own buttons undo and redo moves."""
    show(page, address)
    page.keyboard.press("n")
    at_step(page, 1)
    page.keyboard.press("n")
    at_step(page, 2)
    page.go_back()
    at_step(page, 1)
    page.go_back()
    at_step(page, 0)
    page.go_forward()
    at_step(page, 1)


def test_another_address_in_the_open_page_is_followed(page: Page, address: str) -> None:
    """Somebody who edits the path in the address bar goes there, and back again."""
    show(page, address, f"{START}&path=11-13")
    page.evaluate("link => { location.hash = link; }", f"#{WINDOW_LINK}")
    at_step(page, 20)
    page.go_back()
    at_step(page, 3)


def test_a_link_of_another_model_says_so(page: Page, address: str) -> None:
    """The path is walked as far as it is possible, with a word about each."""
    show(page, address, f"{START}&path=11-13.999.14&digest=00000000")
    at_step(page, 3)
    notices = page.locator("#x-notices")
    expect(notices).to_contain_text("made in another model (00000000; this one is")
    expect(notices).to_contain_text("ends at step 3 of 5")


@pytest.mark.parametrize(
    ("fragment", "said"),
    [
        ("scenario=pkur", "no scenario 'pkur'"),
        (f"{START}&path=eleven", "expected numbers of rules"),
        ("scenario=pkru&kernel=v0.1", "v0.1"),
    ],
)
def test_a_link_that_means_nothing_is_one_line(
    page: Page, address: str, watch: Watch, fragment: str, said: str
) -> None:
    """The line says what is wrong, and the page goes on with the start."""
    watch.expected.append("400")
    show(page, address, fragment)
    expect(page.get_by_role("alert")).to_contain_text(said)
    expect(page.locator(".x-move").first).to_be_visible()


def test_a_property_turns_red_where_it_breaks(page: Page, address: str) -> None:
    """It says since which step; a click on that leads there, and a step back it holds."""
    show(page, address, f"{WINDOW_LINK}.0")
    broken = page.locator(f'#x-property-list [data-name="{WINDOW}"]')
    expect(broken).to_contain_text("✓ holds")
    page.click("#x-path >> text=NMI")
    at_step(page, 20)
    expect(broken).to_contain_text("✗ broken")
    expect(broken.get_by_role("button", name="since step 20")).to_be_visible()
    expect(page.locator("#x-last")).to_contain_text("Breaks: An NMI handler")
    page.keyboard.press("Backspace")
    at_step(page, 19)
    expect(broken).to_contain_text("✓ holds")
    expect(page.locator(".x-move", has_text="NMI")).to_contain_text(f"breaks {WINDOW}")


def test_a_counterexample_is_found_and_can_be_stepped_through(page: Page, address: str) -> None:
    """The shortest path is loaded at its end; the start is a key away."""
    show(page, address)
    page.get_by_role("button", name=f"Show a counterexample: {WINDOW}", exact=True).click()
    at_step(page, 20, FOUND)
    expect(page.locator("#x-search")).to_contain_text("Found: 20 steps")
    expect(page.locator(f'[data-name="{WINDOW}"]')).to_contain_text("since step 20")
    page.keyboard.press("Home")
    at_step(page, 0)
    for step in range(1, 4):
        page.keyboard.press("ArrowRight")
        at_step(page, step)
    expect(page.locator("#x-path-count")).to_have_text("3 of 20")


def test_a_witness_is_shown_and_what_holds_says_so(page: Page, address: str) -> None:
    """A witness leads to a state in which it is true; a property that holds has no path."""
    show(page, address, "scenario=pkru-xinuse&kernel=v6.18&platform=genoa")
    page.get_by_role("button", name="Show me: guest_has_its_own_pkru", exact=True).click()
    witness = page.locator('#x-witness-list [data-name="guest_has_its_own_pkru"]')
    expect(witness).to_contain_text("● so here", timeout=FOUND)
    held = page.locator("#x-property-list .x-holds").last.get_attribute("data-name")
    page.get_by_role("button", name=f"Show a counterexample: {held}", exact=True).click()
    expect(page.locator("#x-search")).to_contain_text("It holds in every state", timeout=FOUND)


def test_a_search_can_be_ended(page: Page, address: str) -> None:
    """Cancel stops it, says so, and the path stays as it was."""
    show(page, address, "scenario=everything&kernel=v6.17&platform=sapphire-rapids&path=11")
    page.get_by_role("button", name=re.compile("^Show a counterexample: ")).last.click()
    page.locator("#x-search").get_by_role("button", name="Cancel").click()
    expect(page.locator("#x-search")).to_contain_text("ended")
    at_step(page, 1)


def test_run_until_a_property_turns(page: Page, address: str) -> None:
    """After the NMI has come, the host goes on until the property is true again, and says why it stopped."""
    show(page, address, WINDOW_LINK)
    page.keyboard.press("t")
    expect(page.locator("#x-notices p")).to_be_visible()
    expect(page.locator(f'[data-name="{WINDOW}"]')).to_contain_text("✓ holds")
