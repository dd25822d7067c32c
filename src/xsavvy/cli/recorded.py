# SPDX-License-Identifier: Apache-2.0
"""`xsavvy cost --measure` and `--trace`: prices of this machine, and what a real KVM did."""

from __future__ import annotations

import sys
from collections import Counter
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xsavvy.cli.status import FOUND, HOLDS

if TYPE_CHECKING:
    from xsavvy.api import CostReport
    from xsavvy.cost.trace import Recorded

__all__ = ["measure_here", "show_replay"]


def measure_here(output: str | None, *, as_json: bool) -> int:
    """Measure this machine; print the weights, or write them to a file."""
    from xsavvy.api.file import writing
    from xsavvy.api.measuring import measure_weights
    from xsavvy.report.json import encode
    from xsavvy.report.recorded import measured_lines
    from xsavvy.report.screen import Screen, note

    found = measure_weights()
    if output is not None:
        with writing(output):
            Path(output).write_text(found.weights.to_toml(), encoding="utf-8")
    if as_json:
        weights = found.weights
        more = {"title": weights.title, "unit": weights.unit, "missing": dict(found.missing)}
        sys.stdout.write(encode("cost", weights.weights, **more) + "\n")
    elif output is None:
        Screen().show(measured_lines(found))
    else:
        for what, why in found.missing:
            note(f"not measured: {what}: {why}")
    return HOLDS


def show_replay(trace: str, *, details: bool, as_json: bool, **options: Any) -> int:
    """Show what was recorded, and its exits under choices and kernels."""
    from xsavvy.api.replaying import replay_trace
    from xsavvy.report.cost import cost_lines
    from xsavvy.report.json import encode
    from xsavvy.report.recorded import recorded_lines
    from xsavvy.report.screen import Screen, note

    recorded, report, reason = replay_trace(trace, **options)
    for message in report.notes if report else [reason]:
        note(message)
    if as_json:
        results = report.results if report else []
        more = {
            "recorded": _plain(recorded),
            "weights": report.weights if report else "",
            "notes": report.notes if report else [reason],
        }
        sys.stdout.write(encode("cost", results, **more) + "\n")
    else:
        screen = Screen()
        screen.show(recorded_lines(recorded))
        if report:
            screen.show(cost_lines(report, details=details))
    return FOUND if report and _refuted(report) else HOLDS


def _refuted(report: CostReport) -> bool:
    return any(result.refuted for result in report.results)


def _plain(recorded: Recorded) -> dict[str, Any]:
    """Give a trace's counts as plain objects; MSRs, leaves and masks by their hexadecimal numbers."""
    values = ((each.name, getattr(recorded, each.name)) for each in fields(recorded))
    return {
        name: {_key(key): count for key, count in value.items()}
        if isinstance(value, Counter)
        else value
        for name, value in values
    } | {"behaviour": recorded.behaviour(), "seconds": recorded.seconds}


def _key(key: str | int) -> str:
    return key if isinstance(key, str) else f"{key:#x}"
