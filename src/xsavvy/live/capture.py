# SPDX-License-Identifier: Apache-2.0
"""Files with kept answers, of whatever oracle: JSON lines, compressed with gzip or not, and hostile like any file."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Final, cast

__all__ = ["BadCapture", "begins_with", "lines_of"]

LONGEST: Final = 1 << 20
"""Bytes of a line; those that are written have some ten thousands."""


class BadCapture(ValueError):
    """A file that is no capture, or whose answers do not fit the questions; one line: file, line, what was expected."""


def begins_with(path: Path, kind: str) -> bool:
    """Tell whether a file's first line names a kind of capture. Raises OSError."""
    with _opened(path) as file:
        try:
            return kind.encode() in file.readline(1 << 16)
        except (OSError, EOFError, zlib.error):
            return False


def lines_of(path: Path, limit: int) -> Iterator[bytes]:
    """Give the lines of a capture of at most so many bytes, one in memory at a time. Raises BadCapture, OSError."""
    left = limit
    try:
        with _opened(path) as file:
            while line := file.readline(LONGEST + 1):
                left -= len(line)
                if len(line) > LONGEST or left < 0:
                    raise BadCapture(
                        f"{path}: expected at most {limit} bytes in lines of at most {LONGEST}"
                    )
                yield line
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise BadCapture(f"{path}: {error}; expected a whole file, compressed or not") from None


def _opened(path: Path) -> BinaryIO:
    with path.open("rb") as file:
        packed = file.read(2) == b"\x1f\x8b"
    return cast(BinaryIO, gzip.open(path, "rb")) if packed else path.open("rb")
