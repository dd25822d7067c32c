# SPDX-License-Identifier: Apache-2.0
"""The pictures of the pages: a trace, and what the designs of a thread take over a rate, from the tables' own counts.

Each is an SVG file in `docs/pictures`; the same runs give the same bytes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from xsavvy import api
from xsavvy.report.costcurve import curve
from xsavvy.report.costpanel import FOOT, HIGH, TOP, Curve, Panel, Range, draw
from xsavvy.report.costsheet import sheet
from xsavvy.report.tracepicture import trace_svg

__all__ = ["PICTURES"]

WIDE = 980
EXITS = 10_000
NEVER = (0.0, 0.0, 0.0)
THOUSAND, MILLION = 1e3, 1e6


class _Source(NamedTuple):
    """The values of one choice under the workloads of a picture."""

    compare: str
    workloads: tuple[str, ...]
    kernel: str | None = None
    judge: bool = False

    def report(self) -> api.CostReport:
        return api.cost(self.workloads, compare=self.compare, kernel=self.kernel, judge=self.judge)


def _of(report: api.CostReport, workload: str) -> dict[str, api.CostResult]:
    """Return the results of a workload, by the value of the choice."""
    return {
        each.choice.partition("=")[2] or each.choice: each
        for each in report.results
        if each.workload == workload
    }


def _scaled(line: Curve, start: float, slope: float) -> Curve:
    """Return a curve with its value at zero and its slope multiplied."""
    return line._replace(at_zero=_times(line.at_zero, start), slope=_times(line.slope, slope))


def _times(values: Range, by: float) -> Range:
    low, mid, high = values
    return low * by, mid * by, high * by


def _together(lines: Sequence[tuple[str, Curve]]) -> list[Curve]:
    """Let curves that are the same share one line."""
    found: dict[Curve, list[str]] = {}
    for name, line in lines:
        found.setdefault(line, []).append(name)
    return [line._replace(names=tuple(names)) for line, names in found.items()]


def _drawn(title: str, panels: Sequence[Panel]) -> str:
    body: list[str] = []
    for place, panel in enumerate(panels):
        body += draw(panel, 8 + place * (TOP + HIGH + FOOT))
    return sheet(title, body, WIDE, 8 + len(panels) * (TOP + HIGH + FOOT))


def _xfd() -> str:
    """Options 1, 2, 3, upstream and always, over the rate of writes; where letting them through pays."""
    report = _Source("xfd_intercept", ("xfd-exits", "xfd-toggle")).report()
    exits, writes = _of(report, "xfd-exits"), _of(report, "xfd-toggle")
    lines = [
        (name, _scaled(curve(exits[name], writes[name]), EXITS / THOUSAND, 1 / THOUSAND))
        for name in exits
    ]
    point = report.break_even[0]
    pays = (point.low * EXITS, point.mid * EXITS, point.high * EXITS)
    heading = f"thousand cycles a second more than upstream, in a guest that exits {EXITS:,} times a second"
    panel = Panel(heading, "XFD writes a second", 2000, _together(lines), [pays])
    return _drawn("What intercepting IA32_XFD costs over the rate of writes", [panel])


def _trace() -> str:
    """Every design over exits a second, in a guest that does not trace, and over its switches in one that does."""
    found = _of(_Source("pt_switch", ("pt-off",), judge=True).report(), "pt-off")
    lines = [
        (name, _scaled(curve(each, each)._replace(at_zero=NEVER), 1, 1 / MILLION))
        for name, each in found.items()
    ]
    heading = (
        "million cycles a second more than upstream (trace_en), in a guest that does not trace"
    )
    panel = Panel(heading, "exits a second", 100_000, _together(lines))
    return _drawn("What the designs for Processor Trace cost", [panel, _switches()])


def _switches() -> Panel:
    """Give a guest that switches PT state between tasks: by WRMSR, or by XSAVES and XRSTORS."""
    by_xsaves = api.cost(["pt-xsaves"], compare="pt_switch=xss_always,xss_emulated")
    by_wrmsr = api.cost(["pt-msrs"], compare="pt_switch=trace_en,always")
    lines = []
    for report, how in ((by_wrmsr, "WRMSR"), (by_xsaves, "XSAVES")):
        for each in report.results:
            low, mid, high = (value / THOUSAND for value in each.cycles)
            open_ = tuple(dict.fromkeys(event.partition(" ")[0] for event in each.unpriced))
            slope = (low, mid, high)
            name = f"{each.choice.partition('=')[2]}: {how}"
            lines.append((name, Curve((), NEVER, slope, open_, refuted=False)))
    heading = "thousand cycles, in a guest that traces and switches PT state between its tasks"
    return Panel(heading, "switches, each with one exit besides", 10, _together(lines))


def _fastpath() -> str:
    """What is switched inside the loop of fastpath exits, over how many of them there are."""
    rows = (
        ("v6.19: both outside the loop", "kernel=v6.19,v6.18", None, 0),
        ("v6.18: both inside", "kernel=v6.19,v6.18", None, 1),
        ("PKRU inside", "pkru_home=outside_loop,vendor_run", "v6.19", 1),
        ("XCR0, XSS inside", "xfeatures_home=outside_loop,vendor_run", "v6.19", 1),
        ("NMIs masked", "nmi_window=open,masked", "v6.19", 1),
    )
    lines = []
    for name, compare, kernel, which in rows:
        report = api.cost(["pkru-guest", "ipi-heavy"], compare=compare, kernel=kernel)
        alone, nine = (
            list(_of(report, workload).values())[which] for workload in ("pkru-guest", "ipi-heavy")
        )
        one = curve(alone, alone)
        ten = curve(nine, nine)
        low, mid, high = (
            (ten.at_zero[at] * nine.units - one.at_zero[at]) / (nine.units - 1) for at in range(3)
        )
        lines.append((name, one._replace(slope=(low, mid, high), open=ten.open)))
    heading = (
        "cycles more than v6.19, for each pass: the fastpath exits, and the exit that ends the loop"
    )
    panel = Panel(heading, "fastpath exits before another one", 20, _together(lines))
    return _drawn("What switching inside the fastpath loop costs", [panel])


def _window() -> str:
    """Draw the trace of the front page."""
    told = api.story(
        "pkru",
        property="nmi_reads_user_memory_under_host_pkru",
        kernel="v6.18",
        platform="sapphire-rapids",
    )
    return trace_svg(told.result, told.risk)


PICTURES: dict[str, Callable[[], str]] = {
    "pkru-window.svg": _window,
    "seed-000-trace.svg": _trace,
    "seed-001-xfd.svg": _xfd,
    "seed-002-fastpath.svg": _fastpath,
}
"""Every picture by the name of its file."""
