# SPDX-License-Identifier: Apache-2.0
"""Choices beside each other: prices, what is not priced, when one pays, and whether it is safe."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from xsavvy.api import CostReport, UsageError, cost
from xsavvy.cli.cost import command
from xsavvy.cost.workload import load_workload, workloads
from xsavvy.model.programs import BrokenProgram
from xsavvy.model.registry import CHOICES, SCENARIOS

FLAT = """
title = "every event takes ten"
unit = "tens"
"""


@pytest.fixture(name="flat")
def _flat(tmp_path: Path) -> Path:
    """Weights of ten cycles for every event of the XFD workloads."""
    kinds = ("vmexit", "vmentry", "rdmsr", "wrmsr", "xsetbv")
    rows = [
        f'[[weight]]\nevent = "{kind}"\ncycles = [10, 10, 10]\nsource = "made up"\n'
        for kind in kinds
    ]
    path = tmp_path / "flat.toml"
    path.write_text(FLAT + "\n".join(rows))
    return path


def xfd(weights: Path | None = None) -> CostReport:
    """Compare the interception of XFD always and at the first nonzero write."""
    names = ["xfd-exits", "xfd-toggle"]
    return cost(names, compare="xfd_intercept=always,first_nonzero", weights=weights)


def test_prices_by_hand(flat: Path) -> None:
    """Always: 2 exits, 2 entries, 2 + 4 WRMSR, 4 XSETBV; passed through: 2 WRMSR."""
    report = xfd(flat)
    by = {(each.workload, each.choice.partition("=")[2]): each for each in report.results}
    assert by["xfd-toggle", "always"].cycles == (140, 140, 140)
    assert by["xfd-toggle", "first_nonzero"].cycles == (20, 20, 20)
    assert by["xfd-toggle", "first_nonzero"].more == (-120, -120, -120)
    assert by["xfd-toggle", "first_nonzero"].ratio == pytest.approx(1 / 7)
    assert by["xfd-exits", "first_nonzero"].more == (10, 10, 10)


def test_a_break_even_point_by_hand(flat: Path) -> None:
    """Two writes save 120 and each exit costs 10 more: from 2/12 of a write for each exit on it pays."""
    (point,) = xfd(flat).break_even
    assert (point.cheaper, point.than) == ("xfd_intercept=first_nonzero", "xfd_intercept=always")
    assert (point.unit, point.against_unit) == ("XFD writes", "exit")
    assert point.low == point.mid == point.high == pytest.approx(2 / 12)
    assert point.unpriced == []


def test_what_nobody_has_priced_is_named_and_not_guessed() -> None:
    """The published weights have no XSETBV: it stands beside the cycles, and there is no ratio."""
    report = xfd()
    always = next(each for each in report.results if each.workload == "xfd-toggle")
    assert "xsetbv" in always.unpriced
    assert always.more_unpriced == {}
    passed = [each for each in report.results if each.workload == "xfd-toggle"][1]
    assert passed.more_unpriced == {"xsetbv": -4}
    assert passed.ratio is None
    (point,) = report.break_even
    assert point.unpriced == ["xsetbv"]
    assert 0 < point.low < point.mid < point.high


def test_a_choice_that_the_checker_refutes_is_marked() -> None:
    """Seed 000: component 8 in the fpstate is the cheapest design, and it is refuted."""
    report = cost(["pt-on"], compare="pt_switch=trace_en,xss_fpstate", judge=True)
    upstream, fpstate = report.results
    assert (upstream.safe, upstream.refuted) == ("holds", [])
    assert fpstate.safe == "violated"
    assert "perf_finds_its_trace_state" in fpstate.refuted
    assert fpstate.cycles < upstream.cycles


def test_a_check_that_stops_early_says_so() -> None:
    """A verdict of a search that was not exhaustive is none."""
    (result,) = cost(
        ["xfd-exits"], compare="xfd_intercept=always", judge=True, max_states=100
    ).results
    assert result.safe == "incomplete"


@pytest.mark.parametrize("name", list(workloads()))
def test_a_workload_that_comes_with_xsavvy_names_what_exists(name: str) -> None:
    """Its comparison is a choice of the model or the kernels, its judge a scenario with the properties asked for."""
    each = workloads()[name]
    assert each.program.title
    question = each.compare.partition("=")[0]
    assert question == "kernel" or question in {choice.name for choice in CHOICES}
    scenario = next((one for one in SCENARIOS if one.name == each.judge), None)
    assert (scenario is not None) == bool(each.judge)
    assert scenario is None or each.asks <= set(scenario.properties)


def test_all_workloads_run_side_by_side() -> None:
    """Without a question every workload is counted on its own kernel, with every turn of its loop."""
    report = cost()
    assert {each.workload for each in report.results} == set(workloads())
    assert all(each.times == 1000 for each in report.results)
    assert report.notes == []


def test_svm_is_priced_by_its_own_weights() -> None:
    """On SVM the switch stands between CLGI and STGI, and AMD's weights are taken."""
    report = cost(["ipi-heavy"], compare="kernel=v6.18", platform="genoa")
    (result,) = report.results
    assert (result.events["clgi"], result.events["stgi"]) == (10_001, 10_000)
    assert "Zen" in report.weights


