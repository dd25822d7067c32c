# SPDX-License-Identifier: Apache-2.0
"""Rewrite the pages of answers, and what the README repeats of them."""

from __future__ import annotations

import sys
from pathlib import Path

from . import ANSWERS
from .page import blocks, replaced

DOCS = Path(__file__).parents[1]


def main(names: list[str]) -> None:
    """Rewrite the blocks of some answers, or of all."""
    wanted = {name: ANSWERS[name] for name in names or ANSWERS}
    made = blocks(wanted)
    pages = {DOCS / answer.page for answer in wanted.values()}
    for page in (*sorted(pages), DOCS.parent / "README.md"):
        page.write_text(replaced(page.read_text(), made))
        sys.stderr.write(f"{page.name}\n")


main(sys.argv[1:])
