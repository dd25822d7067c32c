# SPDX-License-Identifier: Apache-2.0
"""`xsavvy check`: what it asks of the API, what it prints, and its exit status."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.conftest import Run
from tests.cli.fake import Api, result

WINDOW = """\
window  kernel v6.12  platform preset
  host_pkru_is_host  holds     1,234 states  depth 21  0.25 s
  no_fault           violated  1,234 states   depth 2  0.25 s

  1  vcpu  enter.load_pkru  arch/x86/kvm/x86.c load()
             hw: HOST -> GUEST
  2  irq   softirq (n=2)
             cpu: 0 -> 1   depth: 0 -> 1
  violated: no_fault after 2 steps
  No XRSTOR faults.

"""


def test_a_violation_is_shown_with_its_trace(api: Api, run: Run) -> None:
    """A block names the world, one line per property, and the trace of what is violated."""
    ran = run("check", "window")
    assert ran.stdout == WINDOW + "1 scenario, 2 properties: 1 hold, 1 violated\n"
    assert ran.exit_code == 1
    assert api.calls[-1]["scenarios"] == ["window"]


def test_the_default_scenarios_are_checked_without_a_name(api: Api, run: Run) -> None:
    """No name means the default scenarios, in their order."""
    api.answers["extra"] = []
    run("check")
    assert [call["scenarios"] for call in api.calls if "scenarios" in call] == [
        ["window"],
        ["calm"],
    ]


def test_what_holds_ends_well(api: Api, run: Run) -> None:
    """The exit status is 0 when every property holds."""
    assert run("check", "calm").exit_code == 0


def test_a_limit_is_no_success(api: Api, run: Run) -> None:
    """A search that a limit ended exits with 3, and says so in its last line."""
    api.answers["calm"] = [result(verdict="incomplete", states=10)]
    ran = run("check", "calm", "--max-states", "10")
    assert ran.exit_code == 3
    assert ran.stdout.endswith("1 scenario, 1 property: 1 incomplete\n")
    assert api.calls[-1]["max_states"] == 10


def test_an_unknown_name_is_reported_before_any_search(api: Api, run: Run) -> None:
    """A misspelled scenario ends the run with one line and status 2 before the others start."""
    ran = run("check", "calm", "windw")
    assert (ran.exit_code, ran.stdout) == (2, "")
    assert ran.stderr == "xsavvy: no scenario 'windw': did you mean 'window'?\n"
    assert api.calls[-1]["scenarios"] == ["windw"]


def test_options_reach_the_api(api: Api, run: Run, tmp_path: Path) -> None:
    """Every option is handed on as it was given."""
    patch = tmp_path / "my.py"
    patch.write_text("")
    run("check", "calm", "--kernel", "v6.1", "--platform", "milan", "--set", "pkru=by_xcr0",
        "--set", "xfd=always", "--patch", str(patch), "--liveness",
        "--engine", "reference")  # fmt: skip
    assert api.calls[-1] == {
        "scenarios": ["calm"],
        "kernel": "v6.1",
        "platform": "milan",
        "choices": {"pkru": "by_xcr0", "xfd": "always"},
        "patch": patch,
        "liveness": True,
        "engine": "reference",
        "threads": None,
        "memory": None,
        "checkpoint": None,
        "max_states": None,
    }


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--set", "pkru"], "'pkru': expected CHOICE=VALUE"),
        (["--set", "=x"], "'=x': expected CHOICE=VALUE"),
        (["--set", "a=1", "--set", "a=2"], "'a' is set twice, to '1' and to '2'"),
        (["--patch", "no/such.py"], "File 'no/such.py' does not exist."),
        (["--engine", "warp"], "'warp' is not one of 'auto', 'reference', 'packed', 'compiled'."),
        (["--max-states", "0"], "0 is not in the range x>=1"),
        (["--kernle", "v6.1"], "No such option '--kernle'"),
    ],
)
def test_wrong_usage_is_one_line(api: Api, run: Run, arguments: list[str], words: str) -> None:
    """Wrong usage says what was wrong on one line of standard error, and exits with 2."""
    ran = run("check", *arguments)
    assert (ran.exit_code, ran.stdout) == (2, "")
    assert words.lower().replace(":", "") in ran.stderr.lower().replace(":", "")
    assert ran.stderr.count("\n") == 1
    assert not any("scenarios" in call for call in api.calls)


def test_an_interrupt_keeps_what_was_found(api: Api, run: Run) -> None:
    """Ctrl-C shows the scenarios that were finished and exits with 3."""
    api.interrupt_at = "calm"
    ran = run("check", "window", "calm")
    assert ran.exit_code == 3
    assert ran.stdout == WINDOW + "1 scenario, 2 properties: 1 hold, 1 violated; interrupted\n"


def test_an_interrupt_within_a_search_ends_the_run(api: Api, run: Run) -> None:
    """A search that the user ended is the last one; no other scenario starts after it."""
    api.answers["window"] = [result(verdict="incomplete", ended="stopped")]
    ran = run("check", "window", "calm")
    assert ran.exit_code == 3
    assert ran.stdout.endswith("1 scenario, 1 property: 1 incomplete; interrupted\n")
    assert [call["scenarios"] for call in api.calls if "scenarios" in call] == [["window"]]


def test_a_scenario_that_does_not_apply_ends_nothing(api: Api, run: Run) -> None:
    """Of several scenarios, one that the platform cannot run is told of and left out."""
    api.unfit = "window"
    ran = run("check")
    assert ran.exit_code == 0
    assert ran.stdout.startswith("calm  kernel")
    assert ran.stderr == "xsavvy: window: not applicable to preset, which has no AMX\n"


def test_a_scenario_that_does_not_apply_alone_is_wrong_usage(api: Api, run: Run) -> None:
    """The only scenario asked for must be one that the platform can run."""
    api.unfit = "window"
    ran = run("check", "window")
    assert (ran.exit_code, ran.stdout) == (2, "")


def test_what_was_set_is_in_the_heading(api: Api, run: Run) -> None:
    """The heading names the choices that were set, not all that the kernel made."""
    api.answers["calm"] = [result(set={"pkru": "by_pke"})]
    first = run("check", "calm").stdout.partition("\n")[0]
    assert first == "window  kernel v6.12  platform preset  pkru=by_pke"


def test_what_weakens_a_verdict_is_shown(api: Api, run: Run) -> None:
    """Deadlocks, and steps that nothing reached, stand below the properties."""
    left = {"never_chosen": ["e (n=1)"], "untaken": ["a.b -> c"], "no_effect": ["pkru=by_pke"]}
    api.answers["calm"] = [result(deadlocks=2, unreached=["a.b", "c"], **left)]
    lines = run("check", "calm").stdout.splitlines()
    assert "  2 deadlocks: states in which nothing can move" in lines
    assert "  never taken (2):  a.b  c" in lines
    assert "  values never chosen (1):  e (n=1)" in lines
    assert "  outcomes that never come (1):  a.b -> c" in lines
    assert "  changes nothing here (1):  pkru=by_pke" in lines


def test_an_interrupt_before_anything_was_found(api: Api, run: Run) -> None:
    """Ctrl-C during the first scenario says that nothing was checked."""
    api.interrupt_at = "window"
    ran = run("check", "window")
    assert ran.stdout == "0 scenarios, 0 properties: nothing was checked; interrupted\n"


def test_json_is_one_object(api: Api, run: Run) -> None:
    """`--json` prints one object; the results have the names that programs rely on."""
    api.notes = ["no AMX here"]
    ran = run("check", "window", "--json")
    whole = json.loads(ran.stdout)
    assert whole["command"] == "check"
    assert (whole["machine"], whole["notes"]) == ("A CPU", ["no AMX here"])
    assert [r["verdict"] for r in whole["results"]] == ["holds", "violated"]
    assert whole["results"][1]["trace"][0]["changes"] == {"hw": ["HOST", "GUEST"]}
    assert {"scenario", "kernel", "platform", "choices", "property", "states", "transitions",
            "depth", "seconds"} <= set(whole["results"][0])  # fmt: skip
    assert ran.exit_code == 1


def test_json_survives_an_interrupt(api: Api, run: Run) -> None:
    """An interrupted run still prints one whole object, which says that it was interrupted."""
    api.interrupt_at = "calm"
    whole = json.loads(run("check", "--json").stdout)
    assert whole["interrupted"]
    assert len(whole["results"]) == 2


def test_a_note_is_told_once(api: Api, run: Run) -> None:
    """What was adapted to the machine is told on standard error, once for all scenarios."""
    api.notes = ["this machine has no PKU"]
    ran = run("check")
    assert ran.stderr == "xsavvy: this machine has no PKU\n"


def test_nothing_moves_in_a_pipe(api: Api, run: Run) -> None:
    """A pipe gets neither colours nor a progress line."""
    ran = run("check")
    assert "\x1b" not in ran.output
    assert "\r" not in ran.output
