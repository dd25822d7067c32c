# SPDX-License-Identifier: Apache-2.0
"""The one error that a caller's mistake becomes, and the hint that goes with a wrong name."""

import difflib
from collections.abc import Iterable

__all__ = ["UsageError", "nearest", "unknown"]

LONGEST = 80
"""Characters of a wrong name that are shown."""
MOST = 30
"""Names that are shown where none comes near."""


class UsageError(ValueError):
    """A wrong name, file or combination; the message is one line: what, where, what was expected."""


def unknown(kind: str, name: str, valid: Iterable[str]) -> UsageError:
    """Return the error for a name that does not exist, with the nearest that do.

    >>> str(unknown("scenario", "pkur", ("pkru", "xfd")))
    "no scenario 'pkur'; nearest: pkru"
    """
    shown = name if len(name) <= LONGEST else f"{name[:LONGEST]}..."
    return UsageError(f"no {kind} {shown!r}; {nearest(shown, valid)}")


def nearest(name: str, valid: Iterable[str]) -> str:
    """Return the names that come nearest to one, or those there are if none does."""
    names = list(valid)
    near = difflib.get_close_matches(name, names, n=3, cutoff=0.4)
    if near:
        return f"nearest: {', '.join(near)}"
    if not names:
        return "there is none"
    more = f" and {len(names) - MOST} more" if len(names) > MOST else ""
    return f"expected one of: {', '.join(names[:MOST])}{more}"
