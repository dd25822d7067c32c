# SPDX-License-Identifier: Apache-2.0
"""The explorer's worlds in a browser: choosing, comparing, every part of the model, phones, hostile names."""

from __future__ import annotations

import shlex
import shutil
from collections.abc import Iterator
from importlib.resources import as_file, files
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import OpenPage, Watch
from tests.browser.explorer import START, at_step, field_names, served, show, value

# An interrupt in the middle of the swap of two fpstates: known since v5.17, fixed by 59f5ede3bc0f.
SWAP = "scenario=fpu&kernel=v5.17&platform=sapphire-rapids&path=12-18.76.1-4.19-31"
PARTS = (
    "everything", "trace", "nested-shared", "moves", "signals", "machine-check",
    "protected-run", "ioctls-xsave", "cet", "capabilities",
)  # fmt: skip
"""A scenario of every part of the model."""


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """The page of a server that all tests of this file ask."""
    with served() as url:
        yield url


@pytest.mark.parametrize("scenario", PARTS)
def test_every_field_stands_in_one_place(page: Page, address: str, scenario: str) -> None:
    """The picture leaves nothing out and shows nothing twice, in every part of the model."""
    with page.expect_response("**/api/world?*") as answer:
        show(page, address, f"scenario={scenario}&kernel=v6.18&platform=sapphire-rapids")
    wanted = sorted(field["name"] for field in answer.value.json()["fields"])
    shown = field_names(page.locator("#x-left [data-field]"))
    assert sorted(shown) == wanted


def test_copies_stand_beside_their_register(page: Page, address: str) -> None:
    """In the row of a register are KVM's copy and what it should be, and its cache is the next row."""
    show(page, address)

    def row(name: str) -> list[str]:
        rows = page.locator("#x-left .m-box-hw tbody tr").filter(
            has=page.locator("th", has_text=name)
        )
        return field_names(rows.first.locator("[data-field]"))

    assert row("xcr0") == ["hw_xcr0[0]", "hw_xcr0[1]", "vcpu_xcr0"]
    assert row("xfd") == ["hw_xfd[0]", "hw_xfd[1]", "ghost_xfd"]
    assert row("xfd_state") == ["cpu_xfd_state[0]", "cpu_xfd_state[1]"]
    assert row("sse") == ["hw_sse[0]", "hw_sse[1]", "ghost_sse"]


def test_what_should_be_otherwise_is_marked_while_the_guest_runs(page: Page, address: str) -> None:
    """The guest finds the softirq's XMM registers: they are marked in guest mode, and not a step before."""
    show(page, address, SWAP)
    unequal = page.locator("#x-left .m-unequal")
    names = field_names(unequal)
    assert "hw_sse[0]" in names
    assert "hw_sse[1]" not in names
    page.locator('#x-left [data-field="hw_sse[0]"]').hover()
    expect(page.locator("#x-left .m-note")).to_contain_text("but ghost_sse is init")
    page.keyboard.press("Backspace")
    at_step(page, 24)
    expect(unequal).to_have_count(0)


def test_the_picture_can_be_read_by_keyboard(page: Page, address: str) -> None:
    """Arrow keys in the picture go from field to field and tell what each is; the path stays."""
    show(page, address)
    page.locator("#x-left .m-body").focus()
    page.keyboard.press("ArrowDown")
    expect(page.locator("#x-left .m-note code")).to_have_text("cpu")
    page.keyboard.press("ArrowRight")
    expect(page.locator("#x-left .m-note")).to_contain_text("the task on it")
    at_step(page, 0)


def test_a_kernel_is_chosen_by_typing(page: Page, address: str) -> None:
    """The list narrows as one types; Enter takes the kernel, and the address names it."""
    show(page, address)
    box = page.get_by_role("combobox", name="Kernel")
    box.click()
    box.fill("v6.6")
    expect(page.get_by_role("option").first).to_contain_text("v6.6")
    box.press("Enter")
    expect(page.locator("body.x-busy")).to_have_count(0)
    expect(page.get_by_role("combobox", name="Kernel")).to_have_value("v6.6")
    page.wait_for_url("**kernel=v6.6&**")
    page.go_back()
    expect(page.get_by_role("combobox", name="Kernel")).to_have_value("v6.18")


