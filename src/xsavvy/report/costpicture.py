# SPDX-License-Identifier: Apache-2.0
"""What choices cost as a picture: for each workload one bar for each choice, from low to high (SVG, no scripts).

Where a choice begins to pay, a panel of curves follows (`costcurve`).
A choice that the checker refutes is drawn in another colour and marked with a cross, so that it can be told without
colours, too.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from xsavvy.report.costcurve import cost_panels
from xsavvy.report.costsheet import COLORS, REFUTED, sheet
from xsavvy.report.text import in_xml, number

if TYPE_CHECKING:
    from xsavvy.api import CostReport, CostResult

__all__ = ["cost_svg"]

LEFT, BARS, RIGHT, ROW, TEXT = 200, 420, 330, 22, 14
FINE = COLORS[0]


def cost_svg(report: CostReport) -> str:
    """Return the picture of a report; all bars have one scale, of cycles for one turn."""
    blocks = [
        (title, [each for each in report.results if each.workload == name])
        for name, title in report.titles.items()
    ]
    most = max((each.cycles[2] for each in report.results), default=0) or 1
    body: list[str] = []
    y = TEXT * 3
    for title, results in blocks:
        if results:
            body += _block(title, results, y, most)
            y += ROW * (len(results) + 2)
    panels, y = cost_panels(report, y)
    body += panels
    width = LEFT + BARS + RIGHT
    heading = f"cycles ({report.weights})"
    return sheet(heading, body, width, y, heading)


def _block(title: str, results: Sequence[CostResult], y: int, most: float) -> Iterator[str]:
    turn = f"{results[0].units} {results[0].unit}"
    heading = in_xml(f"{title}; for each {turn}")
    yield f'<text x="10" y="{y + TEXT}" font-weight="bold">{heading}</text>'
    for place, result in enumerate(results, 1):
        yield from _bar(result, y + ROW * place, most)


def _bar(result: CostResult, y: int, most: float) -> Iterator[str]:
    low, mid, high = (LEFT + BARS * each / most for each in result.cycles)
    color = REFUTED if result.refuted else FINE
    name = result.choice.partition("=")[2] or result.choice
    words = " to ".join(number(round(each)) for each in (result.cycles[0], result.cycles[2]))
    kinds = dict.fromkeys(event.partition(" ")[0] for event in result.unpriced)
    note = number(round(result.cycles[1])) + "".join(f" + {kind}" for kind in kinds)
    mark = "\u2715 " if result.refuted else ""
    yield f'<text x="{LEFT - 8}" y="{y + TEXT}" text-anchor="end">{in_xml(mark + name)}</text>'
    yield f'<g class="{color}">'
    yield (
        f'<rect x="{low:.1f}" y="{y + 4}" width="{max(high - low, 2):.1f}" height="{ROW - 10}" '
        f'class="bar" fill-opacity="0.35"><title>{in_xml(f"{name}: {words} cycles")}</title></rect>'
    )
    yield f'<rect x="{mid - 1:.1f}" y="{y + 2}" width="3" height="{ROW - 6}" class="bar"/></g>'
    yield f'<text x="{high + 8:.1f}" y="{y + TEXT}">{in_xml(note)}</text>'
