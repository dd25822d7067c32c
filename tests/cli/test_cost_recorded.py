# SPDX-License-Identifier: Apache-2.0
"""`xsavvy cost --trace` and `--measure` as a user meets them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.conftest import Run
from xsavvy.cost.weights import load_weights
from xsavvy.live.host import meet
from xsavvy.live.machine.reach import Unreachable

TRACE = """\
# entries-in-buffer/entries-written: 5/9   #P:1
 vcpu-7 [000] d..1. 1.000000: kvm_entry: vcpu 0
 vcpu-7 [000] d..1. 1.250000: kvm_exit: vcpu 0 reason HLT rip 0x10 info1 0x0
 vcpu-7 [000] .....
 vcpu-7 [000] ..... 1.300000: kvm_userspace_exit: reason KVM_EXIT_HLT (5)
 vcpu-7 [000] d..1. 1.500000: kvm_entry: vcpu 0
 vcpu-7 [000] d..1. 2.000000: kvm_exit: vcpu 0 reason EPT_VIOLATION rip 0x20 info1 0x0
"""


@pytest.fixture
def trace(tmp_path: Path) -> str:
    path = tmp_path / "two.txt"
    path.write_text(TRACE)
    return str(path)


def test_a_trace_is_shown_and_replayed(run: Run, trace: str) -> None:
    """What was recorded stands first, with what is missing; then its exits under each kernel."""
    ran = run("cost", "--trace", trace)
    assert ran.exit_code == 0
    assert "two.txt  1.000000 s, 5 events" in ran.stdout
    assert "1 torn line skipped" in ran.stdout
    assert "1 gap, 4 events known to be lost" in ran.stdout
    assert "vCPU 0 (vcpu-7): 0.750000 s in the guest, 0.250000 s between" in ran.stdout
    assert "recorded: two.txt" in ran.stdout
    assert "v6.19" in ran.stdout


def test_the_other_options_apply_to_a_trace(run: Run, trace: str) -> None:
    """A trace is replayed on the kernels, the platform and the weights that are asked for."""
    options = ("--compare", "kernel=v6.18", "--platform", "granite-rapids")
    ran = run("cost", "--trace", trace, *options, "--weights", "genoa", "--json")
    said = json.loads(ran.stdout)
    (result,) = said["results"]
    assert (result["kernel"], result["platform"]) == ("v6.18", "granite-rapids")
    assert said["weights"].startswith("AMD EPYC")
    assert said["recorded"]["exits"] == {"HLT": 1, "EPT_VIOLATION": 1}
    assert said["recorded"]["lost"] == 4
    assert said["recorded"]["behaviour"]["exits to userspace"] == 1


def test_a_trace_without_exits_is_shown_only(run: Run, tmp_path: Path) -> None:
    """What cannot be replayed is said beside what was recorded."""
    path = tmp_path / "fpu.txt"
    path.write_text(" vcpu-7 [000] ..... 1.0: kvm_msr: msr_write 1c4 = 0x40000\n")
    ran = run("cost", "--trace", str(path))
    assert ran.exit_code == 0
    assert "writes of IA32_XFD" in ran.stdout
    assert "nothing to replay" in ran.stderr
    said = json.loads(run("cost", "--trace", str(path), "--json").stdout)
    assert said["recorded"]["msr_writes"] == {"0x1c4": 1}
    assert said["results"] == []


def test_a_trace_from_a_pipe(run: Run) -> None:
    """`-` is standard input, so that what a recorder prints needs no file."""
    ran = run("cost", "--trace", "-", "--json", stdin=TRACE)
    said = json.loads(ran.stdout)
    assert said["recorded"]["exits"] == {"HLT": 1, "EPT_VIOLATION": 1}
    assert {each["workload"] for each in said["results"]} == {"stdin"}


def test_what_is_no_trace_is_one_line(run: Run, tmp_path: Path) -> None:
    """A file of another kind is refused with what was expected."""
    path = tmp_path / "prose.txt"
    path.write_text("Once upon a time.\n")
    ran = run("cost", "--trace", str(path))
    assert ran.exit_code == 2
    assert ran.stderr.count("\n") == 1
    assert "no event in 1 lines; expected text of ftrace" in ran.stderr


@pytest.mark.parametrize(
    "words",
    [
        ("-o", "x"),
        ("--measure", "xfd-toggle"),
        ("--measure", "--trace", "x"),
        ("--trace", "x", "xfd-toggle"),
    ],
)
def test_what_does_not_go_together_is_refused(run: Run, words: tuple[str, ...]) -> None:
    """Options that mean nothing beside each other are wrong usage."""
    assert run("cost", *words).exit_code == 2


@pytest.mark.silicon
def test_measured_weights_are_shown_written_and_used(run: Run, tmp_path: Path) -> None:
    """What is measured is a table, JSON, or a file that `--weights` takes."""
    try:
        meet()
    except Unreachable as error:
        pytest.skip(f"silicon: {error.reason}")
    assert "not measured: RDMSR, WRMSR, XSETBV" in run("cost", "--measure").stdout
    file = tmp_path / "here.toml"
    ran = run("cost", "--measure", "-o", str(file), "--json")
    said = json.loads(ran.stdout)
    assert [each["event"] for each in said["results"]] == [
        each.event for each in load_weights(file).weights
    ]
    priced = run("cost", "userspace", "--weights", str(file), "--json")
    assert json.loads(priced.stdout)["weights"].startswith(said["title"])
    refused = run("cost", "--measure", "-o", str(tmp_path / "no" / "such"))
    assert refused.exit_code == 2
    assert "No such file or directory" in refused.stderr
