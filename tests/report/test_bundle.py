# SPDX-License-Identifier: Apache-2.0
"""Pages are put together from style sheets, modules and data, and nothing in them can break out."""

from __future__ import annotations

import json
import re
from importlib.resources import files
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xsavvy.report.page import bundle
from xsavvy.report.page.bundle import BrokenModule, json_text, modules, policy

FOLDER = Path(str(files("xsavvy.report.page")))
SCRIPTS = sorted(FOLDER.rglob("*.js"))


def put_together(monkeypatch: pytest.MonkeyPatch, entry: str, **texts: str) -> str:
    """Bundle modules that stand in texts; `a__b` is the file a/b.js."""
    known = {f"{name.replace('__', '/')}.js": text for name, text in texts.items()}
    monkeypatch.setattr(bundle, "resource", known.__getitem__)
    return modules.__wrapped__(entry)


def test_modules_come_after_what_they_import(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each module stands there once, without imports and exports, below all that it uses."""
    found = put_together(
        monkeypatch,
        "top.js",
        top='import { a } from "./left.js";\nimport { c } from "./deep/right.js";\na(c);\n',
        left='import { base } from "./base.js";\nexport function a() { base(); }\n',
        deep__right='import { base } from "../base.js";\nexport const c = base();\n',
        base="export function base() {}\n",
    )
    assert found.split("\n") == [
        *("function base() {}", "", "function a() { base(); }", "", "const c = base();", ""),
        *("a(c);", ""),
    ]


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        ({"top": 'import * as x from "./a.js";'}, "expected import"),
        ({"top": 'import { x } from "https://example.invalid/a.js";'}, "expected import"),
        ({"top": 'import { b } from "./a.js";', "a": "function b() {}"}, "a.js exports no 'b'"),
        ({"top": 'import { b } from "./a.js";\nlet b;', "a": "export let b;"}, "'b' is declared"),
        ({"top": 'import { b } from "./top.js";\nexport let b;'}, "top.js: imports itself"),
        ({"top": "export default 1;"}, "expected export function, const, let or class"),
    ],
)
def test_modules_that_do_not_fit_are_named(
    monkeypatch: pytest.MonkeyPatch, texts: dict[str, str], message: str
) -> None:
    """A wrong import, a name that is taken and a circle are errors with the file's name or the line."""
    with pytest.raises(BrokenModule, match=re.escape(message)):
        put_together(monkeypatch, "top.js", **texts)


@given(st.recursive(st.text(), lambda inner: st.dictionaries(st.text(), inner)))
def test_data_cannot_end_its_element(value: object) -> None:
    """Data survives the way through a script element, whatever text it has."""
    text = json_text(value)
    assert not set("<>&\u2028\u2029") & set(text)
    assert json.loads(text) == value


def test_a_policy_names_its_script_and_no_other() -> None:
    """Another script has another policy, and only a page with a server of its own may ask for anything."""
    assert policy("1") != policy("2")
    assert "connect-src" not in policy("1")
    assert policy("1", connect=True).endswith("; connect-src 'self'")
    assert policy("1").startswith("default-src 'none'; ")


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
def test_scripts_make_elements_and_never_markup(path: Path) -> None:
    """No script writes markup, runs text or asks another machine; none can end its own element."""
    text = path.read_text(encoding="utf-8")
    assert text.startswith("// SPDX-License-Identifier: Apache-2.0\n")
    banned = r"(inner|outer)HTML|insertAdjacentHTML|document\.write|\beval\b|new Function|https?://|</script"
    assert not re.search(banned, text)
    assert len(text.splitlines()) <= 300
