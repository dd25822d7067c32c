# SPDX-License-Identifier: Apache-2.0
"""What the bench writes, and what it reads from the tools; never how fast anything is."""

from __future__ import annotations

import ctypes
import shutil
from pathlib import Path

import pytest

from bench import here, ram, table
from bench.measure import Row
from bench.peer import Failed, run
from bench.ram import Accesses
from bench.subject import SUBJECTS, Subject, system
from xsavvy.checker import search

LIMITS = [Accesses(512, 1, 100.0, "gcc"), Accesses(512, 2, 200.0, "gcc")]


def row(engine: str, threads: int, memory: str, seconds: float, process: float | None) -> Row:
    return Row("m", engine, threads, memory, 1000, 2000, seconds, process, 0.5, 64, (seconds,))


ROWS = [
    row("xsavvy compiled", 1, "cold", 0.2, 0.5),
    row("xsavvy compiled", 1, "warm", 0.1, None),
    row("SPIN DFS", 1, "cold", 1.0, 1.0),
    row("SPIN BFS", 1, "cold", 2.0, 2.0),
    row("TLC", 2, "cold", 3.0, 4.0),
]


def test_ratios_compare_like_with_like() -> None:
    """Searches with the warm search, processes (and what built them) with the cold process."""
    assert table.ratios(ROWS[2], ROWS) == pytest.approx((10.0, 3.0))
    assert table.ratios(ROWS[4], ROWS) == (None, None)


def test_the_table_marks_the_best_of_each_tool() -> None:
    """Every engine has its line under its model, and the fastest mode of a tool a star."""
    text = list(table.lines(ROWS, LIMITS))
    assert text[0] == "m: 1,000 states, 2,000 transitions"
    spin = [line for line in text if line.startswith("SPIN")]
    assert [line.endswith("*") for line in spin] == [True, False]
    assert any("100 M/s in 512 MB, 1 thread (gcc)" in line for line in text)


def test_bytes_per_state() -> None:
    """The peak of the process by the states."""
    assert ROWS[0].bytes_per_state == pytest.approx(65.536)


@pytest.mark.parametrize("subject", SUBJECTS[:2], ids=lambda s: s.name)
def test_what_is_known_of_the_subjects(subject: Subject) -> None:
    """Their counts, and whether their properties hold, are what a search says."""
    found = search(system(subject.name))
    assert (found.states, found.transitions) == (subject.states, subject.transitions)
    assert all(item.verdict == "holds" for item in found.verdicts) == subject.holds


@pytest.mark.parametrize("compiler", ["gcc", "llvmlite"])
def test_memory_is_measured_with_either_compiler(
    compiler: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The loop counts every access, whoever compiled it."""
    if compiler == "llvmlite":
        monkeypatch.setattr(shutil, "which", lambda _: None)
    elif shutil.which("gcc") is None:
        pytest.skip("gcc not found")
    monkeypatch.setattr(ram, "COUNT", 6400)
    found = ram.measure(1, 2, runs=1)
    assert (found.megabytes, found.threads, found.compiler) == (1, 2, compiler)
    with ram._compiled() as (touch, _):
        cells = (ctypes.c_uint64 * 1024)()
        touch(ctypes.addressof(cells), 1023, 7, 6400)
    assert sum(cells) == 6400


def test_a_tool_that_never_ends_is_stopped(tmp_path: Path) -> None:
    """A time limit ends a run with a reason."""
    with pytest.raises(Failed, match="sleep: stopped after its time limit"):
        run(["sleep", "100"], tmp_path, 0.05)


def test_versions_name_what_is_measured() -> None:
    """Our own version is there, and the machine has a number of CPUs."""
    assert "xsavvy" in here.versions()
    assert here.machine()["cpus"]
