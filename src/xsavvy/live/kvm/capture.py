# SPDX-License-Identifier: Apache-2.0
"""Answers kept in a file, so that one person's machine becomes everybody's test.

JSON lines, which may be compressed with gzip: the first says what it is and how the questions were chosen, each other
one holds calls and answers.
"""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO, cast

from .conform import KvmConformance, judge

__all__ = ["BadCapture", "is_capture", "replay_capture", "write_capture"]

KIND = "xsavvy-kvm-capture"
LIMIT = 256 << 20
MOST = 100_000


class BadCapture(ValueError):
    """A file that is no capture, or whose answers do not fit the questions; one line: file, line, what was expected."""


def write_capture(
    path: Path, oracle: str, seed: int, images: int, masks: int, taken: list[Any]
) -> None:
    """Write what was asked and answered. Raises OSError."""
    head = {"kind": KIND, "oracle": oracle, "seed": seed, "images": images, "masks": masks}
    with path.open("w") as file:
        for line in (head, *taken):
            file.write(json.dumps(line, separators=(",", ":")) + "\n")


def is_capture(path: Path) -> bool:
    """Tell whether a file begins as a capture does. Raises OSError."""
    with _opened(path) as file:
        try:
            return KIND.encode() in file.readline(4096)
        except (OSError, EOFError, zlib.error):
            return False


def replay_capture(path: Path) -> KvmConformance:
    """Judge kept answers again, by the rules as they are now. Raises BadCapture, OSError."""
    head, answers = _read(path)

    def ask(calls: list[list[Any]]) -> list[Any]:
        key = json.dumps(calls)
        if key not in answers:
            raise BadCapture(f"{path}: a question has no answer there: expected {key[:80]}")
        return answers[key]

    try:
        return judge(
            f"{head['oracle']} (replayed)",
            ask,
            int(head["seed"]),
            images=int(head["images"]),
            masks=int(head["masks"]),
        )
    except BadCapture:
        raise
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        raise BadCapture(f"{path}: answers of another form than the questions: {error}") from None


def _opened(path: Path) -> BinaryIO:
    with path.open("rb") as file:
        packed = file.read(2) == b"\x1f\x8b"
    return cast(BinaryIO, gzip.open(path, "rb")) if packed else path.open("rb")


def _lines(path: Path) -> Iterator[bytes]:
    """Give the lines of a capture, of which there is a bounded number of bytes. Raises BadCapture."""
    left = LIMIT
    try:
        with _opened(path) as file:
            while line := file.readline(left + 1):
                left -= len(line)
                if left < 0:
                    raise BadCapture(f"{path}: more than {LIMIT} bytes, expected some megabytes")
                yield line
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise BadCapture(f"{path}: {error}; expected a whole file, compressed or not") from None


def _read(path: Path) -> tuple[dict[str, Any], dict[str, list[Any]]]:
    head: dict[str, Any] = {}
    answers: dict[str, list[Any]] = {}
    for number, line in enumerate(_lines(path), 1):
        try:
            found = json.loads(line)
            if number == 1:
                head = _head(found)
            else:
                calls, results = found
                answers[json.dumps(calls)] = list(results)
        except (ValueError, TypeError, RecursionError) as error:
            if isinstance(error, BadCapture):
                raise
            raise BadCapture(
                f"{path}:{number}: {error}; expected calls and answers as JSON"
            ) from None
    return head, answers


def _head(found: Any) -> dict[str, Any]:
    head = dict(found)
    missing = {"kind", "oracle", "seed", "images", "masks"} - set(head)
    if missing or head["kind"] != KIND or max(head["images"], head["masks"]) > MOST:
        raise ValueError("not the head of a capture")
    return head
