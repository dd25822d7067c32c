# SPDX-License-Identifier: Apache-2.0
"""What keeps this process from asking the processor: one error, one reason each."""

from __future__ import annotations

import platform
import sys

__all__ = ["Unreachable", "require_x86_64"]


class Unreachable(Exception):
    """Say why this machine cannot be asked; `reason` is one line without a full stop."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def require_x86_64() -> None:
    """Raise `Unreachable` unless this is 64-bit Python on x86-64 Linux.

    The machine code in this room is 64-bit, and its fault handler reads the signal frame that
    Linux builds.
    """
    machine = platform.machine()
    if machine not in ("x86_64", "AMD64"):
        raise Unreachable(f"not x86-64: {machine or 'unknown machine'}")
    if sys.maxsize < 2**32:
        raise Unreachable("not x86-64: this Python is a 32-bit process")
    if not sys.platform.startswith("linux"):
        raise Unreachable(f"not Linux: {sys.platform}")
