# SPDX-License-Identifier: Apache-2.0
"""Commands on the real API, where the other tests of this folder use known answers."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.conftest import Run
from xsavvy.cpuid.dump import write_raw
from xsavvy.cpuid.presets import PRESETS

# A kernel long released, a preset, and the smallest scenario: the same numbers on every machine.
WORLD = ("--kernel", "v6.18", "--platform", "genoa")
SMALL = "pkru-xinuse"


def test_a_small_scenario_holds(run: Run) -> None:
    """`check` explores a scenario on a preset and both engines count the same."""
    answers = [
        json.loads(run("check", SMALL, *WORLD, "--engine", engine, "--json").stdout)["results"]
        for engine in ("packed", "reference")
    ]
    counts = [[(r["states"], r["transitions"], r["depth"]) for r in found] for found in answers]
    assert counts[0] == counts[1]
    assert {r["verdict"] for r in answers[0]} == {"holds"}


def test_a_limit_ends_the_search(run: Run) -> None:
    """A limit on the states makes the verdict incomplete and the status 3."""
    ran = run("check", SMALL, *WORLD, "--max-states", "50")
    assert ran.exit_code == 3
    assert "incomplete" in ran.stdout
    assert "interrupted" not in ran.stdout


def test_a_witness_has_a_trace(run: Run) -> None:
    """`trace --witness` prints the steps to the state that must be reachable."""
    ran = run("trace", SMALL, *WORLD, "--witness", "guest_has_its_own_pkru")
    assert ran.exit_code == 0
    assert "  reached: guest_has_its_own_pkru after " in ran.stdout


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["check", "pkur"], "no scenario 'pkur'; nearest: pkru"),
        (["check", SMALL, "--kernel", "v99"], "v99"),
        (["check", SMALL, "--platform", "genao"], "genoa"),
        (["check", SMALL, *WORLD, "--set", "pkru_swich=pke"], "pkru_switch"),
        (["check", SMALL, *WORLD, "--set", "pkru_switch=xxx"], "expected one of"),
        (["trace", SMALL, *WORLD, "--property", "nothing"], "no property"),
        (["trace", SMALL, *WORLD, "--witness", "nothing"], "no witness"),
        (["check", "xfd", "--platform", "milan"], "not applicable to milan"),
    ],
)
def test_a_wrong_name_is_one_line(run: Run, arguments: list[str], words: str) -> None:
    """A wrong name of any kind is one line with the nearest that exist, and status 2."""
    ran = run(*arguments)
    assert (ran.exit_code, ran.stdout) == (2, "")
    assert words in ran.stderr
    assert ran.stderr.count("\n") == 1


def test_a_scenario_that_the_platform_lacks_is_left_out(run: Run) -> None:
    """Beside others, a scenario that does not apply to the platform is told of and left out."""
    ran = run("check", "xfd", SMALL, "--kernel", "v6.18", "--platform", "milan", "--json")
    assert {r["scenario"] for r in json.loads(ran.stdout)["results"]} == {SMALL}
    assert "xfd: not applicable to milan" in ran.stderr


def test_a_broken_patch_is_one_line(run: Run, tmp_path: Path) -> None:
    """A patch that is not Python is wrong usage, with the file's name."""
    patch = tmp_path / "broken.py"
    patch.write_text("def (\n")
    ran = run("check", SMALL, *WORLD, "--patch", str(patch))
    assert (ran.exit_code, ran.stdout, ran.stderr.count("\n")) == (2, "", 1)
    assert "broken.py" in ran.stderr


def test_a_dump_describes_its_cpu(run: Run, tmp_path: Path) -> None:
    """`cpu FILE` reads a dump, and `--platform FILE` checks on it."""
    dump = tmp_path / "dump.txt"
    dump.write_text(write_raw(PRESETS["genoa"].table))
    (cpu,) = json.loads(run("cpu", str(dump), "--json").stdout)["results"]
    assert cpu["xcr0"] == 0x2E7
    assert run("check", SMALL, "--kernel", "v6.18", "--platform", str(dump)).exit_code == 0


def test_an_unreadable_dump_is_one_line(run: Run, tmp_path: Path) -> None:
    """What is no dump is refused with the file's name and what was expected."""
    dump = tmp_path / "dump.txt"
    dump.write_text("hello\n")
    ran = run("cpu", str(dump))
    assert (ran.exit_code, ran.stdout, ran.stderr.count("\n")) == (2, "", 1)
    assert "dump.txt" in ran.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ["cost", "xfd-toggle", "--compare", "xfd_intercept=always,option_1", "--svg"],
        ["cpu", "genoa", "--svg"],
        ["check", SMALL, *WORLD, "--junit"],
        ["check", SMALL, *WORLD, "--sarif"],
        ["export", SMALL, *WORLD, "--to", "murphi", "-o"],
        ["fleet", "genoa", "--picture"],
    ],
    ids=lambda arguments: f"{arguments[0]} {arguments[-1]}",
)
def test_a_file_that_cannot_be_written_is_one_line(
    run: Run, tmp_path: Path, arguments: list[str]
) -> None:
    """A folder that is not there ends every command in the same way, whoever notices it."""
    for path, reason in (
        (str(tmp_path / "no" / "such.svg"), "No such file or directory"),
        ("/dev/full", "No space left on device"),
    ):
        ended = run(*arguments, path)
        assert ended.exit_code == 2
        last = ended.stderr.splitlines()[-1]
        assert last == f"xsavvy: {path}: cannot be written: {reason}"


def test_every_list_has_items_with_unique_names(run: Run) -> None:
    """Lists name each scenario, kernel, choice, step and property once."""
    for kind in ("scenarios", "kernels", "choices", "steps", "properties", "platforms"):
        names = [item["name"] for item in json.loads(run("list", kind, "--json").stdout)["results"]]
        assert names, kind
        assert len(names) == len(set(names)), kind


def test_a_processors_record_is_judged_elsewhere(run: Run) -> None:
    """What a Zen 4 answered once is judged without asking this machine, and agrees."""
    record = Path(__file__).parents[1] / "live" / "record" / "zen4.jsonl"
    ran = run("conform", "--replay", str(record), "--json")
    (found,) = json.loads(ran.stdout)["results"]
    assert (found["oracle"], found["cases"], found["unexplained"]) == ("recorded silicon", 2000, [])
    assert "EPYC" in found["met"]["cpu"]
    assert ran.exit_code == 0
