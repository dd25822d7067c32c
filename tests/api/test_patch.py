# SPDX-License-Identifier: Apache-2.0
"""A user's patch edits the model by public names, and what is wrong in one is one line."""

from __future__ import annotations

from pathlib import Path

import pytest

from xsavvy.api import UsageError, check, default_scenarios

FIELD = """
from typing import Annotated
from xsavvy.checker import Event, Flag, Property

def ring(s, k):
    "Ring the bell."
    s.bell = 1

def silent(s, k):
    "The bell is silent."
    return s.bell == 0

def patch(program):
    program = program.with_fields(bell=Annotated[int, Flag(), "whether the bell rang"])
    program = program.with_event(
        Event("ring", "vmm", ring, interrupts=("vcpu",), at=("vmm",), source="a test")
    )
    return program.with_property(Property("silent", "Nothing rings.", silent, source="a test"))
"""


def written(tmp_path: Path, text: str) -> Path:
    """Write a patch."""
    path = tmp_path / "mine.py"
    path.write_text(text)
    return path


def test_a_patch_adds_a_field_an_event_and_a_property(tmp_path: Path) -> None:
    """What it adds is kept whatever the scenario leaves out."""
    report = check(["pkru-xinuse"], kernel="v7.2", platform="genoa", patch=written(tmp_path, FIELD))
    found = {each.property: each for each in report.results}
    assert found["silent"].verdict == "violated"
    assert found["silent"].trace[-1].changes == {"bell": ("0", "1")}
    assert found["guest_sees_its_own_pkru"].verdict == "holds"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("def patch(program):\n    return program.removed('vmx_vcpu_run.load_hos')", "no step"),
        ("def patch(program):\n    return program.with_fields(hw_sse=int)", "is there already"),
        ("def patch(program):\n    return program.with_fields(mine=int)", "Machine.mine"),
        ("def patch(program):\n    return None", "returned NoneType"),
        ("def patch(program)\n", "mine.py:1: not Python"),
        ("x = 1", "expected a function patch(program)"),
        ("PART = 'nothing'\ndef patch(p):\n    return p", "PART: expected one of run"),
        ("CHOICES = 3\ndef patch(p):\n    return p", "CHOICES: expected a tuple"),
    ],
)
def test_a_wrong_patch_is_one_line(tmp_path: Path, text: str, message: str) -> None:
    """Where, what, and what was expected."""
    with pytest.raises(UsageError) as caught:
        check(["fpu"], platform="genoa", patch=written(tmp_path, text))
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)
    assert "mine.py" in str(caught.value)


def test_a_patch_that_never_ends_or_leaves_is_one_line(tmp_path: Path) -> None:
    """A file without end is not read to its end, and sys.exit() in a patch is a mistake like any other."""
    (tmp_path / "leaves.py").write_text("import sys\nsys.exit(7)\n")
    for path, message in (
        (Path("/dev/zero"), "more than 1048576 bytes"),
        (tmp_path / "leaves.py", "leaves.py:2: SystemExit: 7"),
    ):
        with pytest.raises(UsageError, match=message):
            check(["fpu"], platform="genoa", patch=path)


def test_a_patch_is_about_the_run_loop_and_what_builds_on_it(tmp_path: Path) -> None:
    """Without scenarios those are checked that the patch can change."""
    assert "fpu" in default_scenarios(written(tmp_path, "def patch(p):\n    return p"))
