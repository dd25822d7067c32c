# SPDX-License-Identifier: Apache-2.0
"""Threads, memory and checkpoints through the public functions."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from xsavvy import api

WORLD: Any = {"kernel": "v6.18", "platform": "sapphire-rapids"}
COUNTS = (104_481, 125_599, 194)  # of xss there, see tests/model/golden.py


def counts(report: api.CheckReport) -> tuple[int, int, int]:
    """States, transitions and depth of a report whose properties all hold."""
    first = report.results[0]
    assert {result.verdict for result in report.results} == {"holds"}
    return first.states, first.transitions, first.depth


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_threads_change_nothing(threads: int) -> None:
    """Counts are those of one thread."""
    report = api.check(["xss"], engine="compiled", threads=threads, **WORLD)
    assert counts(report) == COUNTS
    assert {result.engine for result in report.results} == {"compiled"}


def test_a_search_goes_on_from_its_checkpoint(tmp_path: Path) -> None:
    """What a limit has cut short is finished by the next call, with another number of threads."""
    first = api.check(
        ["xss"], engine="compiled", max_states=30_000, checkpoint=tmp_path, threads=2, **WORLD
    )
    assert {result.verdict for result in first.results} == {"incomplete"}
    assert {result.ended for result in first.results} == {"states"}
    assert first.results[0].states < COUNTS[0]
    second = api.check(["xss"], engine="compiled", checkpoint=tmp_path, threads=1, **WORLD)
    assert counts(second) == COUNTS
    third = api.check(["xss"], checkpoint=tmp_path, **WORLD)
    assert counts(third) == COUNTS


def test_a_checkpoint_of_another_world_is_refused(tmp_path: Path) -> None:
    """One line says that it belongs to another search."""
    api.check(["xss"], engine="compiled", checkpoint=tmp_path, **WORLD)
    with pytest.raises(api.UsageError, match=r"xss: .*another search") as caught:
        api.check(["xss"], checkpoint=tmp_path, kernel="v7.3", platform="sapphire-rapids")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("engine", ["reference", "packed", "compiled"])
def test_a_limit_beyond_every_memory_is_none(engine: str) -> None:
    """A number of states that no word holds ends nothing."""
    report = api.check(["pkru-xinuse"], platform="genoa", engine=engine, max_states=10**30)
    assert {each.verdict for each in report.results} == {"holds"}


def test_too_little_memory_is_said_in_one_line() -> None:
    """A limit below what the process has is a wrong use."""
    with pytest.raises(api.UsageError, match="memory limit"):
        api.check(["xss"], engine="compiled", memory=1 << 20, **WORLD)
