# SPDX-License-Identifier: Apache-2.0
"""A trace as a picture: time goes down, each actor has a lane, registers are bars, the window at risk is shaded.

SVG without scripts. Colors follow the reader's light or dark scheme; nothing is told by color alone. What a row
stands for in full, its source and what it changed, is its tooltip.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Final, NamedTuple
from xml.sax.saxutils import quoteattr

from xsavvy.api.lanes import LANES, lane_of
from xsavvy.api.usage import UsageError
from xsavvy.report.lane import Row, lanes_of, rows_of
from xsavvy.report.text import escape, in_xml, plural

if TYPE_CHECKING:
    from xsavvy.api import CheckResult, Opening

__all__ = ["trace_svg"]

MARGIN, NUMBER, LANE, LABEL, BAR, GAP = 20, 34, 78, 330, 66, 10
ROW, HEAD, LINE = 30, 34, 20
BARS: Final = 4
LETTERS = 42
OWNERS: Final = {
    "guest": "guest", "guest2": "guest", "vmm": "host", "vmm2": "host", "other": "host", "kernel": "host",
    "host": "host", "init": "init", "any": "stale", "stale": "stale",
}  # fmt: skip


class Frame(NamedTuple):
    """Where things are: the rows, the x of each lane, of the labels, of each register's bar, the y of the first row."""

    rows: list[Row]
    lanes: Mapping[str, float]
    label: float
    bars: Mapping[str, float]
    top: float

    def y(self, index: int) -> float:
        """Return the upper edge of a row."""
        return self.top + ROW * index

    def place(self, number: int) -> int:
        """Return the index of the row in which a step is."""
        return max(i for i, row in enumerate(self.rows) if row.number <= number)

    @property
    def bottom(self) -> float:
        """Return where the rows end."""
        return self.y(len(self.rows))

    @property
    def width(self) -> float:
        """Return the width of the whole picture."""
        return self.label + LABEL + (BAR + GAP) * len(self.bars) + MARGIN


def trace_svg(result: CheckResult, risk: Sequence[bool] = ()) -> str:
    """Return the picture of a result's trace. Raises UsageError for a result without one.

    `risk` tells of each state, the start first, whether the property is at risk there (`Story.risk`).
    """
    if not result.trace:
        raise UsageError(f"{result.property}: {result.verdict}, so there is no trace to draw")
    title = textwrap.wrap(result.sentence, 88)
    top = MARGIN + LINE * (len(title) + 1) + HEAD
    frame = _frame(result, top)
    parts = [
        *_title(title, result),
        *_window(risk, frame),
        *_lanes(frame),
        *_bars(result, frame),
        *_steps(frame),
        *_end(result, risk, frame),
    ]
    height = frame.bottom + 2 * LINE + MARGIN
    size = f'viewBox="0 0 {frame.width:.0f} {height:.0f}" width="{frame.width:.0f}" height="{height:.0f}"'
    about = quoteattr(escape(f"{plural(len(result.trace), 'step')} to: {result.sentence}"))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img" aria-label={about}>\n'
        f'<style>{STYLE}</style>\n<rect width="100%" height="100%" class="page"/>\n'
        + "\n".join(parts)
        + "\n</svg>\n"
    )


def _frame(result: CheckResult, top: float) -> Frame:
    lanes = {
        lane: MARGIN + NUMBER + LANE * (place + 0.5)
        for place, lane in enumerate(lanes_of(result.trace))
    }
    label = MARGIN + NUMBER + LANE * len(lanes) + GAP
    bars = {
        field: label + LABEL + (BAR + GAP) * place for place, field in enumerate(_registers(result))
    }
    return Frame(rows_of(result), lanes, label, bars, top)


def _registers(result: CheckResult) -> list[str]:
    """Return the fields to draw as bars: the opening's, then the registers that changed last."""
    late = (
        field
        for step in reversed(result.trace)
        for field in step.changes
        if field.startswith("hw_") and not field.startswith("hw_xinuse")
    )
    first = [result.opening.field] if result.opening else []
    return list(dict.fromkeys([*first, *late]))[:BARS]


def _text(x: float, y: float, words: str, style: str = "", anchor: str = "start") -> str:
    safe = in_xml(words)
    return f'<text x="{x:.0f}" y="{y:.1f}" class="{style}" text-anchor="{anchor}">{safe}</text>'


def _rect(x: float, y: float, width: float, height: float, style: str) -> str:
    size = f'width="{width:.0f}" height="{height:.1f}"'
    return f'<rect x="{x:.0f}" y="{y:.1f}" {size} class="{style}" rx="3"/>'


