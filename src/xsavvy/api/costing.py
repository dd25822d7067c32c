# SPDX-License-Identifier: Apache-2.0
"""`cost`: workloads under choices side by side, their events, their cycles, and whether the choice is safe at all."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import permutations
from pathlib import Path

import msgspec

from xsavvy.cost.compare import Prices, break_even, cycles, difference
from xsavvy.cost.event import Event, Tally
from xsavvy.cost.workload import Workload, load_workload, workloads
from xsavvy.kvm.kernels import RELEASES
from xsavvy.model.choices import value_name
from xsavvy.model.programs import BrokenProgram
from xsavvy.model.registry import CHOICES

from .checking import check
from .counting import CountingRunner
from .running import program_system, program_world
from .usage import UsageError, unknown

__all__ = ["BreakEvenPoint", "CostCount", "CostReport", "CostResult", "cost"]

KERNEL = "kernel"
MOST_STATES = 500_000
"""States that the checker explores by default for one choice."""


class CostCount(msgspec.Struct, frozen=True):
    """How often an event happens: in the whole workload, and in one turn of its loop (a mean, if turns differ)."""

    kind: str
    detail: str
    by: str
    total: int
    each: float


class CostResult(msgspec.Struct, frozen=True):
    """One workload under one choice.

    `cycles` are those of one turn (low, mid, high), `ratio` its mid by that of the first choice; both are missing
    without weights. `safe` is holds, violated, incomplete, or not asked; `refuted` names what is violated.
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
    cycles: tuple[float, float, float] | None
    ratio: float | None
    safe: str
    refuted: list[str]
    states: int


