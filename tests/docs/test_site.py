# SPDX-License-Identifier: Apache-2.0
"""The documents build into a site: without a warning, without a network, and nothing in it comes from elsewhere."""

from __future__ import annotations

import re
import subprocess
import sys
from html import unescape
from pathlib import Path

import click
import pytest

from docs.made import MADE
from docs.made.extension import MARK, fill
from docs.made.markdown import plain
from docs.made.objects import RUNS
from tests.arch.source import ROOT, project_files
from xsavvy.cli.main import xsavvy

BUILD = [sys.executable, "-m", "sphinx", "-n", "-W", "--keep-going", "-q", "--fresh-env"]
# What a browser fetches by itself when it shows a page; a link that a reader follows is none.
FETCHED = re.compile(
    r"""<(?:script|img|iframe|source|video|audio|embed)\b[^>]*\bsrc=["']?(?:https?:)?//"""
    r"""|<link\b[^>]*\brel=["']?(?:stylesheet|preload|preconnect|icon)[^>]*\bhref=["']?(?:https?:)?//"""
    r"""|<link\b[^>]*\bhref=["']?(?:https?:)?//[^>]*\brel=["']?(?:stylesheet|preload|preconnect|icon)"""
    r"""|url\(["']?(?:https?:)?//|@import\s+["'](?:https?:)?//"""
)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the site once, as `make docs` does."""
    out = tmp_path_factory.mktemp("site")
    command = [*BUILD, "-d", str(tmp_path_factory.mktemp("trees")), str(ROOT / "docs"), str(out)]
    built = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stderr
    assert not built.stderr, built.stderr
    return out


@pytest.mark.slow
def test_every_document_has_a_page(site: Path) -> None:
    """What is in docs is in the site, and leads to its neighbors."""
    for path in project_files():
        if path.suffix == ".md" and path.is_relative_to(ROOT / "docs"):
            page = site / path.relative_to(ROOT / "docs").with_suffix(".html")
            assert "sidebar-tree" in page.read_text(encoding="utf-8"), page.name


@pytest.mark.slow
def test_nothing_is_fetched_from_elsewhere(site: Path) -> None:
    """No page, style or script of the site asks another host for anything."""
    for path in site.rglob("*"):
        if path.suffix in {".html", ".css"}:
            found = FETCHED.search(path.read_text(encoding="utf-8"))
            assert not found, f"{path.name}: {found}"


@pytest.mark.slow
def test_made_blocks_are_in_the_site(site: Path) -> None:
    """A reference page has what the program says of itself."""
    commands = (site / "reference" / "commands.html").read_text(encoding="utf-8")
    for words in ("xsavvy image convert", "--max-states", "--kvm-upstream", "xsavvy explore"):
        assert words in commands
    steps = (site / "reference" / "steps.html").read_text(encoding="utf-8")
    assert "kvm_load_guest_pkru" in steps
    assert "interrupts off" in steps


def test_the_reading_guide_knows_the_code() -> None:
    """Every file and room that the guide sends a reader to exists."""
    guide = (ROOT / "docs" / "reading-guide.md").read_text(encoding="utf-8")
    named = re.findall(
        r"`([a-z_]+/[\w/]+(?:\.py|\.js)?|api|cli|report)`", guide.replace("src/xsavvy", "")
    )
    assert len(named) > 40
    for name in named:
        assert (ROOT / "src" / "xsavvy" / name).exists(), name


def test_a_fetch_is_found() -> None:
    """The search for what is fetched finds the ways in which it is asked for."""
    for text in (
        '<script src="https://a/b.js">', '<img alt="" src=//a/b.png>', "url(http://a/b.woff)",
        '<link rel="stylesheet" href="//a/b.css">', '@import "https://a/b.css"',
    ):  # fmt: skip
        assert FETCHED.search(text), text
    assert not FETCHED.search('<a href="https://a/b">b</a><img src="a/b.svg">')


def test_every_made_block_is_on_one_page() -> None:
    """Nothing is made that no page shows, and no page asks for what nothing makes."""
    asked = [
        name
        for path in project_files()
        if path.suffix == ".md" and path.is_relative_to(ROOT / "docs")
        for name in MARK.findall(path.read_text(encoding="utf-8"))
    ]
    assert sorted(asked) == sorted(MADE)


def test_text_in_a_table_stays_text() -> None:
    """A bar ends no cell, a bracket opens no link, and a name with underscores is code."""
    assert plain("XCR0[9] | a < b") == "XCR0\\[9\\] \\| a &lt; b"
    assert plain("arch/x86/kvm/x86.c vcpu_run()") == "`arch/x86/kvm/x86.c` `vcpu_run()`"
    assert plain("`a` and --max-states") == "`a` and `--max-states`"


def test_every_command_says_what_it_prints() -> None:
    """The page of formats has a run of each command that prints an object."""
    known = set(xsavvy.list_commands(click.Context(xsavvy)))
    # image has commands of its own, and what is walked in a browser has its JSON there.
    assert set(RUNS) == known - {"image", "explore"}


@pytest.mark.slow
def test_a_trace_has_its_page_in_the_site(site: Path) -> None:
    """The tutorial leads to the page of its trace, which has every step and asks nothing of any network."""
    tutorial = site / "tutorial" / "first-counterexample.html"
    link = re.search(r'href="([^"]*pkru-window\.html)"', tutorial.read_text(encoding="utf-8"))
    assert link is not None
    page = unescape((tutorial.parent / link[1]).read_text(encoding="utf-8"))
    assert [number for number in range(25) if f'id="step-{number}"' in page][-1] == 20
    assert "nmi_reads_user_memory_under_host_pkru" in page
    assert "default-src 'none'" in page
    assert "connect-src" not in page
    assert not re.search(r"https?://|@import|url\(", page)


def test_an_unknown_block_is_an_error() -> None:
    """A page that asks for what nothing makes ends the build."""
    from sphinx.errors import SphinxError

    with pytest.raises(SphinxError, match="nothing makes 'nonsense'"):
        fill("before\n<!-- made: nonsense -->\nafter")
