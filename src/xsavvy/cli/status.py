# SPDX-License-Identifier: Apache-2.0
"""What a verdict means to a shell."""

from __future__ import annotations

from collections.abc import Iterable

__all__ = ["FOUND", "HOLDS", "STOPPED", "USAGE", "of_verdicts"]

HOLDS, FOUND, USAGE, STOPPED = 0, 1, 2, 3


def of_verdicts(verdicts: Iterable[str], *, interrupted: bool = False) -> int:
    """Return the exit status for verdicts: what was found outweighs what is still open.

    >>> of_verdicts(["holds", "holds"]), of_verdicts(["holds", "incomplete"])
    (0, 3)
    >>> of_verdicts(["incomplete", "violated"])
    1
    """
    seen = set(verdicts)
    if interrupted:
        return STOPPED
    if "violated" in seen:
        return FOUND
    return STOPPED if "incomplete" in seen else HOLDS