def _cut(words: str, letters: int = LETTERS) -> str:
    return words if len(words) <= letters else f"{words[: letters - 1]}\N{HORIZONTAL ELLIPSIS}"


def _title(title: Sequence[str], result: CheckResult) -> Iterator[str]:
    for place, line in enumerate(title):
        yield _text(MARGIN, MARGIN + 14 + LINE * place, line, "title")
    about = f"Not so on {result.kernel}, {result.platform}: a run of {plural(len(result.trace), 'step')}"
    if result.verdict != "violated":
        about = (
            f"{result.kernel}, {result.platform}: reached in {plural(len(result.trace), 'step')}"
        )
    yield _text(
        MARGIN, MARGIN + 12 + LINE * len(title), f"{about} (scenario {result.scenario})", "dim"
    )


def _window(risk: Sequence[bool], frame: Frame) -> Iterator[str]:
    """Shade the states at risk: each lies between the step that led there and the next one."""
    width = frame.width - 2 * MARGIN + 8
    for start, end in _spans(risk):
        first = frame.y(frame.place(start) + 1) - 3 if start else frame.top
        last = frame.bottom if end == len(risk) else frame.y(frame.place(end) + 1) - 3
        yield _rect(MARGIN - 4, first, width, last - first, "window")


def _spans(risk: Sequence[bool]) -> Iterator[tuple[int, int]]:
    """Give the runs of states at risk: the first, and the one after the last."""
    start = None
    for at, here in enumerate([*risk, False]):
        if here and start is None:
            start = at
        elif not here and start is not None:
            yield start, at
            start = None


def _lanes(frame: Frame) -> Iterator[str]:
    y = frame.top - 12
    for lane, x in frame.lanes.items():
        yield _text(x, y, LANES[lane], "lane", "middle")
        yield f'<path d="M{x:.0f} {frame.top:.0f}V{frame.bottom:.0f}" class="life"/>'
    yield _text(frame.label, y, "step, and what it changes", "lane")
    for field, x in frame.bars.items():
        name = field.removeprefix("hw_").removesuffix("[0]").upper()
        yield _text(x + BAR / 2, y, name, "lane", "middle")


def _steps(frame: Frame) -> Iterator[str]:
    """Draw the line of control through the lanes, then each step on it."""
    dots = [
        (frame.lanes[lane_of(row.step.actor, row.step.step)], frame.y(place) + ROW / 2)
        for place, row in enumerate(frame.rows)
        if row.step is not None
    ]
    yield f'<path d="M{"L".join(f"{x:.0f} {y:.1f}" for x, y in dots)}" class="control"/>'
    for place, row in enumerate(frame.rows):
        yield from _step(frame, row, frame.y(place) + ROW / 2)


def _step(frame: Frame, row: Row, y: float) -> Iterator[str]:
    if row.step is None:
        yield _text(frame.label, y + 4, f"{row.quiet} steps that change nothing here", "dim")
        return
    step = row.step
    changes = [f"{name}: {old} to {new}" for name, (old, new) in step.changes.items()]
    told = [name for name in step.changes if name not in frame.bars]
    words = ", ".join(f"{name} = {step.changes[name][1]}" for name in told)
    chosen = " ".join(f"{key}={value}" for key, value in step.arguments.items())
    name = step.step.partition(".")[2] or f"{step.step} {chosen}".strip()
    about = "\n".join(
        in_xml(each) for each in (step.step, step.summary, step.source, *changes) if each
    )
    yield f"<g><title>{about}</title>"
    yield _text(MARGIN + NUMBER - 10, y + 4, str(row.number), "number", "end")
    size = 5 if step.changes else 3
    yield f'<circle cx="{frame.lanes[lane_of(step.actor, step.step)]:.0f}" cy="{y:.1f}" r="{size}" class="dot"/>'
    yield _text(frame.label, y + (-1 if words else 4), _cut(name), "name")
    if words:
        yield _text(frame.label, y + 12, _cut(words, LETTERS + 8), "change")
    yield "</g>"


