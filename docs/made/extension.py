# SPDX-License-Identifier: Apache-2.0
"""The Sphinx extension: a line `<!-- made: NAME -->` of a page becomes what `MADE[NAME]()` writes.

A site in HTML gets a trace's own page too, which is none of Sphinx (`tracepage`).
"""

from __future__ import annotations

import re
from pathlib import Path

from sphinx.application import Sphinx
from sphinx.errors import SphinxError

__all__ = ["setup"]

MARK = re.compile(r"^<!-- made: (?P<name>\S+) -->$", re.MULTILINE)


def fill(text: str) -> str:
    """Return a page with its marks replaced. Raises SphinxError for a name that nothing makes."""
    from docs.made import MADE

    def made(mark: re.Match[str]) -> str:
        if mark["name"] not in MADE:
            raise SphinxError(f"nothing makes {mark['name']!r}; there are {', '.join(MADE)}")
        return MADE[mark["name"]]()

    return MARK.sub(made, text)


def _read(_app: Sphinx, _page: str, content: list[str]) -> None:
    content[0] = fill(content[0])


def _finish(app: Sphinx, failed: Exception | None) -> None:
    if failed is None and app.builder.format == "html":
        from docs.made.tracepage import write_page

        write_page(Path(app.outdir))


def _sign(
    _app: Sphinx,
    _what: str,
    _name: str,
    _item: object,
    _options: object,
    sign: str | None,
    gives: str | None,
) -> tuple[str | None, str | None]:
    """Write a default that a factory makes as `...`, since `<factory>` is no Python."""
    return (sign and sign.replace("<factory>", "...")), gives


def setup(app: Sphinx) -> dict[str, bool]:
    """Connect to Sphinx; nothing is kept between pages, so they may be read in parallel."""
    app.connect("source-read", _read)
    app.connect("build-finished", _finish)
    app.connect("autodoc-process-signature", _sign)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
