# SPDX-License-Identifier: Apache-2.0
"""The file of a campaign: it gives back what was put in, and refuses what is none."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from xsavvy.api import (
    CheckResult,
    Job,
    JobResult,
    TraceStep,
    UsageError,
    campaign,
    campaign_results,
)
from xsavvy.api.matrix.store import Store

STEP = TraceStep("vcpu", "a.b", "x86.c f()", "says", {"hw": ("0", "1\x00\ud800")}, {"n": "2"}, True)


def result(**fields: object) -> CheckResult:
    known: dict[str, object] = {
        "scenario": "s", "kernel": "v6.1", "platform": "p", "choices": {"b": "1", "a": "2"},
        "property": "first", "sentence": "It is.", "verdict": "violated", "states": 1,
        "transitions": 2, "depth": 3, "seconds": 0.5, "trace": [STEP.__class__("a", "b", "", "", {})],
        "deadlocks": 1, "unreached": ["x"], "set": {"c": "d"}, "source": "SDM",
        "kind": "eventually", "loop": 1,
    }  # fmt: skip
    return CheckResult(**(known | fields))  # type: ignore[arg-type]


FOUND = JobResult(
    Job("s", "v6.1", "p", {"c": "d"}),
    "violated",
    "stopped at 1 states",
    "digest",
    [result(), result(property="second", loop=None, trace=[])],
    limit=1,
    seconds=0.25,
    origin="kept",
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A file with one job."""
    path = tmp_path / "campaign.db"
    with Store(path) as store:
        store.begin("code", "auto", None)
        store.put(FOUND)
    return path


def test_what_is_put_comes_back(path: Path) -> None:
    """Every field of a result is read back as it was."""
    assert campaign_results(path).jobs == [FOUND]


def test_a_job_is_kept_once(path: Path) -> None:
    """A new answer about a world takes the place of the old one, with all its rows."""
    newer = JobResult(FOUND.job, "not applicable", "because", "", origin="kept")
    with Store(path) as store:
        store.begin("code", "auto", None)
        store.put(newer)
        assert store.all() == [newer]
    base = sqlite3.connect(path)
    counts = [
        base.execute(f"SELECT count(*) FROM {name}").fetchone()
        for name in ("runs", "jobs", "results")
    ]
    base.close()
    assert counts == [(2,), (1,), (0,)]


def test_other_tools_can_ask(path: Path) -> None:
    """The tables can be queried and their JSON read with SQLite alone."""
    base = sqlite3.connect(path)
    row = base.execute(
        "SELECT kernel, property, results.verdict, json_array_length(trace),"
        " json_extract(jobs.choices, '$.c'), runs.version"
        " FROM results JOIN jobs ON job = jobs.id JOIN runs ON run = runs.id ORDER BY number"
    ).fetchone()
    base.close()
    assert row[:5] == ("v6.1", "first", "violated", 1, "d")


def refused(path: Path) -> str:
    """The line with which a file is refused, by a campaign and by a look into it."""
    with pytest.raises(UsageError) as shown:
        campaign_results(path)
    with pytest.raises(UsageError) as run:
        campaign(["pkru-xinuse"], kernels=["v6.18"], platforms=["genoa"], results=path)
    assert str(shown.value) == str(run.value)
    assert str(run.value).startswith(f"{path}: not usable as the results of a campaign: ")
    assert "\n" not in str(run.value)
    return str(run.value)


def test_another_file_is_refused(tmp_path: Path) -> None:
    """A text, another program's database and a folder are told apart, and left as they are."""
    text = tmp_path / "text"
    text.write_text("hello " * 1000)
    assert refused(text).endswith("file is not a database")
    assert text.read_text() == "hello " * 1000
    other = tmp_path / "other.db"
    base = sqlite3.connect(other)
    base.execute("CREATE TABLE jobs (id)")
    base.close()
    assert refused(other).endswith("another program's database")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ("PRAGMA user_version = 9", "its format is 9"),
        ("CREATE TRIGGER t AFTER INSERT ON jobs BEGIN DELETE FROM results; END", "its tables"),
        ("ALTER TABLE jobs ADD COLUMN more TEXT", "its tables"),
        ("DROP TABLE runs", "its tables"),
    ],
)
def test_another_format_is_refused(path: Path, change: str, words: str) -> None:
    """A version or tables that this xsavvy does not know are told of."""
    base = sqlite3.connect(path)
    base.execute("PRAGMA foreign_keys = OFF")
    base.execute(change)
    base.commit()
    base.close()
    assert words in refused(path)


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE results SET trace = '[{]'",
        "UPDATE results SET trace = '[1]'",
        "UPDATE results SET verdict = 'fine'",
        "UPDATE jobs SET choices = '[]'",
        "UPDATE jobs SET verdict = 'fine'",
        "UPDATE results SET all_choices = '{\"a\": 1}'",
    ],
)
def test_values_that_cannot_be_are_refused(path: Path, change: str) -> None:
    """A row that no campaign writes is not read as if it were one."""
    base = sqlite3.connect(path)
    base.execute(change)
    base.commit()
    base.close()
    refused(path)


def told(path: Path) -> str:
    """With which line a file is refused; empty if it is not."""
    try:
        campaign_results(path)
    except UsageError as error:
        return str(error)
    return ""


def test_a_damaged_file_is_refused(path: Path) -> None:
    """Bytes changed or missing anywhere in the file end in one line, never in a traceback."""
    whole = path.read_bytes()
    for place in range(0, len(whole), 509):
        path.write_bytes(whole[:place] + bytes(64) + whole[place + 64 :])
        words = told(path)
        assert words == "" or ("not usable" in words and "\n" not in words)
    for place in (1, 99, 4096, len(whole) // 2):
        path.write_bytes(whole[:place])
        refused(path)


def test_a_file_that_is_not_there_is_only_made_by_a_campaign(tmp_path: Path) -> None:
    """A look into a missing file is an error, and makes none."""
    path = tmp_path / "none.db"
    with pytest.raises(UsageError, match="no such file"):
        campaign_results(path)
    assert not path.exists()
    with pytest.raises(UsageError, match="not usable"):
        Store(tmp_path)
    with pytest.raises(UsageError, match="not usable"):
        Store(tmp_path / "no" / "folder.db")
