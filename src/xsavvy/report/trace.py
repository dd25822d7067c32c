# SPDX-License-Identifier: Apache-2.0
"""A trace as text: one line per step, and below it only what the step changed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from rich.text import Text

from xsavvy.report.text import GAP, flow, plural, styled

if TYPE_CHECKING:
    from xsavvy.api import CheckResult, TraceStep

__all__ = ["trace_lines"]

LANES = ("cyan", "magenta", "yellow", "green", "blue")


def trace_lines(result: CheckResult, width: int | None) -> Iterator[Text]:
    """Give a result's trace: number, actor, step, source, the changes, and what they amount to.

    Where the trace is a lasso, a line tells from which step on it repeats.
    """
    steps = result.trace
    actors = list(dict.fromkeys(step.actor for step in steps))
    style = {actor: LANES[place % len(LANES)] for place, actor in enumerate(actors)}
    lane = max((styled(actor).cell_len for actor in actors), default=0)
    name = max((_name(step).cell_len for step in steps), default=0)
    digits = len(str(len(steps)))
    for place, step in enumerate(steps, 1):
        if result.loop == place - 1:
            yield Text("  from here on, again and again:", "bold yellow")
        line = Text(f"  {place:{digits}}  ", "dim")
        line.append_text(_padded(styled(step.actor, style[step.actor]), lane)).append(GAP)
        column = line.cell_len
        line.append_text(_name(step))
        yield from _with_source(line, step, column + name, column + 2, width)
        yield from flow(_changes(step), indent=column + 2, width=width, gap="   ")
    yield from _conclusion(result)


def _name(step: TraceStep) -> Text:
    """Return the step with the values that it chose, and a mark where it rests on inference."""
    name = styled(step.step, "bold")
    if step.arguments:
        chosen = ", ".join(f"{key}={value}" for key, value in step.arguments.items())
        name.append_text(styled(f" ({chosen})"))
    return name.append(" ?", "yellow") if step.inferred else name


def _padded(cell: Text, width: int) -> Text:
    return cell + Text(" " * (width - cell.cell_len))


def _with_source(
    line: Text, step: TraceStep, column: int, indent: int, width: int | None
) -> Iterator[Text]:
    """Put the source at the end of the step's line, or below it where there is no room."""
    if not step.source:
        yield line
        return
    source = styled(step.source, "dim")
    if width is None or column + len(GAP) + source.cell_len <= width:
        yield _padded(line, column).append(GAP).append_text(source)
    else:
        yield line
        yield Text(" " * indent).append_text(source)


def _changes(step: TraceStep) -> Iterator[Text]:
    for field, (old, new) in step.changes.items():
        change = styled(f"{field}: ").append_text(styled(old, "dim")).append(" -> ")
        yield change.append_text(styled(new, "bold"))


def _conclusion(result: CheckResult) -> Iterator[Text]:
    if result.verdict == "violated":
        line = Text("  violated: ", "bold red").append_text(styled(result.property, "bold"))
    else:
        line = Text("  reached: ", "green").append_text(styled(result.property, "bold"))
    yield line.append(_extent(result), "dim")
    yield Text("  ").append_text(styled(result.sentence))
    if any(step.inferred for step in result.trace):
        yield Text("  ? marks a step that no source states: 'xsavvy list inferred'", "yellow")


def _extent(result: CheckResult) -> str:
    if result.loop is None:
        return f" after {plural(len(result.trace), 'step')}"
    stem = plural(result.loop, "step")
    rounds = len(result.trace) - result.loop
    if not rounds:
        return f" after {stem}: there the run ends, as nothing has to happen any more"
    return f" after {stem}, and {plural(rounds, 'step')} for ever"
