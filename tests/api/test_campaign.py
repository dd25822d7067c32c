# SPDX-License-Identifier: Apache-2.0
"""Campaigns on this machine: what is searched, what is kept, what a resumed one does again."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest

import xsavvy
from xsavvy.api import (
    CampaignReport,
    CheckResult,
    Job,
    JobResult,
    UsageError,
    campaign,
    campaign_results,
)
from xsavvy.api.matrix import job as jobs
from xsavvy.api.matrix import pool
from xsavvy.api.matrix.identity import code_identity
from xsavvy.api.matrix.result import Task

SMALL = "pkru-xinuse"
KERNELS = ["v6.14..v6.18"]


def plain(result: CheckResult) -> CheckResult:
    return msgspec.structs.replace(result, seconds=0.0, engine="")


def essence(report: CampaignReport) -> list[tuple[object, ...]]:
    """What two campaigns over the same worlds must agree on; times, engines and origins differ."""
    return [
        (each.job.key, each.verdict, each.reason, each.digest, each.limit,
         [plain(result) for result in each.results])
        for each in sorted(report.jobs, key=lambda each: each.job.key)
    ]  # fmt: skip


def run(results: Path | None = None, **options: Any) -> CampaignReport:
    """Check the smallest scenario on some released kernels and two presets."""
    known: dict[str, Any] = {"kernels": KERNELS, "platforms": ["genoa", "sapphire-rapids"]}
    return campaign([SMALL], results=results, **(known | options))


def origins(report: CampaignReport) -> list[str]:
    return [each.origin for each in report.jobs]


def test_a_campaign_says_what_single_checks_say() -> None:
    """Each combination has the result that `check` gives for it, also where a model was shared."""
    report = run()
    assert len(report.jobs) == 10
    assert {"searched", "same model"} == set(origins(report))
    for each in report.jobs:
        alone = xsavvy.check([SMALL], kernel=each.job.kernel, platform=each.job.platform).results
        assert [plain(result) for result in each.results] == [plain(result) for result in alone]


def test_results_come_as_they_are_found() -> None:
    """The callback gets every result once, and the progress counts up to their number."""
    seen: list[JobResult] = []
    steps: list[tuple[int, int]] = []
    report = run(on_result=seen.append, progress=lambda done, total: steps.append((done, total)))
    assert sorted(each.job.key for each in seen) == sorted(each.job.key for each in report.jobs)
    assert steps == [(done, 10) for done in range(1, 11)]


def test_the_number_of_workers_changes_nothing() -> None:
    """One process and two find the same."""
    assert essence(run(jobs=1)) == essence(run(jobs=2))


def test_choices_multiply_and_contradictions_do_not_apply() -> None:
    """Every value is combined with every other; a design that cannot be is no failure."""
    report = campaign(
        [SMALL], kernels=["v6.18"], platforms=["genoa"],
        choices={"pkru_order": ["all"], "pkru_home": ["vendor_run", "outside_loop"]},
    )  # fmt: skip
    found = {(each.job.set["pkru_order"], each.job.set["pkru_home"]): each for each in report.jobs}
    assert len(found) == 4
    odd = found["before_xcr0", "outside_loop"]
    assert (odd.verdict, odd.results) == ("not applicable", [])
    assert "pkru_order=before_xcr0" in odd.reason
    assert [each.verdict for each in report.left_out] == ["not applicable"]


def test_a_shared_answer_claims_nothing_about_other_choices() -> None:
    """Where one search answers for two designs, what is idle beside the second is not taken from the first."""
    worlds: dict[str, Any] = {"kernels": ["v6.18"], "platforms": ["genoa"]}
    first, second = campaign([SMALL], choices={"allocation": ["all"]}, **worlds).jobs
    assert (first.origin, second.origin) == ("searched", "same model")
    assert first.results[0].idle["allocation"] == ["may_fail"]
    assert second.results[0].choices["allocation"] == "may_fail"
    assert (second.results[0].idle, second.results[0].no_effect) == ({}, [])
    alone = xsavvy.check(
        [SMALL], kernel="v6.18", platform="genoa", choices={"allocation": "may_fail"}
    )
    hidden = [msgspec.structs.replace(plain(each), idle={}, no_effect=[]) for each in alone.results]
    assert [plain(each) for each in second.results] == hidden


def test_memory_that_is_not_enough_is_a_reason() -> None:
    """A share of memory in which no search can run leaves every job incomplete, and says so."""
    report = run(platforms=["genoa"], memory=1 << 20, engine="compiled", jobs=1)
    assert {each.verdict for each in report.jobs} == {"incomplete"}
    assert all("memory" in each.reason for each in report.jobs)


def test_a_platform_without_the_component_does_not_apply() -> None:
    """A preset that lacks what a scenario needs is recorded with the reason."""
    (only,) = campaign(["xfd-on-demand"], kernels=["v6.18"], platforms=["milan"]).jobs
    assert only.verdict == "not applicable"
    assert only.reason.startswith("not applicable to milan")


def test_a_second_campaign_searches_nothing(tmp_path: Path) -> None:
    """What the file has is kept, and the file says again what the campaign said."""
    path = tmp_path / "campaign.db"
    first = run(path)
    second = run(path)
    assert set(origins(second)) == {"kept"}
    assert essence(first) == essence(second) == essence(campaign_results(path))


def test_a_wider_campaign_searches_only_what_is_new(tmp_path: Path) -> None:
    """Kernels that were not asked for before are done, the others are kept."""
    path = tmp_path / "campaign.db"
    run(path, kernels=["v6.14"])
    report = run(path, kernels=["v6.14", "v6.15", "v6.17"])
    by_kernel = {(each.job.kernel, each.origin) for each in report.jobs}
    assert by_kernel == {("v6.14", "kept"), ("v6.15", "same model"), ("v6.17", "searched")}


def test_a_changed_model_is_searched_again(tmp_path: Path) -> None:
    """A job whose model is not the one that was searched is done again, and no other."""
    path = tmp_path / "campaign.db"
    first = run(path, platforms=["genoa"])
    old = next(each for each in first.jobs if each.job.kernel == "v6.14").digest
    base = sqlite3.connect(path)
    changed = base.execute("UPDATE jobs SET digest = 'other' WHERE digest = ?", (old,)).rowcount
    base.commit()
    base.close()
    again = [each for each in run(path, platforms=["genoa"]).jobs if each.origin != "kept"]
    assert len(again) == changed > 0
    assert {each.digest for each in again} == {old}
    assert campaign_results(path).jobs[0].digest != "other"


def test_a_limit_is_incomplete_until_it_is_lifted(tmp_path: Path) -> None:
    """A search cut at a limit stands for smaller limits, and is done again without one."""
    path = tmp_path / "campaign.db"
    cut = run(path, max_states=100, platforms=["genoa"])
    assert {(each.verdict, each.reason) for each in cut.jobs} == {
        ("incomplete", "stopped at 100 states")
    }
    assert set(origins(run(path, max_states=100, platforms=["genoa"]))) == {"kept"}
    whole = run(path, platforms=["genoa"])
    assert all(each.finished for each in whole.jobs)
    assert "kept" not in origins(whole)
    assert set(origins(run(path, max_states=100, platforms=["genoa"]))) == {"kept"}


def test_a_worker_that_dies_is_one_unfinished_job(monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker that is killed leaves its job incomplete, with the signal; the others are done."""
    script = (
        "import os, signal\n"
        "from xsavvy.api.matrix import job, worker\n"
        "do = job.do_text\n"
        "def deadly(text):\n"
        "    if 'v6.17' in text: os.kill(os.getpid(), signal.SIGKILL)\n"
        "    return do(text)\n"
        "worker.do_text = deadly\n"
        "worker.serve()\n"
    )
    monkeypatch.setattr(pool, "COMMAND", [sys.executable, "-c", script])
    report = run(platforms=["genoa"])
    lost = [each for each in report.jobs if each.verdict == "incomplete"]
    assert [each.job.kernel for each in lost] == ["v6.17"]
    assert "SIGKILL" in lost[0].reason
    assert len(report.jobs) == 5
    assert [each.verdict for each in report.left_out] == ["incomplete"]