def _bars(result: CheckResult, frame: Frame) -> Iterator[str]:
    """Draw each register from value to value; a value begins in the middle of the row that wrote it."""
    for field, x in frame.bars.items():
        changed = [
            (number, step.changes[field])
            for number, step in enumerate(result.trace, 1)
            if field in step.changes
        ]
        if not changed:
            continue
        marks = [(frame.top, changed[0][1][0])]
        marks += [(frame.y(frame.place(number)) + ROW / 2, new) for number, (_, new) in changed]
        ends = [y for y, _ in marks[1:]] + [frame.bottom]
        for (y, value), end in zip(marks, ends, strict=True):
            wrong = result.opening is not None and (field, y) == _origin(result.opening, frame)
            yield from _segment(
                field, value, "wrong" if wrong else OWNERS.get(value, "mask"), x, y, end
            )


def _origin(opening: Opening, frame: Frame) -> tuple[str, float]:
    """Return the field of an opening, and where its value begins."""
    return opening.field, frame.y(frame.place(opening.step)) + ROW / 2


def _segment(field: str, value: str, kind: str, x: float, y: float, end: float) -> Iterator[str]:
    yield f"<g><title>{in_xml(f'{field} = {value}')}</title>"
    yield _rect(x, y + 1, BAR, max(end - y - 2, 1), f"bar {kind}")
    if end - y >= ROW / 2:
        yield _text(
            x + BAR / 2,
            y + min((end - y) / 2, ROW) + 4,
            _cut(value, 9),
            f"value on-{kind}",
            "middle",
        )
    yield "</g>"


def _end(result: CheckResult, risk: Sequence[bool], frame: Frame) -> Iterator[str]:
    """Say at the foot what the last step means, and mark it with a cross."""
    last = result.trace[-1]
    violated = result.verdict == "violated"
    if violated:
        x, y = frame.lanes[lane_of(last.actor, last.step)], frame.bottom - ROW / 2
        yield f'<path d="M{x - 8:.0f} {y - 8:.1f}l16 16m0 -16l-16 16" class="cross"/>'
    y = frame.bottom + LINE
    yield _text(MARGIN, y, f"{result.verdict if violated else 'reached'}: {result.property}", "end")
    told = (
        ["shaded: one more move breaks it, or an interruption that comes now"] if any(risk) else []
    )
    if result.opening:
        step = result.trace[result.opening.step - 1].step
        told.append(f"{step} left {result.opening.field} as the end finds it")
    if told:
        yield _text(MARGIN, y + LINE, "; ".join(told), "dim")


STYLE: Final = """
svg { --page: #ffffff; --ink: #1b1f24; --dim: #57606a; --line: #d0d7de; --control: #57606a;
  --guest: #a8491c; --host: #2563a8; --init: #e4e8ec; --mask: #d5dbe3; --stale: #f1f3f5; --risk: #d1242f;
  --on-owner: #ffffff; font: 13px system-ui, "Segoe UI", "DejaVu Sans", sans-serif; }
@media (prefers-color-scheme: dark) {
  svg { --page: #14181d; --ink: #e6edf3; --dim: #9aa6b2; --line: #2d343c; --control: #9aa6b2;
    --guest: #f0a06a; --host: #6cb0f5; --init: #333b44; --mask: #3a434e; --stale: #1d232a; --risk: #ff7b72;
    --on-owner: #10161d; } }
.page { fill: var(--page); }
text { fill: var(--ink); }
.title { font-size: 16px; font-weight: 600; }
.dim, .number { fill: var(--dim); font-size: 12px; }
.number { font-variant-numeric: tabular-nums; }
.lane { font-size: 12px; font-weight: 600; }
.life { stroke: var(--line); stroke-width: 1; fill: none; }
.control { stroke: var(--control); stroke-width: 1.4; fill: none; stroke-linejoin: round; }
.dot { fill: var(--ink); stroke: var(--page); stroke-width: 1.5; }
.name { font-weight: 600; font-size: 12.5px; }
.change { fill: var(--dim); font-size: 11px; }
.window { fill: var(--risk); fill-opacity: 0.13; stroke: var(--risk); stroke-opacity: 0.5; }
.bar { stroke: var(--page); stroke-width: 1; }
.guest { fill: var(--guest); } .host { fill: var(--host); } .init { fill: var(--init); }
.mask { fill: var(--mask); } .stale { fill: var(--stale); stroke: var(--dim); stroke-dasharray: 3 3; }
.value { font-size: 11px; font-family: ui-monospace, "DejaVu Sans Mono", monospace; }
.wrong { fill: var(--risk); } .on-wrong, .on-guest, .on-host { fill: var(--on-owner); }
.cross { stroke: var(--risk); stroke-width: 3; fill: none; }
.end { fill: var(--risk); font-weight: 600; }
"""
