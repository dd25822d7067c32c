# SPDX-License-Identifier: Apache-2.0
"""`cost`: workloads under choices side by side, their events, their cycles, and whether the choice is safe at all."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import permutations
from pathlib import Path

from xsavvy.cost.compare import Prices, break_even, cycles, difference
from xsavvy.cost.event import Event, Tally
from xsavvy.cost.weights import UnreadableWeights, Weights, load_weights
from xsavvy.cost.workload import Workload, load_workload, workloads
from xsavvy.kvm.kernels import RELEASES
from xsavvy.model.choices import value_name
from xsavvy.model.programs import BrokenProgram
from xsavvy.model.registry import CHOICES

from .checking import check
from .costresult import BreakEvenPoint, CostCount, CostReport, CostResult
from .counting import CountingRunner
from .running import program_system, program_world
from .usage import UsageError, unknown

__all__ = ["CostReport", "CostResult", "cost"]

KERNEL = "kernel"
BY_VENDOR = {True: "intel-server", False: "genoa"}
"""Weights by default: whether the platform has VMX."""
MOST_STATES = 5_000_000
"""States that the checker explores by default for one choice."""


@dataclass(frozen=True)
class _Counted:
    """One run, counted."""

    workload: Workload
    choice: str
    kernel: str
    platform: str
    vmx: bool
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
    weights: str | Path | None = None,
    judge: bool = False,
    max_states: int = MOST_STATES,
) -> CostReport:
    """Count what workloads execute under each value of a choice, or on each of some kernels.

    `names` are workloads or files; without them, those that were written for `compare`, or all. With a `kernel`, a
    workload that was written to compare kernels is counted on that one alone. `weights` is a CPU of
    `weighed_cpus()` or a file; by default the one of the platform's vendor. With `judge` the checker says whether each
    choice is safe. Raises UsageError.

    >>> report = cost(["xfd-toggle"], compare="xfd_intercept=always,first_nonzero")
    >>> [result.events.get("vmexit wrmsr_xfd", 0) for result in report.results]
    [2001, 1]
    """
    chosen = _workloads(names, compare)
    asked = compare or _question(chosen)
    if kernel is not None and asked.partition("=")[0].strip() == KERNEL:
        if compare:
            raise UsageError(
                f"{compare!r} compares kernels: expected no kernel {kernel!r} beside it"
            )
        asked = ""
    settings = _settings(asked, kernel, choices or {})
    notes: list[str] = []
    runs = list(_runs(chosen, settings, platform, notes))
    if not runs:
        raise UsageError(notes[0])
    prices = _prices(weights, runs)
    verdicts = _verdicts(chosen, settings, platform, max_states) if judge else {}
    results = [_result(run, runs, prices, verdicts) for run in runs]
    titles = {each.name: each.program.title for each in chosen}
    title = f"{prices.title}, in {prices.unit}"
    return CostReport(asked, titles, title, results, _once(_points(runs, prices)), notes)


def _prices(weights: str | Path | None, runs: Sequence[_Counted]) -> Weights:
    vmx = all(run.vmx for run in runs)
    try:
        return load_weights(weights or (BY_VENDOR[vmx]))
    except UnreadableWeights as error:
        raise UsageError(str(error)) from None


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
        target.platform.vmx,
        runner.times,
        runner.tally,
        runner.each,
    )


def _verdicts(
    chosen: Sequence[Workload], settings: Sequence[_Setting], platform: str | None, limit: int
) -> dict[tuple[str, str], tuple[str, list[str], int]]:
    """Ask the checker about every scenario that a workload names, once under each setting."""
    asked: dict[tuple[str, ...], tuple[str, list[str], int]] = {}
    found: dict[tuple[str, str], tuple[str, list[str], int]] = {}
    for each in chosen:
        for setting in settings if each.judge else ():
            kernel = setting.kernel or each.program.setting("kernel") or None
            where = platform or each.program.setting("platform") or None
            key = (each.judge, *sorted(each.asks), setting.name, kernel or "", where or "")
            if key not in asked:
                choices = {**each.judged_with, **setting.choices}
                asked[key] = _verdict(each, kernel, where, choices, limit)
            found[each.name, setting.name or (kernel or "")] = asked[key]
    return found


def _verdict(
    workload: Workload,
    kernel: str | None,
    platform: str | None,
    choices: Mapping[str, str],
    limit: int,
) -> tuple[str, list[str], int]:
    report = check(
        [workload.judge], kernel=kernel, platform=platform, choices=choices, max_states=limit
    )
    asked = [each for each in report.results if each.property in (workload.asks or {each.property})]
    refuted = [each.property for each in asked if each.verdict == "violated"]
    open_ = any(each.verdict == "incomplete" for each in asked)
    verdict = "violated" if refuted else "incomplete" if open_ else "holds"
    states = max((each.states for each in asked), default=0)
    return (verdict if asked else "not asked", refuted, states)


def _result(
    run: _Counted,
    runs: Sequence[_Counted],
    prices: Prices,
    verdicts: Mapping[tuple[str, str], tuple[str, list[str], int]],
) -> CostResult:
    safe, refuted, states = verdicts.get((run.workload.name, run.choice), ("not asked", [], 0))
    first = next(each for each in runs if each.workload is run.workload)
    price, base = cycles(run.each, prices), cycles(first.each, prices)
    differing = difference(run.each, first.each)
    more = cycles(differing, prices)
    open_ = prices.unpriced(sorted(run.each))
    whole = not open_ and not prices.unpriced(first.each) and base.mid
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
        (price.low, price.mid, price.high),
        (more.low, more.mid, more.high),
        {str(event): float(differing[event]) for event in sorted(prices.unpriced(differing))},
        price.mid / base.mid if whole else None,
        [str(event) for event in open_],
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
            point = _point(*(each for each in four if each is not None), prices=prices)
            if point is not None:
                yield point


def _once(points: Iterator[BreakEvenPoint]) -> list[BreakEvenPoint]:
    """Drop a point whose reciprocal says the same with a number below one."""
    found = list(points)
    known = {(each.cheaper, each.than, each.workload, each.against) for each in found}
    return [
        each
        for each in found
        if each.mid <= 1 or (each.than, each.cheaper, each.against, each.workload) not in known
    ]


def _point(
    dear: _Counted, cheap: _Counted, base: _Counted, more: _Counted, *, prices: Prices
) -> BreakEvenPoint | None:
    """Compare what `cheap` saves against `dear` with what `more` adds to `base`; None if that has no price."""
    saved, added = difference(dear.each, cheap.each), difference(more.each, base.each)
    open_ = prices.unpriced(saved)
    if prices.unpriced(added) or any(saved[event] < 0 for event in open_):
        return None
    found = break_even(cycles(saved, prices), cycles(added, prices))
    if found is None:
        return None
    scale = dear.workload.units / base.workload.units
    return BreakEvenPoint(
        cheap.choice,
        dear.choice,
        dear.workload.name,
        dear.workload.unit,
        base.workload.name,
        base.workload.unit,
        found.low * scale,
        found.mid * scale,
        found.high * scale,
        [str(event) for event in sorted(open_)],
    )
