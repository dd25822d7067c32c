# SPDX-License-Identifier: Apache-2.0
"""The sheet that pictures of cost are drawn on: its colors, which follow the reader's light or dark scheme.

The background is painted, so that the ink is readable on it wherever the picture is shown. Colors are written out
rather than named by variables, which not every program that shows SVG knows.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from xsavvy.report.text import in_xml

__all__ = ["COLORS", "REFUTED", "sheet"]

LIGHT: Final = ("#1565c0", "#2e7d32", "#b45309", "#6a1b9a", "#00707a", "#5d4037", "#c62828")
DARK: Final = ("#6cb0f5", "#7ccf83", "#f0a95a", "#c99cf0", "#4fd1dd", "#c9a99b", "#ff8a80")
COLORS: Final = tuple(f"c{at}" for at in range(len(LIGHT) - 1))
"""Classes of the lines; a class colors what is inside an element that has it."""
REFUTED: Final = "bad"
"""The class of what the checker refutes; a cross is beside it, so that it can be told without colors, too."""
_INK: Final = {
    "page": ("#ffffff", "#14181d"),
    "ink": ("#1b1f24", "#e6edf3"),
    "frame": ("#b0b7bf", "#4d5966"),
    "tick": ("#57606a", "#9aa6b2"),
    "pays": ("#9e9e9e", "#8a929b"),
}


def sheet(title: str, body: Sequence[str], width: int, height: int, head: str = "") -> str:
    """Return a whole picture; `head` is written at the top, `title` is for those who cannot see it."""
    size = f'viewBox="0 0 {width} {height}" width="{width}" height="{height}"'
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} font-family="sans-serif" font-size="12" role="img">',
        f"<title>{in_xml(title)}</title>",
        "<style>",
        *_rules(0),
        "@media (prefers-color-scheme: dark) {",
        *_rules(1),
        "}",
        ".band { fill-opacity: 0.16; } .pays { fill-opacity: 0.22; } .curve { stroke-width: 2; fill: none; }",
        "</style>",
        f'<rect width="{width}" height="{height}" class="page"/>',
        *([f'<text x="10" y="18">{in_xml(head)}</text>'] if head else []),
    ]
    return "\n".join([*lines, *body, "</svg>", ""])


def _rules(scheme: int) -> Iterator[str]:
    ink = {name: colors[scheme] for name, colors in _INK.items()}
    yield f".page {{ fill: {ink['page']}; }} text {{ fill: {ink['ink']}; }}"
    yield f".frame {{ stroke: {ink['frame']}; fill: none; }} .tick {{ stroke: {ink['tick']}; }}"
    yield f".pays {{ fill: {ink['pays']}; }}"
    for name, color in zip((*COLORS, REFUTED), (LIGHT, DARK)[scheme], strict=True):
        yield f".{name} text, .{name} .band, .{name} .bar {{ fill: {color}; }} .{name} .curve {{ stroke: {color}; }}"
