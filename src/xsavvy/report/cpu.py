# SPDX-License-Identifier: Apache-2.0
"""A processor's extended state as a table: components, sizes, offsets, and what XCR0 may hold."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from rich.text import Text

from xsavvy.report.lint import difference_lines
from xsavvy.report.text import columns, flow, number, styled

if TYPE_CHECKING:
    from xsavvy.cpuid.describe import ComponentRow, CpuDescription

__all__ = ["cpu_lines"]

HEAD = ("bit", "component", "register", "size", "standard", "compacted", "align", "XFD")


def cpu_lines(cpu: CpuDescription, width: int | None) -> Iterator[Text]:
    """Give who the processor is, its registers, its components, the area's sizes, its features."""
    yield from flow(_identity(cpu), indent=0, width=width)
    yield from _registers(cpu, width)
    if cpu.components:
        yield Text()
        yield from _components(cpu, width)
        yield Text()
        yield from _sizes(cpu, width)
    yield from _features(cpu, width)
    yield from difference_lines(cpu.differences)
    for gap in cpu.unknown:
        yield Text("  unknown: ", "yellow").append_text(styled(gap.sentence))
    for each in cpu.contradictions:
        yield Text("  contradiction: ", "bold red").append_text(styled(each.sentence))
        yield Text("    expected ").append_text(styled(each.expected))


def _identity(cpu: CpuDescription) -> Iterator[Text]:
    yield styled(cpu.brand.strip() or cpu.vendor or "unknown processor", "bold")
    if cpu.brand.strip():
        yield styled(cpu.vendor, "dim")
    if cpu.family is not None:
        words = f"family {cpu.family} model {cpu.model} stepping {cpu.stepping}"
        yield styled(words, "dim")
    if cpu.virtualization:
        yield styled(cpu.virtualization.upper(), "dim")
    if cpu.role:
        yield styled(f"the {cpu.role} of the dump", "dim")
    if cpu.processors > 1:
        which = f"CPU {cpu.processor} of" if cpu.processor else "the first of"
        yield Text(f"{which} {cpu.processors} CPUs", "dim")
    if cpu.hypervisor:
        yield Text("seen through a hypervisor", "dim")


def _labelled(label: str, items: Iterator[Text] | list[Text], width: int | None) -> Iterator[Text]:
    lines = flow(items, indent=len(label) + 4, width=width)
    first = lines[0].plain.strip() if lines else "none"
    yield Text(f"  {label}  ").append(first)
    yield from lines[1:]


def _registers(cpu: CpuDescription, width: int | None) -> Iterator[Text]:
    registers = (("XCR0", cpu.xcr0, cpu.xcr0_names), ("XSS ", cpu.xss, cpu.xss_names))
    for label, mask, names in registers:
        value = Text("unknown", "yellow") if mask is None else Text(f"{mask:#x}" if mask else "0")
        items = [value, *(styled(name) for name in names)]
        yield from _labelled(label, items, width)
    words = " ".join(cpu.instructions)
    yield from _labelled("has ", [styled(word) for word in words.split()], width)


def _known(value: int | None) -> Text:
    return Text("?", "yellow") if value is None else Text(number(value))


def _yes(value: bool | None) -> Text:
    return Text("?", "yellow") if value is None else Text("yes" if value else "")


def _component(row: ComponentRow) -> list[Text]:
    supervisor = row.kind == "supervisor"
    return [
        Text(str(row.index)),
        styled(row.name, "bold"),
        styled(row.register),
        _known(row.size),
        Text("-", "dim") if supervisor else _known(row.offset),
        _known(row.compacted_offset),
        Text("64") if row.align64 else _yes(row.align64),
        _yes(row.xfd),
    ]


def _components(cpu: CpuDescription, width: int | None) -> Iterator[Text]:
    rows = [_component(row) for row in cpu.components]
    head = [Text(word, "dim") for word in HEAD]
    numbers = (0, 3, 4, 5)
    with_title = [
        [*cells, styled(row.title, "dim")] for cells, row in zip(rows, cpu.components, strict=True)
    ]
    wide = columns([[*head, Text("what it is", "dim")], *with_title], right=numbers)
    fits = width is None or max(line.cell_len for line in wide) <= width
    yield from wide if fits else columns([head, *rows], right=numbers)


def _sizes(cpu: CpuDescription, width: int | None) -> Iterator[Text]:
    sizes = cpu.sizes
    areas = [
        Text("standard ").append_text(_known(sizes.standard)),
        Text("compacted ").append_text(_known(sizes.compacted)),
        Text("compacted, XCR0 alone ").append_text(_known(sizes.compacted_user)),
    ]
    yield from _labelled("bytes", areas, width)
    now = [Text("now ").append_text(_known(sizes.current_reported))]
    now.append(Text("compacted ").append_text(_known(sizes.current_compacted_reported)))
    pairs = cpu.in_force or ()
    if len(pairs) == 1:
        xss = "" if pairs[0].xss is None else f", XSS={pairs[0].xss:#x}"
        now.append(Text(f"so XCR0={pairs[0].xcr0:#x}{xss}, for certain"))
    elif pairs:
        xcr0 = " or ".join(dict.fromkeys(f"{pair.xcr0:#x}" for pair in pairs))
        now.append(Text(f"so XCR0={xcr0}, and one of {len(pairs)} values of XSS"))
    yield from _labelled("     ", now, width)


def _features(cpu: CpuDescription, width: int | None) -> Iterator[Text]:
    for label, present in (("with   ", True), ("without", False), ("unknown", None)):
        names = [styled(row.name) for row in cpu.features if row.present is present]
        if names:
            yield from _labelled(label, names, width)
