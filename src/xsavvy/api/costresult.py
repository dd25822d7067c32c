# SPDX-License-Identifier: Apache-2.0
"""What `cost` returns: workloads under choices, their events, their cycles, and the points at which one pays."""

from __future__ import annotations

import msgspec

__all__ = ["BreakEvenPoint", "CostCount", "CostReport", "CostResult"]


class CostCount(msgspec.Struct, frozen=True):
    """How often an event happens: in the whole workload, and in one turn of its loop (a mean, if turns differ)."""

    kind: str
    detail: str
    by: str
    total: int
    each: float


class CostResult(msgspec.Struct, frozen=True):
    """One workload under one choice.

    `cycles` are those of one turn (low, mid, high) without what `unpriced` names. `more` is what it takes more than
    the first choice, where what both execute cancels out, and `more_unpriced` what that leaves out. `ratio` is that of
    the two mids, missing if anything is not priced. `safe` is holds, violated, incomplete, or not asked; `refuted`
    names what is violated.
    """

    choice: str
    workload: str
    kernel: str
    platform: str
    unit: str
    units: int
    times: int
    events: dict[str, int]
    counts: list[CostCount]
    cycles: tuple[float, float, float]
    more: tuple[float, float, float]
    more_unpriced: dict[str, float]
    ratio: float | None
    unpriced: list[str]
    safe: str
    refuted: list[str]
    states: int


class BreakEvenPoint(msgspec.Struct, frozen=True):
    """From how many units of one workload, for each unit of another, one choice costs less than another.

    `low` and `high` bound it; from `high` on it certainly pays, below `low` certainly not. What `unpriced` names is
    saved beside, and not priced: the true point is lower.
    """

    cheaper: str
    than: str
    workload: str
    unit: str
    against: str
    against_unit: str
    low: float
    mid: float
    high: float
    unpriced: list[str]


class CostReport(msgspec.Struct, frozen=True):
    """What was compared, each result, the break-even points, and what had to be left out."""

    compare: str
    titles: dict[str, str]
    weights: str
    results: list[CostResult]
    break_even: list[BreakEvenPoint]
    notes: list[str]
