# SPDX-License-Identifier: Apache-2.0
"""The pages that answer the threads say what the runs say."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[2]


def _script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("answers", ROOT / "docs" / "answers.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["answers"] = module
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(("name", "page"), [("pkru-xinuse", "seed-002.md"), ("xfd", "seed-001.md")])
def test_a_page_has_the_tables_and_traces_of_its_runs(name: str, page: str) -> None:
    """Exploring every row again gives the page as it stands."""
    script = _script()
    answer = script.ANSWERS[name]
    found = [script.explore(row, list(answer.columns)) for row in answer.rows]
    text = (ROOT / "docs" / page).read_text()
    assert "\n".join(script.table(answer, found)) in text
    assert "\n".join(script.traces(answer, found)).rstrip() in text


@pytest.mark.parametrize(("name", "page"), [("pkru", "seed-002.md"), ("xfd", "seed-001.md")])
def test_the_readme_repeats_a_pages_table(name: str, page: str) -> None:
    """One run, two places."""
    start, end = f"<!-- generated: {name} -->", f"<!-- end of generated: {name} -->"
    table = (ROOT / "docs" / page).read_text().partition(start)[2].partition(end)[0]
    assert "violated" in table
    assert table in (ROOT / "README.md").read_text()