def test_a_worker_that_answers_nonsense_is_one_unfinished_job(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What is no result ends one job and the worker, not the campaign; nobody waits for ever."""
    script = (
        "from xsavvy.api.matrix import job, worker\n"
        "do = job.do_text\n"
        "worker.do_text = lambda text: 'nonsense' if 'v6.17' in text else do(text)\n"
        "worker.serve()\n"
    )
    monkeypatch.setattr(pool, "COMMAND", [sys.executable, "-c", script])
    report = run(platforms=["genoa"])
    lost = [each for each in report.jobs if each.verdict == "incomplete"]
    assert [each.job.kernel for each in lost] == ["v6.17"]
    assert lost[0].reason.startswith("the worker cannot be talked to: ")
    assert len(report.jobs) == 5


@pytest.mark.parametrize(
    ("error", "reason"),
    [(MemoryError(), "out of memory"), (KeyError("x"), "KeyError: 'x'")],
    ids=["memory", "bug"],
)
def test_what_a_search_meets_is_its_reason(
    monkeypatch: pytest.MonkeyPatch, error: Exception, reason: str
) -> None:
    """A search that runs out of memory or fails is incomplete, and says why."""

    def fail(*_arguments: object, **_options: object) -> None:
        raise error

    monkeypatch.setattr(jobs, "check", fail)
    wanted = jobs.prepare(Job(SMALL, "v6.18", "genoa"))
    found = jobs.do(Task(wanted.job, wanted.digest, "auto", None, code_identity()))
    assert (found.verdict, found.reason, found.results) == ("incomplete", reason, [])


@pytest.mark.parametrize("wrong", ["code", "digest"])
def test_a_worker_with_another_model_refuses(wrong: str) -> None:
    """A worker whose code or model is not the one that is meant does not search."""
    wanted = jobs.prepare(Job(SMALL, "v6.18", "genoa"))
    task = Task(wanted.job, wanted.digest, "auto", None, code_identity())
    found = jobs.do(msgspec.structs.replace(task, **{wrong: "another"}))
    assert found.verdict == "incomplete"
    assert found.reason.startswith("refused: the worker has another")


KILLED = """
import sys
from pathlib import Path
import xsavvy
xsavvy.campaign(["pkru-xinuse", "xss", "pkru"], kernels=["v6.14..v6.18"], platforms=["genoa"],
                results=Path(sys.argv[1]), on_result=lambda found: print(found.job.key, flush=True))
"""


def test_a_killed_campaign_goes_on_where_it_was(tmp_path: Path) -> None:
    """After kill -9 everything that was told is in the file, and a second run does the rest."""
    path = tmp_path / "campaign.db"
    with subprocess.Popen(
        [sys.executable, "-c", KILLED, str(path)], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        told = [process.stdout.readline() for _ in range(3)]
        os.kill(process.pid, signal.SIGKILL)
        told += process.stdout.readlines()
    left = campaign_results(path)
    assert len(told) <= len(left.jobs) < 15
    assert {str(each.job.key) for each in left.jobs} >= {line.strip() for line in told if line}
    worlds: dict[str, Any] = {"kernels": ["v6.14..v6.18"], "platforms": ["genoa"]}
    report = campaign([SMALL, "xss", "pkru"], results=path, **worlds)
    kept = {each.job.key for each in report.jobs if each.origin == "kept"}
    assert kept == {each.job.key for each in left.jobs}
    assert essence(report) == essence(campaign([SMALL, "xss", "pkru"], **worlds))


def test_workers_end_with_their_campaign() -> None:
    """A worker whose campaign is gone ends, also in the middle of a search."""
    wanted = jobs.prepare(Job("fpu", "v6.18", "genoa"))
    task = Task(wanted.job, wanted.digest, "reference")
    with subprocess.Popen(
        pool.COMMAND, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd="/"
    ) as worker:
        assert worker.stdin is not None
        worker.stdin.write(msgspec.json.encode(task) + b"\n")
        worker.stdin.close()
        assert worker.wait() == 0


def test_an_interrupt_ends_a_campaign_and_keeps_what_it_has(tmp_path: Path) -> None:
    """Ctrl-C gives the results that were there, and says that it was interrupted."""

    def stop(_found: JobResult) -> None:
        raise KeyboardInterrupt

    path = tmp_path / "campaign.db"
    report = run(path, on_result=stop)
    assert report.interrupted
    assert len(report.jobs) == 1
    assert essence(report) == essence(campaign_results(path))


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"kernels": ["v6.18..v6.1"]}, "v6.18 is newer than v6.1"),
        ({"kernels": ["v6.1..v9.9"]}, "no release (in the range 'v6.1..v9.9') 'v9.9'"),
        ({"kernels": ["v9.9"]}, "v9.9"),
        ({"platforms": ["genao"]}, "nearest: genoa"),
        ({"choices": {"pkru_hom": ["all"]}}, "nearest: pkru_home"),
        ({"choices": {"pkru_home": ["x"]}}, "expected one of: vendor_run"),
        ({"choices": {"pkru_home": []}}, "no value"),
        ({"engine": "warp"}, "no engine 'warp'"),
        (
            {"choices": {name: ["all"] for name in ("pkru_home", "pkru_switch", "pkru_order",
             "pkru_write", "pkru_compare", "pkru_sample", "nmi_window", "xfd_intercept",
             "xfd_sync", "xfd_err")}, "kernels": ["all"]},
            "at most 100,000",
        ),
    ],
)  # fmt: skip
def test_a_wrong_name_ends_a_campaign_before_it_starts(options: dict[str, Any], words: str) -> None:
    """Wrong names and too many combinations are one line."""
    with pytest.raises(UsageError) as error:
        run(on_result=lambda _: pytest.fail("it has started"), **options)
    assert words in str(error.value)
    assert "\n" not in str(error.value)


def test_a_campaign_needs_no_guard_in_a_script(tmp_path: Path) -> None:
    """A script that starts a campaign at its top level does not start itself again."""
    script = tmp_path / "script.py"
    script.write_text(
        "import xsavvy\nprint('once')\nxsavvy.campaign(['pkru-xinuse'], kernels=['v6.18'],"
        " platforms=['genoa'])\n"
    )
    ran = subprocess.run([sys.executable, script], capture_output=True, text=True, check=True)
    assert (ran.stdout, ran.stderr) == ("once\n", "")
