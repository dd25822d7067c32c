# SPDX-License-Identifier: Apache-2.0
"""The one error that a caller's mistake becomes, and the hint that goes with a wrong name."""

import difflib
from collections.abc import Iterable

__all__ = ["UsageError", "nearest", "unknown"]


class UsageError(ValueError):
    """A wrong name, file or combination; the message is one line: what, where, what was expected."""


def unknown(kind: str, name: str, valid: Iterable[str]) -> UsageError:
    """Return the error for a name that does not exist, with the nearest that do.

    >>> str(unknown("scenario", "pkur", ("pkru", "xfd")))
    "no scenario 'pkur'; nearest: pkru"
    """
    return UsageError(f"no {kind} {name!r}; {nearest(name, valid)}")


def nearest(name: str, valid: Iterable[str]) -> str:
    """Return the names that come nearest to one, or all there are if none does."""
    names = list(valid)
    near = difflib.get_close_matches(name, names, n=3, cutoff=0.4)
    return f"nearest: {', '.join(near)}" if near else f"expected one of: {', '.join(names)}"
