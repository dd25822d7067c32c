# SPDX-License-Identifier: Apache-2.0
"""`xsavvy cpu` and `xsavvy conform`: a processor described, and a processor asked."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.conftest import Run
from tests.cli.fake import Api, bochs, conformance
from xsavvy.live.answer import Difference
from xsavvy.live.case import Case
from xsavvy.live.conformance import Fact, Unexplained
from xsavvy.live.kvm.conform import Explanation
from xsavvy.live.kvm.maintainers import MaintainersConformance, Source

DIFFERS = Unexplained(Case("xrstor", b"", rfbm=3), (Difference("vector", "none", "0xd"),), 41)


def test_a_cpu_is_a_table(api: Api, run: Run) -> None:
    """`cpu` shows each component with its size and both offsets, numbers below each other."""
    lines = run("cpu").stdout.splitlines()
    assert lines[0] == "AuthenticAMD  family 25 model 1 stepping 1  SVM"
    rows = {line.split()[1]: line.split() for line in lines if line.split()[:1] == ["9"]}
    assert rows["PKRU"][2:6] == ["XCR0", "8", "2,432", "832"]
    assert api.calls == [{"path": None, "form": None, "processor": None}]


def test_a_cpu_as_json(api: Api, run: Run) -> None:
    """`cpu --json` has sizes in bytes and masks as integers."""
    (cpu,) = json.loads(run("cpu", "--json").stdout)["results"]
    assert cpu["xcr0"] == 0x207
    assert {row["name"]: row["size"] for row in cpu["components"]}["AVX"] == 256


def test_a_dump_may_come_from_a_pipe(api: Api, run: Run, tmp_path: Path) -> None:
    """A file name, '-' and a format are handed to the API as they are."""
    dump = tmp_path / "dump.txt"
    dump.write_text("x")
    run("cpu", "-")
    run("cpu", str(dump), "--from", "raw", "--processor", "3")
    assert api.calls == [
        {"path": "-", "form": None, "processor": None},
        {"path": str(dump), "form": "raw", "processor": "3"},
    ]


@pytest.mark.parametrize("width", [80, 100])
def test_a_cpu_fits_its_terminal(
    api: Api, run: Run, monkeypatch: pytest.MonkeyPatch, width: int
) -> None:
    """At the width of a terminal no line of `cpu` is longer."""
    monkeypatch.setenv("COLUMNS", str(width))
    assert max(map(len, run("cpu").stdout.splitlines())) <= width


def test_a_machine_that_agrees(api: Api, run: Run) -> None:
    """When nothing is unexplained the status is 0; what differs for a known reason is shown."""
    ran = run("conform", "--silicon", "--cases", "1000", "--seed", "7")
    assert ran.exit_code == 0
    assert ran.stdout == (
        "silicon  A processor  Linux 6.12\n"
        "  1,000 cases  999 agree  1 explained  0 unexplained  seed 7  1.50 s\n"
        "  explained  1 case, among them xsaveopt rfbm=0x0: XINUSE may change at any interrupt\n"
        "  not asked  XSAVES (needs ring 0)\n"
    )
    assert api.calls[0] | {"progress": None} == {
        "cases": 1000, "seed": 7, "replay": None, "record": None, "progress": None,
    }  # fmt: skip


def test_a_machine_that_differs(api: Api, run: Run) -> None:
    """An unexplained case is shown with both answers, and the status is 1."""
    api.conformance = conformance(DIFFERS)
    ran = run("conform", "--silicon")
    assert ran.exit_code == 1
    assert "  differs    xrstor rfbm=0x3, case 41\n    vector\n" in ran.stdout
    assert "      predicted none\n      seen      0xd\n" in ran.stdout


def test_a_fact_that_differs(api: Api, run: Run) -> None:
    """A directed question with another answer than predicted is a finding too."""
    fact = Fact("init", "XSAVE of nothing writes XSTATE_BV.", "yes", "no")
    api.conformance = conformance(facts=(fact,))
    ran = run("conform", "--silicon")
    assert ran.exit_code == 1
    assert "  differs    XSAVE of nothing writes XSTATE_BV. Predicted yes, seen no." in ran.stdout


def test_a_fact_that_nobody_could_be_asked(api: Api, run: Run) -> None:
    """A question that could not be asked is no finding, and says why it was not asked."""
    api.conformance = conformance(facts=(Fact("a", "It is so.", "yes", None, "no AMX"),))
    ran = run("conform", "--silicon")
    assert ran.exit_code == 0
    assert "not asked  It is so. (no AMX)" in ran.stdout


def test_conformance_as_json(api: Api, run: Run) -> None:
    """`conform --json` names oracle, who was met, and each case with both answers."""
    api.conformance = conformance(DIFFERS)
    (found,) = json.loads(run("conform", "--silicon", "--json").stdout)["results"]
    assert (found["oracle"], found["cases"], found["agree"]) == ("silicon", 1000, 998)
    assert found["met"]["kernel"] == "Linux 6.12"
    assert found["unexplained"][0]["seen"] == "vector 0xd"


def test_an_emulator_that_agrees(api: Api, run: Run) -> None:
    """What Bochs is known to do otherwise is shown by its filters, and what it cannot be asked."""
    ran = run("conform", "--bochs", "--cases", "1000", "--seed", "7")
    assert ran.exit_code == 0
    assert ran.stdout == (
        "bochs  Bochs 2.7  tigerlake\n"
        "  1,000 cases  999 agree  1 explained  0 unexplained  seed 7  1.50 s\n"
        "  xsavec 600  xsetbv 400\n"
        "  explained  B1, 1 case: it places them elsewhere\n"
        "  not asked  XFD (no emulator has the MSRs)\n"
    )
    assert api.calls[0] | {"progress": None} == {
        "cases": 1000, "seed": 7, "record": None, "progress": None,
    }  # fmt: skip


def test_an_emulator_that_differs(api: Api, run: Run) -> None:
    """What no filter excuses is shown with both answers, and is a finding."""
    api.bochs = bochs(Explanation("xsetbv EDX:EAX=0x5.", "xsetbv", "vector 0xd", "vector none"))
    ran = run("conform", "--bochs")
    assert ran.exit_code == 1
    words = "  differs    xsetbv EDX:EAX=0x5. Predicted vector 0xd, seen vector none.\n"
    assert words in ran.stdout


def test_a_replay_needs_no_machine(api: Api, run: Run, tmp_path: Path) -> None:
    """A recorded file alone is enough to judge again."""
    record = tmp_path / "record.jsonl"
    record.write_text("{}")
    run("conform", "--replay", str(record))
    assert api.calls[0]["replay"] == record


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (
            [],
            "nothing to ask: give --silicon, --kvm, --kvm-upstream VERSION, --bochs, --maintainers,",
        ),
        (["--silicon", "--cases", "0"], "0 is not in the range"),
        (["--replay", "no/such"], "File 'no/such' does not exist."),
    ],
)
def test_wrong_usage_of_conform(api: Api, run: Run, arguments: list[str], words: str) -> None:
    """`conform` without an oracle, and with impossible numbers, is wrong usage."""
    ran = run("conform", *arguments)
    assert (ran.exit_code, ran.stdout, api.calls) == (2, "", [])
    assert words in ran.stderr


def test_a_replay_takes_no_new_cases(api: Api, run: Run, tmp_path: Path) -> None:
    """Cases come from the recorded file, so their number and seed cannot be given."""
    record = tmp_path / "record.jsonl"
    record.write_text("{}")
    assert run("conform", "--replay", str(record), "--seed", "1").exit_code == 2


@pytest.mark.parametrize("agrees", [True, False])
def test_the_maintainers_cases_are_shown(api: Api, run: Run, *, agrees: bool) -> None:
    """`conform --maintainers` has a line for each file, and tells by its status whether all agree."""
    source = Source(
        "KVM selftests", "x86/a_test.c", "0123", 3, 3 if agrees else 2, () if agrees else ("a case",), 0, 0, (), (),
        {"no PKU": 3}, ("isa.keys.rights",), (("EFER", "not modelled"),),
    )  # fmt: skip
    api.theirs = MaintainersConformance(
        "maintainers", "v7.3", "genoa", None, "no /dev/kvm", (source,), 1.5
    )
    ran = run("conform", "--maintainers")
    assert ran.exit_code == (0 if agrees else 1)
    lines = ran.stdout.splitlines()
    assert lines[0] == "maintainers  rules of v7.3 on genoa"
    assert f"  a_test.c  model {3 if agrees else 2} of 3  0123" in lines
    assert "    not asked  3 (no PKU)" in lines
    assert "    left out   EFER (not modelled)" in lines
    (found,) = json.loads(run("conform", "--maintainers", "--json").stdout)["results"]
    assert found["sources"][0]["assertions"] == 3
