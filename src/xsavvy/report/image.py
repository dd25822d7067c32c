# SPDX-License-Identifier: Apache-2.0
"""Images as text: components with their registers, verdicts, and what differs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from rich.text import Text

from xsavvy.report.text import columns, flow, number, plural, styled

if TYPE_CHECKING:
    from xsavvy.api.images import (
        ConvertedImage,
        ImageArea,
        ImageComponent,
        ImageDifference,
        ImageVerdict,
    )
    from xsavvy.image.value import Register

__all__ = ["area_lines", "converted_lines", "difference_lines", "verdict_lines"]

STATE = {"saved": "green", "initial": "dim", "cut off": "bold red", "no known place": "yellow"}
MANY = 24
"""A component with more registers than this shows only those that are not zero."""
STALE_BYTES = 32
FITTING = 4


def area_lines(
    areas: Sequence[ImageArea], width: int | None, *, stale: bool = False
) -> Iterator[Text]:
    """Give each area: its header, its layout and how that is known, its components and registers."""
    for count, area in enumerate(areas):
        if count:
            yield Text()
        yield from flow(_head(area), indent=0, width=width)
        yield from _sentence("layout", _layout(area), width)
        for component in area.components:
            yield from _component(component, width, stale)
        for remark in area.remarks:
            yield from _sentence("remark", remark, width)


def _head(area: ImageArea) -> Iterator[Text]:
    yield styled(area.file, "bold")
    if area.owner:
        yield styled(area.owner, "bold")
    yield Text(area.kind, "dim")
    yield Text(f"{area.format}, {number(area.size)} bytes")
    yield Text(f"XSTATE_BV {area.xstate_bv:#x}")
    if area.xcomp_bv:
        yield Text(f"XCOMP_BV {area.xcomp_bv:#x}")
    if area.xcr0:
        yield Text(f"XCR0 {area.xcr0:#x}")


def _layout(area: ImageArea) -> str:
    words = area.certainty if area.why == area.certainty else f"{area.certainty}: {area.why}"
    if not area.cpus or area.cpus == (area.why.removeprefix("as ").removesuffix(" lays it out"),):
        return words
    more = f" and {len(area.cpus) - FITTING} more" if len(area.cpus) > FITTING else ""
    return f"{words} ({', '.join(area.cpus[:FITTING])}{more})"


def _sentence(label: str, words: str, width: int | None) -> list[Text]:
    indent = len(label) + 4
    lines = flow((styled(word) for word in words.split()), indent=indent, width=width, gap=" ")
    if lines:
        lines[0] = Text(f"  {label}  ", "dim").append_text(lines[0][indent:])
    return lines


def _component(component: ImageComponent, width: int | None, stale: bool) -> Iterator[Text]:
    where = ""
    if component.size is not None and component.offset is not None:
        where = f"{number(component.size)} bytes at {number(component.offset)}"
    cells = [
        styled(component.name, "bold"),
        Text(component.state, STATE.get(component.state, "")),
        Text(where, "dim"),
        styled(component.note, "dim"),
    ]
    yield from flow((each for each in cells if each), indent=0, width=width)
    yield from _registers(component.registers, width)
    if stale and component.stale:
        yield from _stale(bytes.fromhex(component.stale))


def _registers(registers: Sequence[Register], width: int | None) -> Iterator[Text]:
    shown = list(registers)
    if len(shown) > MANY:
        shown = [each for each in shown if int(each.hex, 16)]
        left = len(registers) - len(shown)
        if left:
            yield Text(f"  {plural(left, 'register')} of {len(registers)} hold 0", "dim")
    name_width = max((len(each.name) for each in shown), default=0)
    indent = name_width + 4
    for each in shown:
        items = [Text(each.whole or ("" if each.rows else each.hex))]
        items += [styled(each.value, "cyan"), styled(each.note, "dim")]
        first, *rest = flow((item for item in items if item), indent=indent, width=width)
        yield Text(f"  {each.name:{name_width}}").append_text(first[name_width + 2 :])
        yield from rest
        if each.lanes and each.name != "pkru":
            yield from flow((Text(lane, "cyan") for lane in each.lanes), indent=indent, width=width)
        yield from columns(
            [[Text(lane, "cyan") for lane in row] for row in each.rows],
            indent=indent,
            right=range(64),
        )


def _stale(data: bytes) -> Iterator[Text]:
    """Give left-over bytes as such: the rows that are not zero, with what is printable in them."""
    for start in range(0, len(data), STALE_BYTES):
        row = data[start : start + STALE_BYTES]
        if any(row):
            words = "".join(chr(each) if 32 <= each < 127 else "." for each in row)
            yield Text(f"  stale {start:5} {row.hex()}  {words}", "yellow")


def verdict_lines(verdicts: Sequence[ImageVerdict], width: int | None) -> Iterator[Text]:
    """Give each judge's verdict, its reasons, and what becomes of the components."""
    for each in verdicts:
        owner = [styled(each.owner, "bold")] if each.owner else []
        yield from flow(
            [*owner, styled(each.by, "bold"), styled(f"on {each.cpu}", "dim"), _word(each)],
            indent=0,
            width=width,
        )
        label = "because" if not each.accepts else "note" if each.sound else "but"
        for why in each.why:
            yield from _sentence(label, why, width)
        groups: dict[tuple[str, str], list[str]] = {}
        for fate in each.components:
            groups.setdefault((fate.becomes, fate.why), []).append(fate.component)
        for (becomes, why), names in groups.items():
            words = f"{becomes}: {' '.join(names)}" + (f" ({why})" if why else "")
            lines = flow((styled(word) for word in words.split()), indent=4, width=width, gap=" ")
            yield from (line[2:] if not count else line for count, line in enumerate(lines))


def _word(verdict: ImageVerdict) -> Text:
    if not verdict.accepts:
        return Text(f"refuses: {verdict.stop}", "bold red")
    if not verdict.sound:
        return Text("takes it, but not as it was saved", "bold red")
    return Text("takes it", "green")


def converted_lines(done: ConvertedImage, path: str, width: int | None) -> Iterator[Text]:
    """Give what was written, and what changed without being lost."""
    items = [
        styled(path, "bold"),
        Text(f"{done.format}, {number(len(done.area))} bytes, for {done.cpu}"),
        Text(f"components {' '.join(done.components)}"),
        Text(f"saved {' '.join(done.saved) or 'none'}"),
    ]
    yield from flow(items, indent=0, width=width)
    for note in done.notes:
        yield from _sentence("note", note, width)


def difference_lines(found: Sequence[ImageDifference], width: int | None) -> Iterator[Text]:
    """Give the registers that differ, the first image's value above the second's."""
    if not found:
        yield Text("the same by meaning", "green")
        return
    owner = ""
    for each in found:
        if each.owner != owner:
            owner = each.owner
            yield styled(owner, "bold")
        if each.note:
            yield from _sentence(each.component, each.note, width)
            continue
        yield styled(f"  {each.component} {each.register}")
        for mark, value, words in (
            ("-", each.one, each.one_value),
            ("+", each.other, each.other_value),
        ):
            yield Text(f"    {mark} {value}", "red" if mark == "-" else "green").append_text(
                styled(f"  {words}" if words else "", "cyan")
            )
    yield Text(plural(len(found), "difference"), "bold")
