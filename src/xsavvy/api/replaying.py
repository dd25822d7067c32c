# SPDX-License-Identifier: Apache-2.0
"""`cost --trace`: what a recorded trace holds, and its exits replayed under choices and kernels."""

from __future__ import annotations

import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, NamedTuple

from msgspec.structs import replace

from xsavvy.cost.replay import NothingToReplay, workload_text
from xsavvy.cost.trace import Recorded, UnreadableTrace, load_trace, read_trace

from .costing import cost
from .usage import UsageError

if TYPE_CHECKING:
    from xsavvy.api import CostReport

__all__ = ["Replay", "read_recorded", "replay_trace"]


class Replay(NamedTuple):
    """What was recorded, and what its exits cost; no report where the trace has no exits: `reason` says so."""

    recorded: Recorded
    report: CostReport | None
    reason: str


def read_recorded(path: str | Path) -> Recorded:
    """Read a recorded trace from a file, or from standard input (`-`). Raises UsageError."""
    try:
        if str(path) == "-":
            return read_trace(sys.stdin.buffer, "<stdin>")
        return load_trace(Path(path))
    except UnreadableTrace as error:
        raise UsageError(str(error)) from None


def replay_trace(path: str | Path, **options: Any) -> Replay:
    """Read a recorded trace and count its exits as a workload; `options` are those of `cost`. Raises UsageError."""
    recorded = read_recorded(path)
    name = "stdin" if str(path) == "-" else Path(path).name
    try:
        text = workload_text(recorded, name)
    except NothingToReplay as error:
        return Replay(recorded, None, str(error))
    with TemporaryDirectory() as folder:
        file = Path(folder) / f"{Path(name).stem}.guest"
        file.write_text(text, encoding="utf-8")
        return Replay(recorded, _named(cost([str(file)], **options), name), "")


def _named(report: CostReport, name: str) -> CostReport:
    """Name the workload after the trace, not after the program that was written for a moment."""
    results = [replace(each, workload=name) for each in report.results]
    titles = dict.fromkeys([name], *report.titles.values())
    return replace(report, results=results, titles=titles)
