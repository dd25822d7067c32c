# SPDX-License-Identifier: Apache-2.0
"""The gallery as tables: each bug before its fix and after, or the bugs of one kernel."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from rich.text import Text

from xsavvy.report.text import columns, number, plural, styled

if TYPE_CHECKING:
    from xsavvy.api import GalleryReport, GalleryResult, Side

__all__ = ["gallery_lines", "gallery_summary", "kernel_lines", "kernel_summary"]

STYLE = {"violated": "bold red", "holds": "green", "not applicable": "dim"}


def gallery_lines(report: GalleryReport) -> Iterator[Text]:
    """Give one row per bug: its property on both kernels, and whether that is as written down."""
    head = ("", "bug", "fixed by", "property", "before", "", "", "", "after", "", "")
    rows = [[Text(word, "dim") for word in head]]
    rows += [_row(each) for each in report.results if each.before is not None]
    if len(rows) > 1:
        yield from columns(rows, right=(6, 7, 10))
    yield from _fixes(report.results)
    yield from _reasons(report.results)
    yield from _surprises(report.results)


def gallery_summary(report: GalleryReport) -> Text:
    """Return the last line: how many bugs are as written down, and how many cannot be expressed."""
    shown = [each for each in report.results if each.before is not None]
    good = sum(each.as_expected for each in shown)
    line = Text(f"{plural(len(shown), 'bug')}: ")
    line.append(f"{good} found before the fix and absent after it", "green" if good else "")
    if good < len(shown):
        line.append(f", {len(shown) - good} not as expected", "bold red")
    fixes = [fix for each in shown for fix in each.wrong_fixes]
    if fixes:
        refuted = sum(fix.as_expected for fix in fixes)
        line.append(f"; {plural(refuted, 'wrong fix', 'wrong fixes')} refuted")
    left = len(report.results) - len(shown)
    if left:
        line.append(f"; {left} not expressed, each with its reason")
    if report.interrupted:
        line.append("; interrupted", "yellow")
    return line


def kernel_lines(report: GalleryReport) -> Iterator[Text]:
    """Give one row per bug for one kernel: whether it has the bug, by which property, and the fix."""
    rows = []
    for each in report.results:
        if each.before is None:
            continue
        mark = Text("has it", "bold red") if each.has else _absent(each.before)
        cve = styled(each.cve, "dim")
        rows.append([mark, styled(each.id, "bold"), styled(each.commit), cve, styled(each.title)])
    if rows:
        yield from columns(rows)
    yield from _reasons(report.results)


def kernel_summary(report: GalleryReport, kernel: str) -> Text:
    """Return the last line: how many of the known bugs the kernel has."""
    asked = [each for each in report.results if each.before is not None]
    found = sum(bool(each.has) for each in asked)
    line = Text(f"{kernel} has ")
    line.append(f"{found} of {plural(len(asked), 'known bug')}", "bold red" if found else "green")
    if report.interrupted:
        line.append("; interrupted", "yellow")
    return line


def _row(each: GalleryResult) -> list[Text]:
    assert each.before is not None
    mark = Text("ok", "green") if each.as_expected else Text("NO", "bold red")
    cells = [mark, styled(each.id, "bold"), styled(each.commit), styled(each.property)]
    cells += _cells(each.before, with_depth=True)
    return cells + (_cells(each.after, with_depth=False) if each.after is not None else [])


def _cells(side: Side, *, with_depth: bool) -> list[Text]:
    cells = [styled(side.kernel), Text(side.verdict, STYLE.get(side.verdict, "yellow"))]
    if with_depth:
        cells.append(Text("" if side.depth is None else plural(side.depth, "step")))
    return [*cells, Text(number(side.states), "dim")]


def _absent(side: Side) -> Text:
    if side.verdict in ("holds", "violated"):
        return Text("no", "green")
    return Text(side.verdict, STYLE.get(side.verdict, ""))


def _fixes(results: Sequence[GalleryResult]) -> Iterator[Text]:
    rows = [
        [
            Text("ok", "green") if fix.as_expected else Text("NO", "bold red"),
            styled(each.id, "bold"),
            styled(fix.title),
            styled(f"{fix.property} {fix.side.verdict}"),
            Text("" if fix.side.depth is None else plural(fix.side.depth, "step")),
        ]
        for each in results
        for fix in each.wrong_fixes
    ]
    if rows:
        yield Text("")
        yield Text("Wrong fixes, refuted:")
        yield from columns(rows)


def _reasons(results: Sequence[GalleryResult]) -> Iterator[Text]:
    rows = [[styled(each.id, "bold"), styled(each.reason)] for each in results if each.reason]
    if rows:
        yield Text("")
        yield Text("Not expressed, and why:")
        yield from columns(rows)


def _surprises(results: Sequence[GalleryResult]) -> Iterator[Text]:
    for each in results:
        for side in (each.before, each.after):
            if side is not None and (side.expected or side.reason):
                told = "; ".join(filter(None, (side.expected, side.reason)))
                yield Text(f"  {each.id} on {side.kernel}: {told}", "yellow")
