# SPDX-License-Identifier: Apache-2.0
"""What choices cost over a rate, as a picture: how often one workload happens for each time that another does.

One panel for each pair of workloads between which some choice begins to pay. A line is what a choice takes more than
the first one; its band goes from low to high, and the grey strip is where the point lies from which on it pays.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction
from math import ceil, floor, log10
from typing import TYPE_CHECKING, NamedTuple
from xml.sax.saxutils import escape

if TYPE_CHECKING:
    from xsavvy.api import BreakEvenPoint, CostReport, CostResult

__all__ = ["Curve", "cost_panels", "curves", "round_values"]

LEFT, WIDE, HIGH, TOP, FOOT = 90, 530, 220, 34, 46
BEYOND = 1.5
TICKS = 5
STEPS = (1, 2, 5, 10)
LINE = 15
COLOURS = ("#1565c0", "#2e7d32", "#ef6c00", "#6a1b9a", "#00838f", "#5d4037")
REFUTED = "#c62828"


class Curve(NamedTuple):
    """Choices of one price: cycles more than the first choice, for each `against`, and for each `unit` beside it.

    `open` names what they execute more and nobody has priced.
    """

    names: tuple[str, ...]
    at_zero: tuple[float, float, float]
    slope: tuple[float, float, float]
    open: tuple[str, ...]
    refuted: bool

    def at(self, rate: float) -> tuple[float, ...]:
        """Return low, mid and high at a rate."""
        return tuple(
            start + rate * slope for start, slope in zip(self.at_zero, self.slope, strict=True)
        )


def curves(report: CostReport, point: BreakEvenPoint) -> list[Curve]:
    """Return the curves of a panel; choices that cost the same share one."""
    bases = {each.choice: each for each in report.results if each.workload == point.against}
    rates = {each.choice: each for each in report.results if each.workload == point.workload}
    found: dict[Curve, list[str]] = {}
    for choice in [each for each in bases if each in rates]:
        curve = _curve(bases[choice], rates[choice])
        found.setdefault(curve, []).append(choice.partition("=")[2] or choice)
    return [curve._replace(names=tuple(names)) for curve, names in found.items()]


def _curve(base: CostResult, rate: CostResult) -> Curve:
    unpriced = dict.fromkeys(
        event.partition(" ")[0] for each in (base, rate) for event in each.more_unpriced
    )
    return Curve(
        (),
        _per_unit(base),
        _per_unit(rate),
        tuple(unpriced),
        bool(base.refuted or rate.refuted),
    )


def _per_unit(result: CostResult) -> tuple[float, float, float]:
    low, mid, high = result.more
    return (low / result.units, mid / result.units, high / result.units)


def round_values(least: float, most: float) -> list[float]:
    """Return about five round values between two: multiples of 1, 2 or 5 times a power of ten.

    >>> round_values(-167, 458)
    [-100, 0, 100, 200, 300, 400]
    >>> round_values(0, 0.212)
    [0, 0.05, 0.1, 0.15, 0.2]
    """
    wide = Fraction(most) - Fraction(least)
    power = Fraction(10) ** floor(log10(wide / TICKS))
    step = min((power * each for each in STEPS), key=lambda each: abs(wide / each - TICKS))
    values = range(ceil(Fraction(least) / step), floor(Fraction(most) / step) + 1)
    return [int(each * step) if step >= 1 else float(each * step) or 0 for each in values]


def cost_panels(report: CostReport, y: int) -> tuple[list[str], int]:
    """Return the panels of a report from `y` downwards, and where they end."""
    pairs = {(point.workload, point.against): point for point in report.break_even}
    body: list[str] = []
    for pair, point in pairs.items():
        points = [each for each in report.break_even if (each.workload, each.against) == pair]
        body += _panel(points, curves(report, point), y)
        y += TOP + HIGH + FOOT
    return body, y


class _Frame(NamedTuple):
    y: int
    most_rate: float
    least: float
    most: float

    def across(self, rate: float) -> float:
        return LEFT + WIDE * rate / self.most_rate

    def down(self, cycles: float) -> float:
        return self.y + TOP + HIGH * (self.most - cycles) / (self.most - self.least)


def _panel(points: Sequence[BreakEvenPoint], lines: Sequence[Curve], y: int) -> Iterator[str]:
    first = points[0]
    most_rate = BEYOND * max(each.high for each in points)
    ends = [value for line in lines for rate in (0.0, most_rate) for value in line.at(rate)]
    frame = _Frame(y, most_rate, min(ends), max(ends))
    than = escape(lines[0].names[0])
    heading = f"cycles more than {than}, for each {escape(first.against_unit)}"
    yield f'<text x="10" y="{y + LINE}" font-weight="bold">{heading}</text>'
    yield from _axes(frame, f"{first.unit} per {first.against_unit}")
    for low, mid, high in dict.fromkeys((each.low, each.mid, each.high) for each in points):
        yield from _strip(frame, low, mid, high)
    colours = iter(COLOURS * len(lines))
    coloured = [(line, REFUTED if line.refuted else next(colours)) for line in lines]
    for line, colour in coloured:
        yield from _line(frame, line, colour)
    yield from _labels(frame, coloured)


def _axes(frame: _Frame, name: str) -> Iterator[str]:
    bottom, right = frame.y + TOP + HIGH, LEFT + WIDE
    yield f'<rect x="{LEFT}" y="{frame.y + TOP}" width="{WIDE}" height="{HIGH}" fill="none" stroke="#bdbdbd"/>'
    for rate in round_values(0, frame.most_rate):
        x = frame.across(rate)
        yield f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{bottom}" y2="{bottom + 4}" stroke="#757575"/>'
        yield f'<text x="{x:.1f}" y="{bottom + 17}" text-anchor="middle">{rate:.12g}</text>'
    for cycles in round_values(frame.least, frame.most):
        at = frame.down(cycles)
        yield f'<line x1="{LEFT - 4}" x2="{LEFT}" y1="{at:.1f}" y2="{at:.1f}" stroke="#757575"/>'
        yield f'<text x="{LEFT - 8}" y="{at + 4:.1f}" text-anchor="end">{cycles:,.12g}</text>'
    zero = frame.down(0)
    yield f'<line x1="{LEFT}" x2="{right}" y1="{zero:.1f}" y2="{zero:.1f}" stroke="#bdbdbd"/>'
    yield f'<text x="{LEFT + WIDE / 2:.0f}" y="{bottom + 34}" text-anchor="middle">{escape(name)}</text>'


def _strip(frame: _Frame, low: float, mid: float, high: float) -> Iterator[str]:
    left, right, at = frame.across(low), frame.across(high), frame.across(mid)
    top, bottom = frame.y + TOP, frame.y + TOP + HIGH
    words = escape(f"it pays from {mid:.3g} ({low:.3g} to {high:.3g})")
    yield (
        f'<rect class="pays" x="{left:.1f}" y="{top}" width="{right - left:.1f}" height="{HIGH}" fill="#9e9e9e" '
        f'fill-opacity="0.2"><title>{words}</title></rect>'
    )
    yield f'<line x1="{at:.1f}" x2="{at:.1f}" y1="{top}" y2="{bottom}" stroke="#757575" stroke-dasharray="2 3"/>'


def _line(frame: _Frame, line: Curve, colour: str) -> Iterator[str]:
    starts = [frame.down(each) for each in line.at(0.0)]
    ends = [frame.down(each) for each in line.at(frame.most_rate)]
    x0, x1 = LEFT, LEFT + WIDE
    band = f"{x0},{starts[0]:.1f} {x1},{ends[0]:.1f} {x1},{ends[2]:.1f} {x0},{starts[2]:.1f}"
    dash = ' stroke-dasharray="7 4"' if line.open else ""
    yield f'<polygon points="{band}" fill="{colour}" fill-opacity="0.15"/>'
    yield (
        f'<line class="curve" x1="{x0}" y1="{starts[1]:.1f}" x2="{x1}" y2="{ends[1]:.1f}" stroke="{colour}" '
        f'stroke-width="2"{dash}/>'
    )


def _labels(frame: _Frame, coloured: Sequence[tuple[Curve, str]]) -> Iterator[str]:
    """Write each name beside the end of its line, and below the one before where they would touch."""
    above = 0.0
    for line, colour in sorted(coloured, key=lambda each: -each[0].at(frame.most_rate)[1]):
        at = max(frame.down(line.at(frame.most_rate)[1]) + 4, above)
        cross = "\u2715 " if line.refuted else ""
        rest = f" (and {', '.join(line.open)}, not priced)" if line.open else ""
        for text in [*line.names[:-1], line.names[-1] + rest]:
            yield f'<text x="{LEFT + WIDE + 8}" y="{at:.1f}" fill="{colour}">{escape(cross + text)}</text>'
            at += LINE
        above = at
