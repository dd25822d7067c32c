# SPDX-License-Identifier: Apache-2.0
"""The explorer's page as a file: what it may run, and what it holds."""

from __future__ import annotations

import base64
import hashlib
import re
from importlib.resources import files
from importlib.resources.abc import Traversable

import pytest

from xsavvy.report.page.explorer import explorer_page, explorer_policy

PAGE = files("xsavvy.report.page")
MOST_LINES = 300
MARKUP = re.compile(
    r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|DOMParser|\beval\(|new Function"
)


def scripts(folder: Traversable = PAGE) -> list[Traversable]:
    """Return every module of JavaScript of the pages."""
    found = [each for each in folder.iterdir() if each.name.endswith(".js")]
    return found + [each for part in folder.iterdir() if part.is_dir() for each in scripts(part)]


def test_the_policy_allows_this_script_and_no_other_host() -> None:
    """The hash is that of the one script that runs; requests go to the page's own server only."""
    page = explorer_page("token")
    script = re.search(r'<script type="module">(.*?)</script>', page, re.DOTALL)
    assert script is not None
    digest = base64.b64encode(hashlib.sha256(script[1].encode()).digest()).decode()
    assert f"script-src 'sha256-{digest}'" in explorer_policy()
    assert "connect-src 'self'" in explorer_policy()
    assert page.count("<script") == 2
    assert not re.search(r"https?://|@import|url\(", page)


def test_the_token_cannot_end_its_element() -> None:
    """Whatever the token holds stays inside the JSON."""
    page = explorer_page("</script><script>alert(1)</script>")
    assert "alert(1)</script>" not in page
    assert page.count("<script") == 2


@pytest.mark.parametrize("script", scripts(), ids=lambda each: each.name)
def test_no_script_makes_markup_of_text(script: Traversable) -> None:
    """Names and values become text nodes; a module is short and begins with its licence."""
    text = script.read_text(encoding="utf-8")
    assert not MARKUP.search(text)
    assert text.startswith("// SPDX-License-Identifier: Apache-2.0\n")
    assert len(text.splitlines()) <= MOST_LINES
