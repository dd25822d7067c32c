# SPDX-License-Identifier: Apache-2.0
"""A matrix of verdicts as a picture: kinds of hosts down, guests across; one file without scripts (SVG).

A cell says its verdict by colour and by a sign, so that it can be read without colours, too.
"""

from __future__ import annotations

from collections.abc import Sequence
from xml.sax.saxutils import escape

__all__ = ["matrix_svg"]

CELL, TEXT, ROW = 26, 7.2, 18
COLOURS = ("#2e7d32", "#f9a825", "#c62828", "#6a1b9a")
SIGNS = ("\u2713", "?", "~", "\u2715")
WORDS = ("loads", "unknown", "loses", "refused")


def matrix_svg(
    rows: Sequence[str], heads: Sequence[str], codes: Sequence[Sequence[int]], title: str
) -> str:
    """Return the picture of a matrix of CODES; `rows` name kinds of hosts, `heads` guests.

    >>> matrix_svg(["genoa"], ["avx"], [[0]], "to genoa").count("<rect")
    6
    """
    left = round(12 + TEXT * max((len(name) for name in rows), default=0))
    top = round(58 + 0.75 * TEXT * max((len(name) for name in heads), default=0))
    width = max(left + CELL * len(heads) + 120, 470)
    height = top + ROW * len(rows) + 12
    size = f'viewBox="0 0 {width} {height}" width="{width}" height="{height}"'
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} font-family="sans-serif" font-size="12" role="img">',
        f"<title>{_words(title)}</title>",
        f'<rect width="{width}" height="{height}" fill="white"/>',
        f'<text x="10" y="18" font-weight="bold">{_words(title)}</text>',
    ]
    for place, word in enumerate(WORDS):
        parts.append(_cell(10 + 110 * place, 26, place))
        parts.append(f'<text x="{42 + 110 * place}" y="39">{word}</text>')
    for place, name in enumerate(heads):
        x = left + CELL * place + 14
        parts.append(
            f'<text transform="translate({x} {top - 6}) rotate(-45)">{_words(name)}</text>'
        )
    for row, name in enumerate(rows):
        y = top + ROW * row
        parts.append(f'<text x="{left - 6}" y="{y + 13}" text-anchor="end">{_words(name)}</text>')
        for column, code in enumerate(codes[row]):
            about = f"{name}, {heads[column]}: {WORDS[code]}"
            parts.append(_cell(left + CELL * column, y, code, about))
    return "\n".join([*parts, "</svg>", ""])


def _words(text: str) -> str:
    """Return text for XML, which has no control characters, however they are written."""
    return escape("".join(char if char.isprintable() else f"\\x{ord(char):02x}" for char in text))


def _cell(x: int, y: int, code: int, about: str = "") -> str:
    title = f"<title>{_words(about)}</title>" if about else ""
    return (
        f'<g>{title}<rect x="{x}" y="{y}" width="{CELL - 2}" height="{ROW - 2}" rx="2" fill="{COLOURS[code]}"/>'
        f'<text x="{x + CELL / 2 - 1}" y="{y + 12}" fill="white" text-anchor="middle">{SIGNS[code]}</text></g>'
    )