def test_a_kernel_with_a_commit_can_be_typed(page: Page, address: str, watch: Watch) -> None:
    """What is not in the list is taken as it is typed; one that does not exist is refused in one line."""
    show(page, address)
    box = page.get_by_role("combobox", name="Kernel")
    box.fill("v6.18+b45f72177594")
    box.press("Enter")
    page.wait_for_url("**kernel=v6.18%2Bb45f72177594&**")
    watch.expected.append("400")
    box.fill("v6.18+nothing")
    page.get_by_role("option", name="v6.18+nothing").click()
    expect(page.get_by_role("alert")).to_contain_text("nothing")
    expect(box).to_have_value("v6.18+b45f72177594")
    expect(page.get_by_role("listbox", name="Kernel")).to_be_hidden()


def test_a_choice_is_set_and_reset(page: Page, address: str) -> None:
    """A value other than the kernel's goes into the address and is marked; resetting takes it out."""
    show(page, address)
    page.locator(".x-choose").click()
    page.get_by_label("pkru_write").select_option("xrstor")
    expect(page.locator("#x-choice-list .x-set code")).to_have_text("pkru_write")
    assert "set=pkru_write=xrstor" in page.url
    page.get_by_role("button", name="Reset all").click()
    expect(page.locator("#x-choice-list .x-set")).to_have_count(0)
    assert "set=" not in page.url


def test_two_kernels_in_lockstep(page: Page, address: str) -> None:
    """The fixed kernel takes the same events; where values begin to differ is a click away."""
    show(page, address, f"{SWAP}&other.kernel=v5.17%2B59f5ede3bc0f")
    expect(page.locator("#x-parted")).to_contain_text("values begin to differ at step 8")
    assert value(page, "hw_sse[0]") == "hw_sse[0] = kernel: the host kernel's"
    assert value(page, "hw_sse[0]", "#x-right") == "hw_sse[0] = init: the init state"
    for side in ("#x-left", "#x-right"):
        expect(page.locator(f'{side} [data-field="hw_sse[0]"].m-differs')).to_have_count(1)
        expect(page.locator(f'{side} [data-field="hw_pkru[0]"].m-differs')).to_have_count(0)
    broken = page.locator('[data-name="guest_finds_its_registers"]')
    expect(broken).to_contain_text("broken on the left")
    page.get_by_role("button", name="Go there").click()
    at_step(page, 8)
    page.keyboard.press("c")
    expect(page.locator("#x-right")).to_be_hidden()
    assert "other." not in page.url


def test_comparing_begins_with_the_same_world(page: Page, address: str) -> None:
    """The key puts the world beside itself, with the cursor where another kernel is chosen."""
    show(page, address, f"{START}&path=11-13")
    page.keyboard.press("c")
    right = page.get_by_role("group", name="Right").get_by_role("combobox", name="Kernel")
    expect(right).to_be_focused()
    expect(page.locator("#x-parted")).to_contain_text("every field that both have is equal")
    right.fill("v6.19")
    right.press("Enter")
    expect(page.locator("#x-right-title")).to_have_text("pkru · v6.19 · sapphire-rapids")
    page.locator("h1").click()
    page.keyboard.press("n")
    at_step(page, 4)
    expect(page.locator("#x-right .m-strip")).to_be_visible()


@pytest.mark.parametrize(
    ("scenario", "scheme"),
    [("pkru", "light"), ("nested-shared", "dark"), ("capabilities", "light")],
)
def test_a_phone_is_enough(open_page: OpenPage, address: str, scenario: str, scheme: str) -> None:
    """At 360 pixels the page never scrolls sideways, with a second world too, and the steps can be tapped."""
    page = open_page(viewport={"width": 360, "height": 740}, color_scheme=scheme, has_touch=True)
    world = f"scenario={scenario}&kernel=v6.18&platform=sapphire-rapids"
    for fragment in (world, f"{world}&other.kernel=v6.17"):
        show(page, address, fragment)
        assert page.evaluate("document.documentElement.scrollWidth") == 360
    page.locator(".x-move").first.tap()
    at_step(page, 1)
    expect(page.locator("#x-undo")).to_be_in_viewport()


def test_links_and_commands_can_be_copied(open_page: OpenPage, address: str) -> None:
    """The link is the address; the command is one that a shell reads as one word, even with a quote in it."""
    page = open_page(permissions=["clipboard-read", "clipboard-write"])
    show(page, address, f"{START}&path=11-13")
    page.click("#x-copy-link")
    expect(page.locator("#x-notices")).to_contain_text("Link copied.")
    assert page.evaluate("navigator.clipboard.readText()") == page.url
    page.click("#x-copy-command")
    expect(page.locator("#x-notices")).to_contain_text("Command copied.")
    command = page.evaluate("navigator.clipboard.readText()")
    assert command == f"xsavvy explore '#{page.url.partition('#')[2]}'"


