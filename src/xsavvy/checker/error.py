# SPDX-License-Identifier: Apache-2.0
"""What can be wrong with a model, with an edit of it, or with the checker itself.

Every message names what was asked and, where a name is wrong, the nearest valid one.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class CheckerError(Exception):
    """Root of everything the checker raises on purpose."""


class ModelError(CheckerError):
    """The model is wrong: an illegal value, an unknown name, an impossible context."""


class DialectError(ModelError):
    """A step function leaves the dialect; the message starts with `file:line:`."""


class EditError(CheckerError):
    """An edit of a program names something that is not there (or is there already)."""


class ResourceError(CheckerError):
    """A search lacks what it needs: memory, a compiler, a checkpoint that fits."""


class EngineError(CheckerError):
    """Two engines disagree: a bug of the checker, never of the model."""


def nearest(name: str, valid: Iterable[str]) -> str:
    """Say which valid names are nearest to a wrong one.

    >>> nearest("load_xrc0", ["load_xcr0", "enter", "leave"])
    'nearest: load_xcr0'
    >>> nearest("qqq", ["enter", "leave"])
    'valid: enter, leave'
    >>> nearest("qqq", [])
    'there are none'
    """
    names = list(dict.fromkeys(valid))
    close = difflib.get_close_matches(name, names, n=3, cutoff=0.5)
    if close:
        return "nearest: " + ", ".join(close)
    if not names:
        return "there are none"
    shown = ", ".join(names[:8])
    return f"valid: {shown}" + (", ..." if len(names) > 8 else "")
