# SPDX-License-Identifier: Apache-2.0
"""A campaign's table, its last line, and the line for each result."""

from __future__ import annotations

from typing import Any

from tests.cli.fake import VIOLATED, result
from xsavvy.api import CampaignReport, Job, JobResult
from xsavvy.report.campaign import campaign_lines, campaign_summary, job_line


def job(
    scenario: str, kernel: str, verdict: str = "holds", reason: str = "", **more: Any
) -> JobResult:
    chosen = more.pop("set", {})
    results = more.pop("results", [result()] if verdict == "holds" else [])
    world = Job(scenario, kernel, more.pop("platform", "genoa"), chosen)
    return JobResult(world, verdict, reason, "digest", results)  # type: ignore[arg-type]


def table(*jobs: JobResult, width: int | None = None) -> list[str]:
    return [line.plain for line in campaign_lines(CampaignReport(list(jobs)), width)]


def test_kernels_down_scenarios_across() -> None:
    """Each world is a row, each scenario a column, and what all rows share stands above."""
    assert table(
        job("fpu", "v6.1"),
        job("xfd", "v6.1", "not applicable", "no AMX"),
        job("fpu", "v6.2", "violated", results=[VIOLATED, VIOLATED, result()]),
        job("xfd", "v6.2", "incomplete", "killed"),
        job("fpu", "v6.3", "violated", "stopped at 5 states", results=[VIOLATED]),
    ) == [
        "platform genoa",
        "  kernel  fpu              xfd",
        "  v6.1    holds            n/a",
        "  v6.2    2 violated       incomplete",
        "  v6.3    1 violated, cut  not done",
        "  n/a (1): xfd: no AMX",
        "  incomplete (1): xfd: killed",
        "  cut (1): fpu: stopped at 5 states",
    ]


def test_what_differs_has_a_column() -> None:
    """Platforms and choices are columns only where they differ."""
    lines = table(
        job("fpu", "v6.1", set={"a": "1", "b": "x"}),
        job("fpu", "v6.1", set={"a": "2", "b": "x"}, platform="milan"),
    )
    assert lines == [
        "b=x",
        "  kernel  platform  a  fpu",
        "  v6.1    genoa     1  holds",
        "  v6.1    milan     2  holds",
    ]


def test_the_last_line_counts() -> None:
    """The summary counts verdicts, and tells of an interrupt."""
    jobs = [job("fpu", "v6.1"), job("fpu", "v6.2", "incomplete", "x"),
            job("xfd", "v6.2", "not applicable", "y"), job("fpu", "v6.3", "violated")]  # fmt: skip
    assert campaign_summary(CampaignReport(jobs, interrupted=True)).plain == (
        "4 combinations: 1 hold, 1 violated, 1 incomplete, 1 not applicable; interrupted"
    )
    assert campaign_summary(CampaignReport([])).plain == "0 combinations: nothing was checked"
    assert table() == []


def test_a_line_for_each_result_is_safe() -> None:
    """What a file or a worker says cannot move the cursor."""
    line = job_line(job("fpu", "v6.1", "incomplete", "a\x1b[2J\n", set={"b": "c"}))
    assert line.plain == "fpu v6.1 genoa b=c: incomplete (a\\x1b[2J\\x0a)"
    assert "\x1b" not in "".join(table(job("f\x1b", "v\x1b", "incomplete", "r\x1b")))
