# SPDX-License-Identifier: Apache-2.0
"""The keys of the explorer, as its own help lists them."""

from __future__ import annotations

from xsavvy.report.page.explorer import KEYS

__all__ = ["keys_block"]


def keys_block() -> str:
    """Return a table of keys and what they do."""
    rows = (
        f"| {' '.join(key if key == '…' else f'`{key}`' for key in keys)} | {meaning} |"
        for keys, meaning in KEYS
    )
    return "\n".join(["| key | what it does |", "|---|---|", *rows])
