# SPDX-License-Identifier: Apache-2.0
"""What choices cost over a rate, as a picture: how often one workload happens for each time that another does.

One panel for each pair of workloads between which some choice begins to pay. A line is what a choice takes more than
the first one; its band goes from low to high, and the grey strip is where the point lies from which on it pays.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from xsavvy.report.costpanel import FOOT, HIGH, TOP, Curve, Panel, draw

if TYPE_CHECKING:
    from xsavvy.api import BreakEvenPoint, CostReport, CostResult

__all__ = ["cost_panels", "curve", "curves"]

BEYOND = 1.5


def curves(report: CostReport, point: BreakEvenPoint) -> list[Curve]:
    """Return the curves of a panel; choices that cost the same share one."""
    bases = {each.choice: each for each in report.results if each.workload == point.against}
    rates = {each.choice: each for each in report.results if each.workload == point.workload}
    found: dict[Curve, list[str]] = {}
    for choice in [each for each in bases if each in rates]:
        found.setdefault(curve(bases[choice], rates[choice]), []).append(
            choice.partition("=")[2] or choice
        )
    return [line._replace(names=tuple(names)) for line, names in found.items()]


def curve(base: CostResult, rate: CostResult) -> Curve:
    """Return what a choice takes more than the first: `base` for each of its units, `rate` for each of its own."""
    unpriced = dict.fromkeys(
        event.partition(" ")[0] for each in (base, rate) for event in each.more_unpriced
    )
    refuted = bool(base.refuted or rate.refuted)
    return Curve((), _per_unit(base), _per_unit(rate), tuple(unpriced), refuted)


def _per_unit(result: CostResult) -> tuple[float, float, float]:
    low, mid, high = result.more
    return (low / result.units, mid / result.units, high / result.units)


def cost_panels(report: CostReport, y: int) -> tuple[list[str], int]:
    """Return the panels of a report from `y` downwards, and where they end."""
    pairs = {(point.workload, point.against): point for point in report.break_even}
    body: list[str] = []
    for pair, point in pairs.items():
        lines = curves(report, point)
        found = [each for each in report.break_even if (each.workload, each.against) == pair]
        panel = Panel(
            f"cycles more than {lines[0].names[0]}, for each {point.against_unit}",
            f"{point.unit} per {point.against_unit}",
            BEYOND * max(each.high for each in found),
            lines,
            list(dict.fromkeys((each.low, each.mid, each.high) for each in found)),
        )
        body += draw(panel, y)
        y += TOP + HIGH + FOOT
    return body, y
