# SPDX-License-Identifier: Apache-2.0
"""A run as text: each line of the program, and below it what every step touched, in which context, and why."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from rich.text import Text

from xsavvy.report.text import flow, plural, styled

if TYPE_CHECKING:
    from xsavvy.api import RunReport, RunStep

__all__ = ["run_lines"]


def run_lines(report: RunReport, width: int | None, *, brief: bool = False) -> Iterator[Text]:
    """Give the whole run; if `brief`, without the steps that touched nothing."""
    head = Text("").append_text(styled(report.title or report.program, "bold"))
    yield head.append(f"  {report.kernel} on {report.platform}", "dim")
    line = -1
    for step in report.results:
        if step.line != line:
            line = step.line
            yield Text("")
            yield _heading(report, line)
        if not brief or step.changes or step.violated or step.arguments:
            yield from _step(step, width)
    yield Text("")
    yield from _end(report)


def _heading(report: RunReport, line: int) -> Text:
    if line == 0:
        return Text("after the last line", "dim")
    return Text(f"{line}: ", "dim").append_text(styled(report.lines[line], "bold cyan"))


def _step(step: RunStep, width: int | None) -> Iterator[Text]:
    line = Text("    ").append_text(styled(step.actor, "magenta")).append("  ")
    line.append_text(styled(step.step, "bold" if step.changes else ""))
    if step.arguments:
        chosen = ", ".join(f"{name}={value}" for name, value in step.arguments.items())
        line.append_text(styled(f" ({chosen})"))
    if step.inferred:
        line.append(" ?", "yellow")
    held = ", ".join(step.context) or "anything may come"
    yield line.append("  [", "dim").append_text(styled(held, "dim")).append("]", "dim")
    why = [styled(word) for word in step.summary.split()]
    why += [styled(word, "dim") for word in step.source.split()]
    yield from flow(why, indent=8, width=width, gap=" ")
    changes = (
        styled(f"{name}: ")
        .append_text(styled(old, "dim"))
        .append(" -> ")
        .append_text(styled(new, "bold"))
        for name, (old, new) in step.changes.items()
    )
    yield from flow(changes, indent=8, width=width, gap="   ")
    for name in step.violated:
        yield Text("        from here on violated: ", "bold red").append_text(styled(name, "bold"))


def _end(report: RunReport) -> Iterator[Text]:
    for message in report.unmet:
        yield Text("  ").append_text(styled(message, "bold red"))
    line = Text(f"{report.program}: {plural(len(report.results), 'step')}")
    if report.violated:
        names = ", ".join(report.violated)
        line.append("; violated on the way: ", "bold red").append_text(styled(names))
    if report.unmet:
        line.append(f"; {plural(len(report.unmet), 'expectation')} not met", "bold red")
    yield line
