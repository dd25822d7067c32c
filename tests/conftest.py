# SPDX-License-Identifier: Apache-2.0
"""What every test run tells: the machine in the header, and at the end what was skipped and why."""

from __future__ import annotations

import os
import platform
import shutil
from collections import Counter
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

JUDGED = pytest.StashKey[Counter[str]]()
LEDGER = pytest.StashKey[list[tuple[str, str]]]()
ORACLES = ("rumur", "spin", "bochs", "chromium")
NO_REASON = ("", "unconditional skip")

# A red test is red again on the next run: the examples follow from the test, not from the clock.
settings.register_profile("house", derandomize=True, deadline=None, print_blob=True)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "house"))


def pytest_configure(config: pytest.Config) -> None:
    """Start the two ledgers."""
    config.stash[JUDGED] = Counter()
    config.stash[LEDGER] = []
    config.pluginmanager.register(Gathering(config))


@pytest.fixture(scope="session", autouse=True)
def own_cache(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Keep compiled code of the tests apart from the user's."""
    os.environ["XDG_CACHE_HOME"] = str(tmp_path_factory.mktemp("cache"))


@pytest.fixture
def judged(request: pytest.FixtureRequest) -> Callable[[int], None]:
    """Count cases that a processor judged, real or emulated: call it with their number."""
    counter = request.config.stash[JUDGED]
    module = request.node.nodeid.split("::")[0]

    def count(cases: int) -> None:
        counter[module] += cases

    return count


def processor_facts(cpuinfo: str) -> str:
    """The processor's name and its words about extended state, from /proc/cpuinfo."""
    first: dict[str, str] = {}
    for line in cpuinfo.partition("\n\n")[0].splitlines():
        key, _, value = line.partition(":")
        first[key.strip()] = value.strip()
    flags = set(first.get("flags", "").split())
    wanted = "xsave xsaveopt xsavec xgetbv1 xsaves pku ospke user_shstk ibt amx_tile".split()
    return f"{first.get('model name', 'unknown')}: {' '.join(f for f in wanted if f in flags)}"


def pytest_report_header() -> list[str]:
    """Name the machine that judges."""
    cpuinfo = Path("/proc/cpuinfo")
    facts = processor_facts(cpuinfo.read_text()) if cpuinfo.exists() else platform.processor()
    kvm = "usable" if os.access("/dev/kvm", os.R_OK | os.W_OK) else "absent"
    found = [name for name in ORACLES if shutil.which(name)]
    return [
        f"machine: {facts}",
        f"kernel: {platform.system()} {platform.release()}, /dev/kvm {kvm}",
        f"oracles: {', '.join(found) or 'none installed'}",
    ]


def skip_reason(report: pytest.TestReport | pytest.CollectReport) -> str:
    """The words after 'Skipped:' in a report."""
    words = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
    return words.removeprefix("Skipped:").strip()


def enter(config: pytest.Config, report: pytest.TestReport | pytest.CollectReport) -> None:
    """Write a skip into the ledger; an expected failure is no skip."""
    if report.skipped and not hasattr(report, "wasxfail"):
        config.stash[LEDGER].append((skip_reason(report), report.nodeid))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Enter skipped tests."""
    report = yield
    enter(item.config, report)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(
    collector: pytest.Collector,
) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """Enter skipped modules."""
    report = yield
    enter(collector.config, report)
    return report


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Fail a run in which something was skipped without a reason; a worker tells what it has entered."""
    told = getattr(session.config, "workeroutput", None)
    if told is not None:
        counter: Counter[str] = session.config.stash[JUDGED]
        told["judged"] = dict(counter)
        told["ledger"] = session.config.stash[LEDGER]
        return
    if any(reason in NO_REASON for reason, _ in session.config.stash[LEDGER]):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


class Gathering:
    """Takes the ledgers of the workers, where the tests run in several processes (pytest-xdist)."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        """Take what a worker has entered."""
        told = getattr(node, "workeroutput", {})
        counter = self._config.stash[JUDGED]
        counter += Counter(told.get("judged", {}))
        # Every worker collects all modules, so what is skipped there is told by each.
        known = self._config.stash[LEDGER]
        known += [(why, name) for why, name in told.get("ledger", []) if (why, name) not in known]


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """Print both ledgers above pytest's own last line."""
    ledger = config.stash[LEDGER]
    reasons = Counter(reason for reason, _ in ledger)
    if ledger:
        terminalreporter.section("skip ledger")
        for reason, count in sorted(reasons.items()):
            names = sorted(name for why, name in ledger if why == reason)
            shown = "NO REASON GIVEN, the run fails" if reason in NO_REASON else reason
            more = f" and {count - 1} more" if count > 1 else ""
            terminalreporter.line(f"{count:4} {shown} ({names[0]}{more})")
    judged_cases = config.stash[JUDGED]
    if judged_cases:
        terminalreporter.section("judged by a processor")
        for module, count in sorted(judged_cases.items()):
            terminalreporter.line(f"{count:8,} {module}")
    bochs = sum(count for module, count in judged_cases.items() if "bochs" in module)
    silicon = judged_cases.total() - bochs
    terminalreporter.line(f"cases judged by silicon: {silicon:,}, by Bochs: {bochs:,}")