class BreakEvenPoint(msgspec.Struct, frozen=True):
    """From how many units of one workload, for each unit of another, one choice costs less than another.

    `low` and `high` bound it; from `high` on it certainly pays, below `low` certainly not.
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


class CostReport(msgspec.Struct, frozen=True):
    """What was compared, each result, the break-even points, and what had to be left out."""

    compare: str
    titles: dict[str, str]
    weights: str
    results: list[CostResult]
    break_even: list[BreakEvenPoint]
    notes: list[str]


@dataclass(frozen=True)
class _Counted:
    """One run, counted."""

    workload: Workload
    choice: str
    kernel: str
    platform: str
    times: int
    tally: Tally
    each: Mapping[Event, Fraction]


@dataclass(frozen=True)
class _Setting:
    """One of the things compared: its name, and the kernel and the choices that it stands for."""

    name: str
    kernel: str | None
    choices: Mapping[str, str]


def cost(
    names: Sequence[str] = (),
    *,
    compare: str | None = None,
    kernel: str | None = None,
    platform: str | None = None,
    choices: Mapping[str, str] | None = None,
    prices: Prices | None = None,
    weights: str = "",
    judge: bool = False,
    max_states: int = MOST_STATES,
) -> CostReport:
    """Count what workloads execute under each value of a choice, or on each of some kernels.

    `names` are workloads or files; without them, those that were written for `compare`, or all. `prices` turn
    counts into cycles. With `judge` the checker says whether each choice is safe. Raises UsageError.

    >>> report = cost(["xfd-toggle"], compare="xfd_intercept=always,first_nonzero")
    >>> [result.events.get("vmexit wrmsr_xfd", 0) for result in report.results]
    [2001, 1]
    """
    chosen = _workloads(names, compare)
    asked = compare or _question(chosen)
    settings = _settings(asked, kernel, choices or {})
    notes: list[str] = []
    runs = list(_runs(chosen, settings, platform, notes))
    verdicts = _verdicts(chosen, settings, platform, max_states) if judge else {}
    results = [_result(run, runs, prices, verdicts) for run in runs]
    points = list(_points(runs, prices)) if prices is not None else []
    titles = {each.name: each.program.title for each in chosen}
    return CostReport(asked, titles, weights, results, points, notes)


def _workloads(names: Sequence[str], compare: str | None) -> list[Workload]:
    known = workloads()
    if not names:
        question = (compare or "").partition("=")[0].strip()
        fitting = [each for each in known.values() if each.compare.partition("=")[0] == question]
        return fitting or list(known.values())
    return [_named(name, known) for name in names]


def _named(name: str, known: Mapping[str, Workload]) -> Workload:
    if name in known:
        return known[name]
    if not Path(name).exists():
        raise unknown("workload (or file with one)", name, known)
    try:
        return load_workload(Path(name))
    except BrokenProgram as error:
        raise UsageError(str(error)) from None


def _question(chosen: Sequence[Workload]) -> str:
    """Return the comparison that all the workloads were written for, empty if they differ."""
    asked = {each.compare for each in chosen}
    return asked.pop() if len(asked) == 1 else ""


def _settings(compare: str, kernel: str | None, choices: Mapping[str, str]) -> list[_Setting]:
    name, equals, text = (part.strip() for part in compare.partition("="))
    if not name:
        return [_Setting("", kernel, choices)]
    values = [value.strip() for value in text.split(",")] if equals else _values(name)
    if not all(values):
        raise UsageError(f"{compare!r}: expected CHOICE or CHOICE=VALUE,VALUE")
    if name == KERNEL:
        return [_Setting(value, value, choices) for value in values]
    return [_Setting(f"{name}={value}", kernel, {**choices, name: value}) for value in values]


def _values(name: str) -> list[str]:
    if name == KERNEL:
        return [str(each) for each in RELEASES]
    known = {choice.name: choice for choice in CHOICES}
    if name not in known:
        raise unknown("choice", name, [*known, KERNEL])
    return [value_name(value) for value in known[name].values]


def _runs(
    chosen: Sequence[Workload],
    settings: Sequence[_Setting],
    platform: str | None,
    notes: list[str],
) -> Iterator[_Counted]:
    for workload in chosen:
        for setting in settings:
            try:
                yield _count(workload, setting, platform)
            except UsageError as error:
                if len(settings) == 1 and len(chosen) == 1:
                    raise
                notes.append(f"{workload.name}, {setting.name or 'as it is'}: {error}")


def _count(workload: Workload, setting: _Setting, platform: str | None) -> _Counted:
    program = workload.program
    target = program_world(program, setting.kernel, platform, setting.choices, None)
    system = program_system(target, program, None)
    runner = CountingRunner(system, program, target)
    for statement in program.statements:
        runner.take(statement)
    runner.settle()
    if runner.unmet:
        raise UsageError(f"{program.name}: {runner.unmet[0]}")
    name = setting.name or target.kernel.name
    return _Counted(
        workload,
        name,
        target.kernel.name,
        target.platform.name,
        runner.times,
        runner.tally,
        runner.each,
    )


def _verdicts(
    chosen: Sequence[Workload], settings: Sequence[_Setting], platform: str | None, limit: int
) -> dict[tuple[str, str], tuple[str, list[str], int]]:
    """Ask the checker about every scenario that a workload names, once under each setting."""
    found: dict[tuple[str, str], tuple[str, list[str], int]] = {}
    worlds = {(each.judge, each.program.setting("platform")) for each in chosen if each.judge}
    for scenario, usual in sorted(worlds):
        for setting in settings:
            report = check(
                [scenario],
                kernel=setting.kernel,
                platform=platform or usual,
                choices=setting.choices,
                max_states=limit,
            )
            refuted = [each.property for each in report.results if each.verdict == "violated"]
            open_ = any(each.verdict == "incomplete" for each in report.results)
            verdict = "violated" if refuted else "incomplete" if open_ else "holds"
            states = max((each.states for each in report.results), default=0)
            found[scenario, setting.name] = (verdict, refuted, states)
    return found


def _result(
    run: _Counted,
    runs: Sequence[_Counted],
    prices: Prices | None,
    verdicts: Mapping[tuple[str, str], tuple[str, list[str], int]],
) -> CostResult:
    safe, refuted, states = verdicts.get((run.workload.judge, run.choice), ("not asked", [], 0))
    first = next(each for each in runs if each.workload is run.workload)
    price = cycles(run.each, prices) if prices is not None else None
    base = cycles(first.each, prices) if prices is not None else None
    return CostResult(
        run.choice,
        run.workload.name,
        run.kernel,
        run.platform,
        run.workload.unit,
        run.workload.units,
        run.times,
        {str(event): count for event, count in sorted(run.tally.items())},
        [
            CostCount(str(event.kind), event.detail, event.by, count, float(run.each.get(event, 0)))
            for event, count in sorted(run.tally.items())
        ],
        (price.low, price.mid, price.high) if price is not None else None,
        price.mid / base.mid if price is not None and base is not None and base.mid else None,
        safe,
        refuted,
        states,
    )


def _points(runs: Sequence[_Counted], prices: Prices) -> Iterator[BreakEvenPoint]:
    """Give a point for two choices where each is the cheaper one in one of two workloads."""
    by = {(run.workload.name, run.choice): run for run in runs}
    choices = list(dict.fromkeys(run.choice for run in runs))
    works = list(dict.fromkeys(run.workload.name for run in runs))
    for one, other in permutations(works, 2):
        for cheaper, than in permutations(choices, 2):
            four = [by.get((work, choice)) for work in (one, other) for choice in (than, cheaper)]
            if any(each is None for each in four):
                continue
            dear, cheap, base, more = (each for each in four if each is not None)
            gain = cycles(difference(dear.each, cheap.each), prices)
            price = cycles(difference(more.each, base.each), prices)
            found = break_even(gain, price)
            if found is not None:
                scale = dear.workload.units / base.workload.units
                yield BreakEvenPoint(
                    cheaper,
                    than,
                    one,
                    dear.workload.unit,
                    other,
                    base.workload.unit,
                    *(each * scale for each in found),
                )
