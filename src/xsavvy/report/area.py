# SPDX-License-Identifier: Apache-2.0
"""A picture of an XSAVE area, as SVG: both forms side by side, every component, every hole.

Components differ in size by a factor of a thousand, so the boxes' heights follow the logarithm of the
size; the narrow strip beside each column is to scale. Colours follow the reader's light or dark scheme.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple
from xml.sax.saxutils import quoteattr

from xsavvy.api.file import writing
from xsavvy.report.text import escape, in_xml, number

if TYPE_CHECKING:
    from xsavvy.cpuid.describe import ComponentRow, CpuDescription

__all__ = ["Block", "area", "blocks", "write_area"]

LEGACY: Final = (
    (0, 160, "x87, MXCSR", "bytes 24 to 31 are MXCSR and its mask"),
    (160, 256, "XMM", "XMM0 to XMM15"),
    (416, 96, "not used", "bytes 464 to 511 are software's"),
)
HEADER: Final = (512, 64, "header", "XSTATE_BV, XCOMP_BV, 48 bytes of zero")
END_OF_HEADER: Final = 576
WIDTH, COLUMN, BOX, LEFT, TOP, STRIP = 920, 440, 250, 124, 132, 10
LEAST, STEP = 26.0, 7.0


class Block(NamedTuple):
    """A run of bytes: where, how many, what, of which kind, and what to know about it."""

    offset: int
    size: int
    name: str
    kind: str
    note: str = ""

    @property
    def height(self) -> float:
        """Return the height of its box: at least a line of text, then by the logarithm of the size."""
        return LEAST + STEP * max(0.0, math.log2(max(self.size, 8) / 8))


def blocks(cpu: CpuDescription, *, compacted: bool) -> list[Block]:
    """Return an area's runs of bytes in order, with the holes between; what is unknown is left out."""
    found = [Block(at, size, name, "legacy", note) for at, size, name, note in LEGACY]
    found.append(Block(*HEADER[:3], "header", HEADER[3]))
    placed = [(_offset(row, compacted), row) for row in cpu.components if row.index > 1]
    known = [(at, row) for at, row in placed if at is not None and row.size]
    reach = END_OF_HEADER
    for offset, row in sorted(known, key=lambda item: (item[0], item[1].index)):
        if offset > reach:
            name = "hole, for alignment" if compacted else "hole"
            why = "aligned to 64 bytes" if compacted else "no component of this processor"
            found.append(Block(reach, offset - reach, name, "hole", why))
        name = f"{row.name}, XFD" if row.xfd else row.name
        found.append(Block(offset, row.size or 0, name, row.kind, _note(row)))
        reach = max(reach, offset + (row.size or 0))
    return found


def _offset(row: ComponentRow, compacted: bool) -> int | None:
    return row.compacted_offset if compacted else row.offset


def _note(row: ComponentRow) -> str:
    words = [f"{row.title}, bit {row.index} of {row.register}"]
    if row.align64:
        words.append("aligned to 64 bytes in the compacted form")
    if row.xfd:
        words.append("IA32_XFD can disable it")
    return "; ".join(words)


def _text(x: float, y: float, words: str, style: str = "", anchor: str = "start") -> str:
    safe = in_xml(words)
    return f'<text x="{x:.0f}" y="{y:.1f}" class="{style}" text-anchor="{anchor}">{safe}</text>'


def _box(block: Block, x: float, y: float) -> Iterator[str]:
    """Draw one run of bytes: offset at its upper left, name and size inside."""
    height, middle = block.height, y + block.height / 2 + 4.5
    about = f"{block.name}: {number(block.size)} bytes at {block.offset:#x}. {block.note}"
    yield f"<g><title>{in_xml(about)}</title>"
    yield (
        f'<rect x="{x:.0f}" y="{y:.1f}" width="{BOX}" height="{height:.1f}" class="box {block.kind}"/>'
    )
    yield _text(x - 10, y + 11, f"{number(block.offset)}  {block.offset:#05x}", "at", "end")
    yield _text(x + 12, middle, block.name, f"name on-{block.kind}")
    yield _text(x + BOX - 12, middle, f"{number(block.size)} B", f"size on-{block.kind}", "end")
    yield "</g>"


def _strip(found: Sequence[Block], x: float, y: float, height: float) -> Iterator[str]:
    """Draw the same bytes to scale."""
    end = max((block.offset + block.size for block in found), default=1)
    for block in found:
        top, size = y + height * block.offset / end, height * block.size / end
        yield (
            f'<rect x="{x:.0f}" y="{top:.2f}" width="{STRIP}" height="{size:.2f}" class="{block.kind}"/>'
        )


def _column(
    found: Sequence[Block], x: float, title: str, size: int | None, use: str, missing: str
) -> tuple[list[str], float]:
    """Draw one form; return its parts and where it ends."""
    bytes_ = "size unknown" if size is None else f"{number(size)} bytes"
    parts = [_text(x, 92, title, "form"), _text(x, 112, f"{bytes_}: {use}", "use")]
    y = float(TOP)
    for block in found:
        parts += _box(block, x + LEFT, y)
        y += block.height
    parts += _strip(found, x + LEFT + BOX + 12, TOP, y - TOP)
    end = max((block.offset + block.size for block in found), default=0)
    parts.append(_text(x + LEFT - 10, y + 11, f"{number(end)}  {end:#05x}", "at", "end"))
    if missing:
        parts.append(_text(x + LEFT, y + 30, missing, "missing"))
    return parts, y + (40 if missing else 20)


