# SPDX-License-Identifier: Apache-2.0
"""Files that a caller names: how much of one is read, and one wording for what cannot be read or written."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from xsavvy.cpuid.presets import PRESETS

from .usage import UsageError, unknown

__all__ = ["LIMIT", "dump_bytes", "file_bytes", "reading", "writing"]

LIMIT = 8 << 20


@contextmanager
def reading(name: str | Path) -> Iterator[None]:
    """Read a file within. Raises UsageError, `NAME: cannot be read: REASON`, for what the system refuses."""
    try:
        yield
    except OSError as error:
        raise UsageError(f"{name}: cannot be read: {error.strerror or error}") from None


@contextmanager
def writing(name: str | Path) -> Iterator[None]:
    """Write a file within. Raises UsageError, `NAME: cannot be written: REASON`, for what the system refuses.

    The system does not name the file whose disk is full, so the name has to come from here.
    """
    try:
        yield
    except OSError as error:
        raise UsageError(f"{name}: cannot be written: {error.strerror or error}") from None


def file_bytes(name: str | Path, limit: int = LIMIT) -> bytes:
    """Return what a file or standard input (`-`) holds, at most one byte more than a limit. Raises UsageError.

    That byte tells the caller that there is more; an endless file is never read to its end.
    """
    with reading("<stdin>" if str(name) == "-" else name):
        if str(name) == "-":
            return sys.stdin.buffer.read(limit + 1)
        with Path(name).open("rb") as file:
            return file.read(limit + 1)


def dump_bytes(name: str, kind: str) -> bytes:
    """Return the bytes of a CPUID dump; `kind` is what messages call it, such as "host". Raises UsageError."""
    # Path.exists() raises for a name that is too long.
    if name != "-" and not os.path.exists(name):
        raise unknown(f"{kind} (preset, or file with a CPUID dump)", name, PRESETS)
    return file_bytes(name)
