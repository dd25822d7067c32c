# SPDX-License-Identifier: Apache-2.0
"""What choices cost, as text: one table for each workload, and the points at which one begins to pay."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from rich.text import Text

from xsavvy.cost.event import Kind
from xsavvy.report.text import columns, number, styled

if TYPE_CHECKING:
    from xsavvy.api import BreakEvenPoint, CostReport, CostResult

__all__ = ["cost_lines"]

ORDER = [str(kind) for kind in Kind]
MOVES = ("xsaves", "xrstors", "xrstor")
PER_SECOND = 1000


def cost_lines(report: CostReport, *, details: bool = False) -> Iterator[Text]:
    """Give each workload's table; with `details`, every register and reason on a line of its own."""
    for name in report.titles:
        results = [result for result in report.results if result.workload == name]
        if results:
            yield from _workload(report, results, details=details)
    if report.break_even:
        yield styled("When does it pay?", "bold")
        for point in report.break_even:
            yield from _point(point)
        yield Text("")
    if report.weights:
        yield styled(f"cycles: {report.weights}", "dim")


def _workload(
    report: CostReport, results: Sequence[CostResult], *, details: bool
) -> Iterator[Text]:
    first = results[0]
    head = Text("").append_text(styled(report.titles[first.workload], "bold"))
    worlds = {result.kernel for result in results}
    world = f"{first.kernel} on " if len(worlds) == 1 else ""
    yield head.append_text(
        styled(f"  {first.workload}, {world}{first.platform}; events per {_units(first)}", "dim")
    )
    kinds = _kinds(results, details=details)
    judged = any(result.safe != "not asked" for result in results)
    header = [report.compare.partition("=")[0] or "kernel", *kinds]
    header += ["cycles", f"more than {_name(first)}"]
    header += ["safe"] if judged else []
    rows = [[styled(word, "dim") for word in header]]
    rows += [_row(result, kinds, details=details, judged=judged) for result in results]
    yield from columns(rows, right=range(1, 1 + len(kinds)))
    yield Text("")


def _units(result: CostResult) -> str:
    return result.unit if result.units == 1 else f"{result.units} {result.unit}"


def _label(kind: str, detail: str, by: str, *, details: bool) -> str:
    word = f"{kind} {detail}".rstrip() if details else kind
    return word if by == "host" else f"{word} (guest)"


def _kinds(results: Sequence[CostResult], *, details: bool) -> list[str]:
    seen = sorted(
        (ORDER.index(count.kind), count.by, count.detail)
        for result in results
        for count in result.counts
        if count.each
    )
    named = (_label(ORDER[at], detail, by, details=details) for at, by, detail in seen)
    return list(dict.fromkeys(named))


def _row(result: CostResult, kinds: Sequence[str], *, details: bool, judged: bool) -> list[Text]:
    sums: Counter[str] = Counter()
    moved: Counter[str] = Counter()
    for count in result.counts:
        label = _label(count.kind, count.detail, count.by, details=details)
        sums[label] += count.each  # type: ignore[assignment]  # a mean may be broken
        if count.kind in MOVES and not details:
            moved[label] += count.each * int(count.detail)  # type: ignore[assignment]
    row = [styled(_name(result), "bold")]
    for kind in kinds:
        text = _plain(sums[kind])
        row.append(styled(f"{text} ({_plain(moved[kind])} bytes)" if moved[kind] else text))
    row += [styled(_price(result)), styled(_more(result))]
    if judged:
        row.append(_safe(result))
    return row


def _plain(value: float) -> str:
    return number(int(value)) if value == int(value) else f"{value:,.2f}"


def _name(result: CostResult) -> str:
    return _value(result.choice)


def _value(choice: str) -> str:
    return choice.partition("=")[2] or choice


def _range(cycles: tuple[float, float, float]) -> str:
    low, mid, high = (number(round(each)) for each in cycles)
    return mid if low == high else f"{mid} ({low} to {high})"


def _more(result: CostResult) -> str:
    words = [_range(result.more)] if any(result.more) else []
    sums: Counter[str] = Counter()
    for event, count in result.more_unpriced.items():
        sums[event.partition(" ")[0]] += count  # type: ignore[assignment]  # a mean may be broken
    words += [f"{count:+g} {kind}" for kind, count in sums.items() if count]
    return ", ".join(words)


def _price(result: CostResult) -> str:
    """Return the cycles, the ratio if there is one, and what is not in them."""
    ratio = f" x{result.ratio:.2f}" if result.ratio is not None else ""
    kinds = dict.fromkeys(word.partition(" ")[0] for word in result.unpriced)
    return _range(result.cycles) + ratio + "".join(f" + {kind}" for kind in kinds)


def _safe(result: CostResult) -> Text:
    if result.safe == "violated":
        return styled(f"refuted: {', '.join(result.refuted)}", "bold red")
    if result.safe == "holds":
        return styled(f"holds in {number(result.states)} states", "green")
    return styled(result.safe, "yellow")


def _point(point: BreakEvenPoint) -> Iterator[Text]:
    line = Text("  ").append_text(styled(_value(point.cheaper), "bold"))
    line.append_text(styled(f" instead of {_value(point.than)}: from "))
    line.append_text(styled(_ratio(point.mid), "bold"))
    line.append_text(styled(f" {point.unit} per {point.against_unit}"))
    between = f" ({_ratio(point.low)} to {_ratio(point.high)}); "
    rate = f"at {number(PER_SECOND)} of the latter a second, from "
    rest = f"; saved too, and not priced: {', '.join(point.unpriced)}" if point.unpriced else ""
    many = _ratio(point.mid * PER_SECOND)
    yield line.append_text(styled(f"{between}{rate}{many} a second{rest}", "dim"))


def _ratio(value: float) -> str:
    return f"{value:,.3g}" if value < PER_SECOND else number(round(value))