def _missing(cpu: CpuDescription, *, compacted: bool) -> str:
    rows = [row for row in cpu.components if compacted or row.kind == "user"]
    names = [row.name for row in rows if row.size is None or _offset(row, compacted) is None]
    return f"place unknown: {', '.join(names)}" if names else ""


def _title(cpu: CpuDescription) -> str:
    return cpu.brand or f"{cpu.file} {cpu.vendor}".strip() or "unknown processor"


def _heading(cpu: CpuDescription) -> Iterator[str]:
    yield _text(24, 38, _title(cpu), "title")
    masks = [
        f"{name} {'unknown' if mask is None else f'{mask:#x}'}"
        for name, mask in (("XCR0", cpu.xcr0), ("IA32_XSS", cpu.xss))
    ]
    yield _text(24, 60, f"may enable {masks[0]}, {masks[1]}", "use")


def _legend(y: float) -> Iterator[str]:
    kinds = (
        ("legacy", "legacy region and header"),
        ("user", "user state (XCR0)"),
        ("supervisor", "supervisor state (IA32_XSS)"),
        ("hole", "hole"),
    )
    x = 24.0
    for kind, words in kinds:
        yield (
            f'<rect x="{x:.0f}" y="{y - 11:.1f}" width="16" height="14" rx="2" class="box {kind}"/>'
        )
        yield _text(x + 24, y, words, "use")
        x += 24 + 7.2 * len(words) + 26
    yield _text(
        24, y + 24,
        "Offsets in bytes, decimal and hexadecimal. Heights of boxes follow the logarithm of the size;"
        " the strips are to scale.",
        "use",
    )  # fmt: skip


def _no_compacted_form(cpu: CpuDescription) -> tuple[str, str]:
    """Say why the right half is empty: there is no such form, or nobody knows."""
    known = {row.name: row.present for row in cpu.features}
    if known.get("xsave") is not False and None in {known.get("xsavec"), known.get("xsaves")}:
        return "Compacted form unknown", "the dump does not say whether there is XSAVEC or XSAVES"
    return "No compacted form", "neither XSAVEC nor XSAVES"


def area(cpu: CpuDescription) -> str:
    """Return the picture of a CPU's area, standard form at the left, compacted form at the right."""
    parts = [*_heading(cpu)]
    left, left_end = _column(
        blocks(cpu, compacted=False), 24, "Standard form", cpu.sizes.standard,
        "XSAVE, XSAVEOPT; all of XCR0", _missing(cpu, compacted=False),
    )  # fmt: skip
    end = left_end
    if "XSAVEC" in cpu.instructions or "XSAVES" in cpu.instructions:
        right, right_end = _column(
            blocks(cpu, compacted=True), 24 + COLUMN, "Compacted form", cpu.sizes.compacted,
            "XSAVEC, XSAVES; all of XCR0 and IA32_XSS", _missing(cpu, compacted=True),
        )  # fmt: skip
        parts, end = [*parts, *left, *right], max(left_end, right_end)
    else:
        title, why = _no_compacted_form(cpu)
        parts += left
        parts.append(_text(24 + COLUMN, 92, title, "form"))
        parts.append(_text(24 + COLUMN, 112, why, "use"))
    parts += _legend(end + 24)
    height = end + 72
    label = quoteattr(f"XSAVE area of {escape(_title(cpu))}")
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height:.0f}" width="{WIDTH}"'
        f' height="{height:.0f}" role="img" aria-label={label}>\n<style>{STYLE}</style>\n'
        f'<rect width="100%" height="100%" class="page"/>\n' + "\n".join(parts) + "\n</svg>\n"
    )


def write_area(cpu: CpuDescription, path: Path) -> None:
    """Write the picture to a file. Raises UsageError."""
    with writing(path):
        path.write_text(area(cpu), encoding="utf-8")


STYLE: Final = """
svg { --page: #ffffff; --ink: #1b1f24; --dim: #57606a; --line: #ffffff;
  --legacy: #d5dbe3; --header: #b4bfcc; --user: #2563a8; --supervisor: #a8491c; --hole: #f1f3f5;
  --hole-line: #8c959f; --on-user: #ffffff; --on-supervisor: #ffffff; --warn: #9a3412;
  font: 13px system-ui, "Segoe UI", "DejaVu Sans", sans-serif; }
@media (prefers-color-scheme: dark) {
  svg { --page: #14181d; --ink: #e6edf3; --dim: #9aa6b2; --line: #14181d;
    --legacy: #3a434e; --header: #4d5966; --user: #6cb0f5; --supervisor: #f0a06a; --hole: #1d232a;
    --hole-line: #6e7985; --on-user: #0b1a2b; --on-supervisor: #2b1405; --warn: #ffb38a; } }
.page { fill: var(--page); }
text { fill: var(--ink); }
.title { font-size: 20px; font-weight: 600; }
.form { font-size: 15px; font-weight: 600; }
.use, .at { fill: var(--dim); font-size: 12px; }
.at { font-family: ui-monospace, "DejaVu Sans Mono", monospace; font-size: 11px; white-space: pre; }
.name { font-weight: 600; }
.size { font-variant-numeric: tabular-nums; }
.missing { fill: var(--warn); font-size: 12px; }
.box { stroke: var(--line); stroke-width: 1.5; }
.legacy { fill: var(--legacy); }
.header { fill: var(--header); }
.user { fill: var(--user); }
.supervisor { fill: var(--supervisor); }
.hole { fill: var(--hole); }
.box.hole { stroke: var(--hole-line); stroke-width: 1; stroke-dasharray: 4 3; }
.on-hole { fill: var(--dim); font-weight: 400; }
.on-user { fill: var(--on-user); }
.on-supervisor { fill: var(--on-supervisor); }
"""
