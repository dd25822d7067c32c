# SPDX-License-Identifier: Apache-2.0
"""Every known bug is found before its fix, absent after it, and its wrong fixes are refuted."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest

from xsavvy.api import GalleryResult, UsageError, gallery, known_bugs
from xsavvy.kvm import COMMITS
from xsavvy.model.gallery import BrokenManifest, Bug, bugs, read_manifest
from xsavvy.model.registry import CHOICES, scenario_named

SHOWN = [bug for bug in bugs() if not bug.reason]
MINE = """
id = "mine"
title = "XCR0 stays loaded"
commits = []
evidence = "A"
source = "a test"
scenario = "pkru-xinuse"
platform = "genoa"
before = "v6.18"
after = "v6.18"
property = "guest_sees_its_own_pkru_inuse"
[choices]
pkru_write = "wrpkru"
[before_expected]
depth = 1
states = 2
[after_expected]
states = 2
"""


@cache
def results() -> dict[str, GalleryResult]:
    """Run the whole gallery once."""
    return {each.id: each for each in gallery().results}


@pytest.mark.parametrize("bug", bugs(), ids=lambda bug: bug.id)
def test_a_manifest_names_what_exists(bug: Bug) -> None:
    """Commits, scenario and choices of a manifest are those of the model."""
    known = {commit.id for commit in COMMITS}
    assert bug.title
    assert bug.source
    assert bug.evidence in {"A", "B", "C"}
    if bug.reason:
        return
    assert set(bug.commits) <= known
    assert bug.story
    scenario = scenario_named(bug.scenario)
    assert scenario is not None
    assert bug.property in (*scenario.properties, *scenario.eventualities)
    assert set(bug.choices) <= {choice.name for choice in CHOICES}


def test_no_name_is_used_twice() -> None:
    """A bug is found by its name."""
    names = [bug.id for bug in bugs()]
    assert sorted(names) == sorted(set(names))


@pytest.mark.slow
@pytest.mark.parametrize("bug", SHOWN, ids=lambda bug: bug.id)
def test_a_bug_is_found_before_its_fix_and_not_after(bug: Bug) -> None:
    """Verdicts, depth and states are those of the manifest, and every wrong fix is refuted."""
    found = results()[bug.id]
    assert found.before is not None
    assert found.after is not None
    assert (found.before.verdict, found.before.expected) == ("violated", "")
    assert (found.after.verdict, found.after.expected) == ("holds", "")
    assert [fix.title for fix in found.wrong_fixes if not fix.as_expected] == []
    assert found.as_expected


def test_a_manifest_of_ones_own_is_read_and_judged(tmp_path: Path) -> None:
    """What is not as written down says so, with the numbers."""
    path = tmp_path / "mine.toml"
    path.write_text(MINE)
    (found,) = gallery([str(path)]).results
    assert not found.as_expected
    assert found.before is not None
    assert found.before.expected == "expected depth 1, 2 states"
    (asked,) = known_bugs("v6.18", [str(path)]).results
    assert asked.after is None
    assert asked.before is not None
    assert asked.before.verdict == found.before.verdict


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("id = ", "mine.toml"),
        ('id = "x"', "title"),
        (MINE + "wrong = 1", "wrong"),
        (MINE.replace('before = "v6.18"', ""), "expected 'before'"),
        (MINE.replace("depth = 1", ""), "expected the depth"),
        ('reason = "r"\n' + MINE, "a bug with a reason has no 'scenario'"),
        ("#" * 70_000, "65536 bytes"),
        ("\xff", "mine.toml"),
        ("a = " + "[" * 5_000, "mine.toml"),
    ],
)
def test_a_broken_manifest_is_one_line(tmp_path: Path, text: str, message: str) -> None:
    """Whatever is in the file, the error says where and what was expected."""
    path = tmp_path / "mine.toml"
    path.write_bytes(text.encode("latin-1"))
    with pytest.raises(BrokenManifest, match=r"mine\.toml") as caught:
        read_manifest(path)
    assert message in str(caught.value)
    with pytest.raises(UsageError):
        gallery([str(path)])


def test_an_unknown_bug_and_a_missing_file_are_one_line(tmp_path: Path) -> None:
    """The nearest names, or what the system says."""
    with pytest.raises(UsageError, match="no bug"):
        gallery(["nothing-like-it"])
    with pytest.raises(UsageError, match="cannot be read"):
        gallery([str(tmp_path / "none.toml")])
    with pytest.raises(UsageError, match="kernel"):
        known_bugs("v9.99")


def test_a_kernel_has_a_bug_only_if_its_fix_is_missing() -> None:
    """Two bugs that violate one property in one world are told apart by their commits."""
    asked = {
        each.id: each for each in known_bugs("v6.12", ["perm-overwrite", "perm-clobber"]).results
    }
    assert asked["perm-clobber"].has
    assert not asked["perm-overwrite"].has
    assert asked["perm-overwrite"].before is not None
    assert asked["perm-overwrite"].before.verdict == "violated"
    assert "another bug" in asked["perm-overwrite"].before.reason
