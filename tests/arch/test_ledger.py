# SPDX-License-Identifier: Apache-2.0
"""The test run itself: what it says about the machine, about skips, about judged cases."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.arch.source import ROOT
from tests.conftest import processor_facts

CPUINFO = "model name\t: A CPU\nflags\t\t: fpu xsave pku\n\nmodel name\t: Another\n"


def run(folder: Path, source: str) -> subprocess.CompletedProcess[str]:
    """Run a test file with the house's conftest as a plugin."""
    (folder / "test_it.py").write_text(f"import pytest\n{source}\n")
    command = [sys.executable, "-m", "pytest", "-c", os.devnull, "--rootdir", ".", "-p",
               "no:cacheprovider", "-p", "tests.conftest", "test_it.py"]  # fmt: skip
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize("mark", ["skip", "skip()"])
def test_a_skip_without_a_reason_fails_the_run(tmp_path: Path, mark: str) -> None:
    """A skip that gives no reason makes the run fail."""
    ran = run(tmp_path, f"@pytest.mark.{mark}\ndef test_it(): pass")
    assert ran.returncode == 1
    assert "NO REASON GIVEN" in ran.stdout


def test_a_skip_with_a_reason_is_entered(tmp_path: Path) -> None:
    """A skip with a reason is in the ledger, above the last line, and the run passes."""
    ran = run(tmp_path, "def test_it(): pytest.skip('no AMX here')\ndef test_two(): pass")
    assert ran.returncode == 0
    assert "no AMX here (test_it.py::test_it)" in ran.stdout
    assert ran.stdout.rstrip().splitlines()[-1].strip("= ").startswith("1 passed, 1 skipped")


def test_judged_cases_are_counted(tmp_path: Path) -> None:
    """Cases that tests report as judged by the processor are added up."""
    source = "def test_it(judged): judged(40)\ndef test_two(judged): judged(2)"
    ran = run(tmp_path, source)
    assert "cases judged by silicon: 42" in ran.stdout


def test_the_header_names_the_machine(tmp_path: Path) -> None:
    """The header of a run names the processor and the kernel."""
    ran = run(tmp_path, "def test_it(): pass")
    assert "\nmachine: " in ran.stdout
    assert "\nkernel: " in ran.stdout


def test_processor_facts_are_of_the_first_processor() -> None:
    """Name and flags are read from the first processor of /proc/cpuinfo."""
    assert processor_facts(CPUINFO) == "A CPU: xsave pku"
