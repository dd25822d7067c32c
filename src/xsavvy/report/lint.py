# SPDX-License-Identifier: Apache-2.0
"""What a lint found, as text: each number, what it should be, why, and who says so."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import TYPE_CHECKING

from rich.text import Text

from xsavvy.report.text import flow, plural, styled

if TYPE_CHECKING:
    from xsavvy.api.linting import LintResult
    from xsavvy.cpuid.differing import ProcessorDifference
    from xsavvy.cpuid.finding import Finding

__all__ = ["difference_lines", "lint_lines"]


def lint_lines(results: Sequence[LintResult], width: int | None) -> Iterator[Text]:
    """Give each file with its findings, what is unknown in it, and where its processors differ."""
    for place, result in enumerate(results):
        if place:
            yield Text()
        yield _heading(result)
        for each in result.findings:
            yield from _finding(each, width)
        for gap in result.unknown:
            yield from _wrapped("  unknown  ", "yellow", gap.sentence, width)
        yield from difference_lines(result.differences)


def _heading(result: LintResult) -> Text:
    line = styled(result.file, "bold").append(f"  {result.format}", "dim")
    if result.processors > 1:
        line.append(f"  the first of {result.processors} CPUs", "dim")
    if result.kernel:
        line.append("  as a guest of ", "dim").append_text(styled(result.kernel, "dim"))
    if result.findings:
        return line.append("  ").append(plural(len(result.findings), "finding"), "bold red")
    if result.unknown:
        return line.append("  nothing wrong in what is known", "yellow")
    return line.append("  sound", "green")


def _wrapped(label: str, style: str, text: str, width: int | None) -> Iterator[Text]:
    words = [styled(word) for word in text.split(" ")]
    lines = flow(words, indent=len(label), width=width, gap=" ")
    yield Text(label, style).append_text(lines[0][len(label) :])
    yield from lines[1:]


def _finding(each: Finding, width: int | None) -> Iterator[Text]:
    yield Text("  ").append_text(styled(each.rule, "red"))
    yield from _wrapped("    ", "", each.sentence, width)
    yield from _wrapped("    expected  ", "dim", each.expected, width)
    yield from _wrapped("    source    ", "dim", each.source, width)


def _numbers(values: Sequence[int]) -> str:
    """Spell numbers with runs as ranges.

    >>> _numbers([1, 2, 3, 7])
    '1-3, 7'
    """
    runs: list[list[int]] = []
    for value in values:
        if runs and runs[-1][-1] == value - 1:
            runs[-1].append(value)
        else:
            runs.append([value])
    return ", ".join(str(run[0]) if len(run) == 1 else f"{run[0]}-{run[-1]}" for run in runs)


def difference_lines(found: Sequence[ProcessorDifference]) -> Iterator[Text]:
    """Give where processors differ from the first, those that differ alike together."""
    ordered = sorted(found, key=lambda each: (_what(each), each.processor))
    for words, alike in groupby(ordered, key=_what):
        who = _numbers([each.processor for each in alike])
        yield Text("  differs  ", "yellow").append(f"CPU {who}: {words}")


def _what(each: ProcessorDifference) -> str:
    return (
        f"leaf {each.leaf:#x} subleaf {each.subleaf:#x} {each.register.upper()}={each.found:#x},"
        f" CPU 0 has {each.first:#x}"
    )
