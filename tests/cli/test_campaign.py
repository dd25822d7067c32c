# SPDX-License-Identifier: Apache-2.0
"""`xsavvy campaign` and the reports for a CI, on the real API and the smallest scenario."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree.ElementTree import parse

import pytest

from tests.cli.conftest import Run

SMALL = ("campaign", "pkru-xinuse", "--platform", "genoa")


def test_a_table_at_the_end_and_a_line_for_each_search(run: Run) -> None:
    """Standard output has the table, standard error what was searched."""
    ran = run(*SMALL, "--kernel", "v6.14..v6.15")
    assert ran.stdout.splitlines() == [
        "platform genoa",
        "  kernel  pkru-xinuse",
        "  v6.14   holds",
        "  v6.15   holds",
        "2 combinations: 2 hold",
    ]
    assert ran.stderr == "xsavvy: pkru-xinuse v6.14 genoa: holds\n"
    assert ran.exit_code == 0


def test_show_prints_what_the_file_has(run: Run, tmp_path: Path) -> None:
    """`--show` prints the table of a file again, and searches nothing."""
    path = str(tmp_path / "campaign.db")
    first = run(*SMALL, "--kernel", "v6.14", "--kernel", "v6.16", "-o", path)
    shown = run("campaign", "--show", "-o", path)
    assert (shown.stdout, shown.stderr, shown.exit_code) == (first.stdout, "", 0)
    again = run(*SMALL, "--kernel", "v6.14", "--kernel", "v6.16", "-o", path)
    assert (again.stdout, again.stderr) == (first.stdout, "")


def test_a_violation_outweighs_what_is_open(run: Run, tmp_path: Path) -> None:
    """Violated is status 1, a limit alone 3, and what does not apply changes neither."""
    designs = ("--set", "pkru_switch=never,xcr0_or_pke", "--kernel", "v6.18")
    junit, sarif = tmp_path / "a.xml", tmp_path / "a.sarif"
    ran = run(*SMALL, "xfd", *designs, "--junit", str(junit), "--sarif", str(sarif))
    assert ran.exit_code == 1
    assert "1 hold, 1 violated, 2 not applicable" in ran.stdout
    root = parse(junit).getroot()
    counts = [root.get(name) for name in ("failures", "errors", "skipped")]
    assert counts[1:] == ["0", "2"]
    assert int(counts[0] or 0) > 0
    kinds = [each["kind"] for each in json.loads(sarif.read_text())["runs"][0]["results"]]
    assert (kinds.count("fail"), kinds.count("notApplicable")) == (int(counts[0] or 0), 2)
    cut = run(*SMALL, "--kernel", "v6.18", "--max-states", "50")
    assert cut.exit_code == 3
    assert "incomplete (1): pkru-xinuse: stopped at 50 states" in cut.stdout


def test_nothing_that_applies_is_wrong_usage(run: Run) -> None:
    """A campaign in which no combination applies is not green."""
    ran = run("campaign", "xfd", "--platform", "milan", "--kernel", "v6.18")
    assert ran.exit_code == 2
    assert "n/a (1): xfd: not applicable to milan" in ran.stdout


def test_json_has_jobs_and_results(run: Run) -> None:
    """One object: a job per combination, and the results as `check` has them."""
    whole = json.loads(run(*SMALL, "--kernel", "v6.14..v6.15", "--json").stdout)
    assert (whole["command"], whole["interrupted"]) == ("campaign", False)
    assert [(job["kernel"], job["verdict"]) for job in whole["jobs"]] == [
        ("v6.14", "holds"),
        ("v6.15", "holds"),
    ]
    assert len(whole["results"]) == 4
    assert {each["verdict"] for each in whole["results"]} == {"holds"}


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--show"], "--show takes -o FILE"),
        (["fpu", "--show", "-o", "x.db"], "--show takes -o FILE"),
        (["--show", "-o", "x.db", "--kernel", "all"], "--show takes -o FILE"),
        (["--show", "-o", "none.db"], "none.db: no such file"),
        (["--set", "pkru_home"], "expected CHOICE=V1,V2"),
        (["--set", "pkru_home=a,,b"], "expected CHOICE=V1,V2"),
        (["--set", "pkru_home=x"], "no value of pkru_home 'x'"),
        (["pkur"], "no scenario 'pkur'"),
        (["--kernel", "v6.18..v6.1"], "turn the range around"),
        (["--cluster", "tcp://127.0.0.1:1", "--jobs", "2"], "--jobs is for this machine"),
        (["--jobs", "0"], "0 is not in the range"),
        (["--engine", "warp"], "no engine 'warp'"),
    ],
)
def test_wrong_usage_is_one_line(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], words: str
) -> None:
    """Wrong usage is told on one line of standard error, with status 2, before anything is searched."""
    monkeypatch.chdir(tmp_path)
    ran = run("campaign", *arguments)
    assert (ran.exit_code, ran.stdout) == (2, "")
    assert words in ran.stderr
    assert ran.stderr.count("\n") == 1


def test_check_writes_reports_too(run: Run, tmp_path: Path) -> None:
    """`check --junit --sarif` has every scenario, also one that does not apply."""
    junit, sarif = tmp_path / "a.xml", tmp_path / "a.sarif"
    ran = run("check", "pkru-xinuse", "xfd", "--kernel", "v6.18", "--platform", "milan",
              "--junit", str(junit), "--sarif", str(sarif))  # fmt: skip
    assert ran.exit_code == 0
    assert [suite.get("name") for suite in parse(junit).getroot()] == [
        "pkru-xinuse v6.18 milan",
        "xfd v6.18 milan",
    ]
    (found,) = json.loads(sarif.read_text())["runs"]
    assert [each["kind"] for each in found["results"]] == ["pass", "pass", "notApplicable"]


def test_a_report_that_cannot_be_written_is_one_line(run: Run, tmp_path: Path) -> None:
    """A folder that does not exist is told of, with the file's name."""
    ran = run("check", "pkru-xinuse", "--kernel", "v6.18", "--platform", "genoa",
              "--junit", str(tmp_path / "no" / "a.xml"))  # fmt: skip
    assert ran.exit_code == 2
    assert "a.xml: cannot be written" in ran.stderr
