# SPDX-License-Identifier: Apache-2.0
"""Where a function of the model stands in this package's source."""

from collections.abc import Callable
from inspect import unwrap
from pathlib import Path
from typing import Any

import xsavvy

__all__ = ["place_of"]

PACKAGE = Path(xsavvy.__file__).parent.parent


def place_of(effect: Callable[..., Any]) -> str:
    """Return where a function of this package stands, `file:line`; a user's own file stays unnamed."""
    code = unwrap(effect).__code__
    try:
        return f"{Path(code.co_filename).relative_to(PACKAGE).as_posix()}:{code.co_firstlineno}"
    except ValueError:
        return ""
