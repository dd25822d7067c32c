# SPDX-License-Identifier: Apache-2.0
"""`xsavvy lint` and `xsavvy cpu --svg`, with an API of known answers."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.conftest import Run
from tests.cli.fake import Api
from xsavvy.api import LintResult
from xsavvy.cpuid.differing import ProcessorDifference
from xsavvy.cpuid.finding import Unknown, finding

WRONG = finding("size", (13, 1, "ebx"), 0x370, "0", "too much", "SDM CPUID")
SOUND = LintResult("a.txt", "raw", (), ())
BAD = LintResult("b.txt", "log", (WRONG,), (Unknown(7, 0, "ecx", "leaf 0x7 is not in the dump"),))
DIFFER = tuple(ProcessorDifference(cpu, 13, 0, "eax", 7, 3) for cpu in (2, 3, 4, 9))


def test_sound_tables(api: Api, run: Run) -> None:
    """Without a finding the status is 0, and each file has a line."""
    api.lints = (SOUND,)
    ran = run("lint", "a.txt", "--kernel", "v6.12", "--from", "raw", "--whole")
    assert (ran.exit_code, ran.stdout) == (0, "a.txt  raw  sound\n")
    assert api.calls == [{"files": ("a.txt",), "form": "raw", "kernel": "v6.12", "whole": True}]


def test_findings(api: Api, run: Run) -> None:
    """A finding has its number, what is expected and who says so; the status is 1."""
    api.lints = (SOUND, BAD)
    ran = run("lint", "a.txt", "b.txt")
    assert ran.exit_code == 1
    assert ran.stdout == (
        "a.txt  raw  sound\n\n"
        "b.txt  log  1 finding\n"
        "  size\n"
        "    leaf 0xd subleaf 0x1 EBX=0x370: too much\n"
        "    expected  0\n"
        "    source    SDM CPUID\n"
        "  unknown  leaf 0x7 is not in the dump\n"
    )


def test_only_unknowns_are_no_finding(api: Api, run: Run) -> None:
    """A table of which much is unknown is not called sound, and the status is 0."""
    api.lints = (LintResult("b.txt", "log", (), BAD.unknown),)
    ran = run("lint", "b.txt")
    assert ran.exit_code == 0
    assert "b.txt  log  nothing wrong in what is known\n" in ran.stdout


def test_processors_that_differ_alike_share_a_line(api: Api, run: Run) -> None:
    """Differences are told once for all processors that have them."""
    api.lints = (LintResult("a.txt", "raw", (), (), 10, DIFFER),)
    assert (
        "  differs  CPU 2-4, 9: leaf 0xd subleaf 0x0 EAX=0x3, CPU 0 has 0x7\n" in run("lint").stdout
    )


def test_findings_as_json(api: Api, run: Run) -> None:
    """`--json` has every part of a finding under its name."""
    api.lints = (BAD,)
    (result,) = json.loads(run("lint", "b.txt", "--json").stdout)["results"]
    assert (result["file"], result["format"]) == ("b.txt", "log")
    (found,) = result["findings"]
    assert {key: found[key] for key in ("rule", "leaf", "subleaf", "register", "found")} == {
        "rule": "size", "leaf": 13, "subleaf": 1, "register": "ebx", "found": 0x370,
    }  # fmt: skip
    assert (found["expected"], found["source"]) == ("0", "SDM CPUID")
    assert result["unknown"][0]["leaf"] == 7


@pytest.mark.parametrize("width", [60, 100])
def test_a_lint_fits_its_terminal(
    api: Api, run: Run, monkeypatch: pytest.MonkeyPatch, width: int
) -> None:
    """Long sentences go on in a next line."""
    long = finding("size", (13, 1, "ebx"), 1, "0", "word " * 40 + "end", "a source " * 20)
    api.lints = (LintResult("a.txt", "raw", (long,), ()),)
    monkeypatch.setenv("COLUMNS", str(width))
    assert max(map(len, run("lint").stdout.splitlines())) <= width


def test_a_picture_goes_to_a_file(api: Api, run: Run, tmp_path: Path) -> None:
    """`cpu --svg` writes the picture and shows the table all the same."""
    target = tmp_path / "area.svg"
    ran = run("cpu", "--svg", str(target))
    assert ran.exit_code == 0
    assert "PKRU" in ran.stdout
    assert target.read_text(encoding="utf-8").startswith("<svg xmlns=")


def test_a_picture_that_cannot_be_written(api: Api, run: Run, tmp_path: Path) -> None:
    """A picture that has no place is wrong usage, in one line."""
    ran = run("cpu", "--svg", str(tmp_path / "no" / "area.svg"))
    assert ran.exit_code == 2
    assert "cannot be written" in ran.stderr
