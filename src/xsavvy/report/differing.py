# SPDX-License-Identifier: Apache-2.0
"""What two kernels do differently, as text: a paragraph for each commit."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from rich.text import Text

from xsavvy.report.text import flow, plural, styled

if TYPE_CHECKING:
    from xsavvy.api import CommitDiff, StepDiff

__all__ = ["diff_lines"]

SIGN = {"added": "+", "removed": "-", "moved": "~", "changed": "*", "answer": "*"}
STYLE = {"added": "green", "removed": "red", "moved": "yellow", "changed": "cyan", "answer": "cyan"}


def diff_lines(
    before: str, after: str, diffs: Sequence[CommitDiff], width: int | None
) -> Iterator[Text]:
    """Give each commit with its subject and release, and below it what it changes in the model."""
    for each in diffs:
        line = Text("+ " if each.direction == "added" else "- ", STYLE[each.direction])
        line.append_text(styled(each.commit, "bold")).append(" ")
        yield line.append_text(styled(f"{each.subject} ({each.release})"))
        yield from flow(
            [styled(word, "dim") for word in each.effect.split()], indent=4, width=width, gap=" "
        )
        for change in each.changes:
            yield from _change(change, width)
    same = sum(not each.changes for each in diffs)
    line = Text(f"{before} -> {after}: {plural(len(diffs), 'commit')}")
    if same:
        line.append(f", {same} without a change of what is modelled", "dim")
    yield line


def _change(change: StepDiff, width: int | None) -> Iterator[Text]:
    line = Text(f"    {SIGN[change.kind]} ", STYLE[change.kind])
    line.append(f"{change.what} ").append_text(styled(change.where, "bold"))
    if change.kind == "moved":
        line.append(" moved")
    marks = [] if change.part == "run" else [change.part]
    marks += [change.on] if change.on else []
    if marks:
        line.append(f" ({', '.join(marks)})", "yellow")
    detail = [styled(word) for word in change.detail.split()]
    if change.source:
        detail += [styled(word, "dim") for word in f"[{change.source}]".split()]
    whole = Text(" ").join([*detail]) if detail else Text()
    if width is None or line.cell_len + 2 + whole.cell_len <= width:
        yield line.append("  ").append_text(whole) if detail else line
        return
    yield line
    yield from flow(detail, indent=8, width=width, gap=" ")