def test_a_copied_command_names_the_files_of_the_session(
    open_page: OpenPage, tmp_path: Path
) -> None:
    """A patch and a CPUID dump are not in the link; a shell reads the names as words, whatever is in them."""
    patch = tmp_path / "my 'patch'; x.py"
    patch.write_text("def patch(program):\n    return program\n", encoding="utf-8")
    dump = tmp_path / "it's mine.txt"
    with as_file(files("xsavvy.cpuid").joinpath("platforms", "sapphire-rapids.txt")) as preset:
        shutil.copy(preset, dump)
    page = open_page(permissions=["clipboard-read", "clipboard-write"])
    with served(str(dump), patch) as url:
        for platform, option in (("", ["--platform", dump.name]), ("genoa", [])):
            show(page, url, f"scenario=pkru&kernel=v6.18&platform={platform}")
            expect(page.locator("#x-question")).to_contain_text(f"Patched by {patch.name}")
            page.click("#x-copy-command")
            expect(page.locator("#x-notices")).to_contain_text("Command copied.")
            words = shlex.split(page.evaluate("navigator.clipboard.readText()"))
            assert words[:-1] == ["xsavvy", "explore", "--patch", patch.name, *option]
            assert words[-1].startswith("#scenario=pkru&")


def test_a_hostile_name_is_text(page: Page, tmp_path: Path) -> None:
    """A platform whose file name is markup, has a quote and turns text around is shown, and runs nothing."""
    name = "<img src=x onerror=document.title='owned'>\u202etxt.txt"
    with as_file(files("xsavvy.cpuid").joinpath("platforms", "sapphire-rapids.txt")) as dump:
        shutil.copy(dump, tmp_path / name)
    with served(str(tmp_path / name)) as url:
        show(page, url, "scenario=pkru&kernel=v6.18")
        expect(page.get_by_role("combobox", name="Platform")).to_have_value(
            name.replace("\u202e", "\\x202e")
        )
        assert page.locator("img").count() == 0
        assert "owned" not in page.title()
        page.get_by_role("combobox", name="Platform").click()
        expect(page.get_by_role("option").first).to_contain_text("'owned'>\\x202etxt.txt")
        assert "'" not in page.url.partition("#")[2]


def test_every_control_has_a_name(page: Page, address: str) -> None:
    """No button, field or list is without words for a screen reader."""
    show(page, address, f"{START}&path=11-29")
    nameless = page.evaluate(
        """[...document.querySelectorAll("button, input, select, [role=listbox], dialog")].filter(each =>
        !(each.textContent.trim() || each.getAttribute("aria-label") || each.getAttribute("aria-labelledby")))
        .map(each => each.outerHTML)"""
    )
    assert nameless == []


@pytest.mark.parametrize("width", [1280, 1000])
def test_nothing_moves_under_the_pointer(open_page: OpenPage, address: str, width: int) -> None:
    """What is said of a field has always the same height, with few words and with many, beside another world too."""
    page = open_page(viewport={"width": width, "height": 800})
    show(page, address, f"{START}&other.kernel=v6.19")
    note = page.locator("#x-left .m-note")
    heights = set()
    for name in ("cpu", "vcpu_exit", "fp_xfeatures[other]", "hw_sse[0]"):
        page.locator(f'#x-left [data-field="{name}"]').hover()
        expect(note.locator("code")).to_have_text(name)
        box = note.bounding_box()
        assert box is not None
        heights.add(box["height"])
    assert len(heights) == 1


def test_paper_shows_the_world_and_the_path(page: Page, address: str) -> None:
    """What is a button or a list to choose from on a screen is text there, and nothing is cut off."""
    show(page, address, f"{START}&path=11-29.86")
    page.emulate_media(media="print")
    for label, text in (("Scenario", "pkru"), ("Kernel", "v6.18"), ("Platform", "sapphire-rapids")):
        expect(page.get_by_label(label, exact=True).first).to_be_visible()
        expect(page.get_by_label(label, exact=True).first).to_have_value(text)
    expect(page.locator("#x-path .x-row:visible")).to_have_count(21)
    expect(page.locator(".x-move:visible")).to_have_count(0)
    assert page.evaluate(
        "[...document.querySelectorAll('.x-scroll')].every(each => each.scrollHeight <= each.clientHeight + 1)"
    )


def test_without_a_script_the_page_says_what_it_needs(open_page: OpenPage, address: str) -> None:
    """A reader without JavaScript is not left before empty boxes."""
    page = open_page(java_script_enabled=False)
    page.goto(address)
    expect(page.get_by_text("it needs JavaScript")).to_be_visible()
