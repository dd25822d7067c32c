# SPDX-License-Identifier: Apache-2.0
"""Rewrite the pages of answers."""

from __future__ import annotations

import sys
from pathlib import Path

from . import ANSWERS, SLOW, TABLES
from .page import blocks, replaced
from .picture import PICTURES

DOCS = Path(__file__).parents[1]
OTHERS = {*SLOW, *TABLES}


def main(names: list[str]) -> None:
    """Rewrite the blocks of some answers, or of all; the tables that need no run and the pictures are always made."""
    for name, picture in PICTURES.items():
        (DOCS / "pictures" / name).write_text(picture())
    wanted = {name: ANSWERS[name] for name in names or ANSWERS if name not in OTHERS}
    tables = {**TABLES, **{name: SLOW[name] for name in names if name in SLOW}}
    made = {**blocks(wanted), **{name: block() for name, block in tables.items()}}
    for page in sorted(DOCS.rglob("*.md")):
        text = page.read_text()
        new = replaced(text, made)
        if new != text:
            page.write_text(new)
            sys.stderr.write(f"{page.name}\n")


if __name__ == "__main__":
    main(sys.argv[1:])
