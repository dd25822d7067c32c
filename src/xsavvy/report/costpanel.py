# SPDX-License-Identifier: Apache-2.0
"""One panel of curves: what choices take over a rate, each with its band from low to high."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction
from itertools import cycle
from math import ceil, floor, log10
from typing import NamedTuple

from xsavvy.report.costsheet import COLORS, REFUTED
from xsavvy.report.text import in_xml

__all__ = ["FOOT", "HIGH", "TOP", "Curve", "Panel", "draw", "round_values"]

LEFT, WIDE, HIGH, TOP, FOOT = 90, 530, 220, 34, 46
TICKS = 5
STEPS = (1, 2, 5, 10)
LINE = 15

Range = tuple[float, float, float]


class Curve(NamedTuple):
    """Choices of one price: low, mid and high where the rate is nothing, and for each unit of the rate.

    `open` names what they execute more and nobody has priced.
    """

    names: tuple[str, ...]
    at_zero: Range
    slope: Range
    open: tuple[str, ...]
    refuted: bool

    def at(self, rate: float) -> tuple[float, ...]:
        """Return low, mid and high at a rate."""
        return tuple(
            start + rate * slope for start, slope in zip(self.at_zero, self.slope, strict=True)
        )


class Panel(NamedTuple):
    """Curves up to a rate; `pays` are the low, mid and high of each rate from which on a choice pays."""

    heading: str
    rate: str
    most_rate: float
    lines: Sequence[Curve]
    pays: Sequence[Range] = ()


class _Frame(NamedTuple):
    y: int
    most_rate: float
    least: float
    most: float

    def across(self, rate: float) -> float:
        return LEFT + WIDE * rate / self.most_rate

    def down(self, cycles: float) -> float:
        return self.y + TOP + HIGH * (self.most - cycles) / (self.most - self.least)


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


def draw(panel: Panel, y: int) -> Iterator[str]:
    """Give the elements of a panel whose upper edge is at `y`; it is `TOP + HIGH + FOOT` high."""
    ends = [value for line in panel.lines for at in (0.0, panel.most_rate) for value in line.at(at)]
    least, most = min(ends), max(ends)
    frame = _Frame(y, panel.most_rate, least, most if most > least else least + 1)
    yield f'<text x="10" y="{y + LINE}" font-weight="bold">{in_xml(panel.heading)}</text>'
    yield from _axes(frame, panel.rate)
    for low, mid, high in panel.pays:
        yield from _strip(frame, low, mid, high)
    colors = cycle(COLORS)
    colored = [(line, REFUTED if line.refuted else next(colors)) for line in panel.lines]
    for line, color in sorted(colored, key=lambda each: not each[0].refuted):
        yield from _line(frame, line, color)
    yield from _labels(frame, colored)


def _axes(frame: _Frame, name: str) -> Iterator[str]:
    bottom, right = frame.y + TOP + HIGH, LEFT + WIDE
    yield f'<rect x="{LEFT}" y="{frame.y + TOP}" width="{WIDE}" height="{HIGH}" class="frame"/>'
    for rate in round_values(0, frame.most_rate):
        x = frame.across(rate)
        yield f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{bottom}" y2="{bottom + 4}" class="tick"/>'
        yield f'<text x="{x:.1f}" y="{bottom + 17}" text-anchor="middle">{rate:,.12g}</text>'
    for cycles in round_values(frame.least, frame.most):
        at = frame.down(cycles)
        yield f'<line x1="{LEFT - 4}" x2="{LEFT}" y1="{at:.1f}" y2="{at:.1f}" class="tick"/>'
        yield f'<text x="{LEFT - 8}" y="{at + 4:.1f}" text-anchor="end">{cycles:,.12g}</text>'
    zero = frame.down(0)
    yield f'<line x1="{LEFT}" x2="{right}" y1="{zero:.1f}" y2="{zero:.1f}" class="frame"/>'
    yield f'<text x="{LEFT + WIDE / 2:.0f}" y="{bottom + 34}" text-anchor="middle">{in_xml(name)}</text>'


def _strip(frame: _Frame, low: float, mid: float, high: float) -> Iterator[str]:
    left, right, at = frame.across(low), frame.across(high), frame.across(mid)
    top, bottom = frame.y + TOP, frame.y + TOP + HIGH
    words = in_xml(f"it pays from {mid:.3g} ({low:.3g} to {high:.3g})")
    yield (
        f'<rect class="pays" x="{left:.1f}" y="{top}" width="{right - left:.1f}" height="{HIGH}">'
        f"<title>{words}</title></rect>"
    )
    yield f'<line x1="{at:.1f}" x2="{at:.1f}" y1="{top}" y2="{bottom}" class="tick" stroke-dasharray="2 3"/>'


def _line(frame: _Frame, line: Curve, color: str) -> Iterator[str]:
    starts = [frame.down(each) for each in line.at(0.0)]
    ends = [frame.down(each) for each in line.at(frame.most_rate)]
    x0, x1 = LEFT, LEFT + WIDE
    band = f"{x0},{starts[0]:.1f} {x1},{ends[0]:.1f} {x1},{ends[2]:.1f} {x0},{starts[2]:.1f}"
    dash = ' stroke-dasharray="7 4"' if line.open else ""
    yield f'<g class="{color}"><polygon class="band" points="{band}"/>'
    yield f'<line class="curve" x1="{x0}" y1="{starts[1]:.1f}" x2="{x1}" y2="{ends[1]:.1f}"{dash}/></g>'


def _labels(frame: _Frame, colored: Sequence[tuple[Curve, str]]) -> Iterator[str]:
    """Write each name beside the end of its line; names that would touch give way downwards, at the bottom upwards."""
    texts: list[tuple[float, str, str]] = []
    for line, color in sorted(colored, key=lambda each: -each[0].at(frame.most_rate)[1]):
        end = frame.down(line.at(frame.most_rate)[1]) + 4
        cross = "\u2715 " if line.refuted else ""
        rest = f" + {', '.join(line.open)} (no price)" if line.open else ""
        names = [*line.names[:-1], line.names[-1] + rest]
        texts += [(end, color, in_xml(cross + name)) for name in names]
    places = _apart([end for end, _, _ in texts], frame.y + TOP + HIGH)
    for at, (_, color, words) in zip(places, texts, strict=True):
        yield f'<g class="{color}"><text x="{LEFT + WIDE + 8}" y="{at:.1f}">{words}</text></g>'


def _apart(wanted: Sequence[float], bottom: float) -> list[float]:
    """Return places at least a line apart, in order, the last not below the bottom.

    >>> _apart([10, 12, 90], 100)
    [10, 25, 90]
    >>> _apart([95, 95, 95], 100)
    [70, 85, 100]
    """
    places: list[float] = []
    for want in wanted:
        places.append(max(want, places[-1] + LINE) if places else want)
    limit = bottom
    for at in reversed(range(len(places))):
        places[at] = min(places[at], limit)
        limit = places[at] - LINE
    return places