@pytest.mark.parametrize(
    ("names", "options", "message"),
    [
        (["xfd-togle"], {}, "xfd-toggle"),
        ([], {"compare": "xfd_intercpt"}, "xfd_intercept"),
        (["xfd-toggle"], {"compare": "xfd_intercept=sometimes"}, "always"),
        (["xfd-toggle"], {"compare": "xfd_intercept="}, "expected CHOICE"),
        (["xfd-toggle"], {"weights": "nowhere"}, "intel-server"),
        (["xfd-toggle"], {"compare": "kernel=v99"}, "v99"),
        (["exits"], {"kernel": "v99"}, "v99"),
        (
            ["exits"],
            {"kernel": "v6.18", "compare": "kernel"},
            "'kernel' compares kernels: expected no kernel",
        ),
        (["exits"], {"platform": "nowhere"}, "no platform"),
        (["exits"], {"compare": "pkru_switch=now,then"}, "no value of pkru_switch 'now'"),
    ],
)
def test_what_is_misspelled_is_one_line(
    names: list[str], options: dict[str, str], message: str
) -> None:
    """The message has the nearest names."""
    with pytest.raises(UsageError, match=message) as error:
        cost(names, **options)  # type: ignore[arg-type]
    assert "\n" not in str(error.value)


def test_a_kernel_that_is_asked_for_is_the_one_counted() -> None:
    """A workload that was written to compare kernels gives way."""
    report = cost(["exits"], kernel="v6.12")
    assert [(each.kernel, each.choice) for each in report.results] == [("v6.12", "v6.12")]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("fastpath exit", "a workload is what is repeated"),
        ("unit: many\nrepeat 3:\n    fastpath exit", "a number and what is counted"),
    ],
)
def test_a_broken_workload_is_one_line(tmp_path: Path, text: str, message: str) -> None:
    """What is wrong with a file stands in the message."""
    path = tmp_path / "demo.guest"
    path.write_text(text)
    with pytest.raises(BrokenProgram, match=message):
        load_workload(path)


def test_the_command_as_text_and_as_json() -> None:
    """The table has a row for each choice; the object has the names that the design promises."""
    arguments = ["xfd-toggle", "xfd-exits", "--compare", "xfd_intercept=always,first_nonzero"]
    text = CliRunner().invoke(command, arguments)
    assert text.exit_code == 0
    assert "When does it pay?" in text.output
    whole = json.loads(CliRunner().invoke(command, [*arguments, "--json"]).stdout)
    assert whole["command"] == "cost"
    assert {"choice", "workload", "events", "cycles", "safe"} <= set(whole["results"][0])
    assert whole["break_even"][0]["cheaper"] == "xfd_intercept=first_nonzero"


def test_a_refuted_choice_is_exit_status_1() -> None:
    """As with every command: something was found."""
    arguments = ["pt-on", "--compare", "pt_switch=xss_fpstate", "--check", "--details"]
    result = CliRunner().invoke(command, arguments, standalone_mode=False)
    assert result.return_value == 1
    assert "refuted: kernel_survives" in result.output
