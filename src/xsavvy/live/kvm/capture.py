# SPDX-License-Identifier: Apache-2.0
"""Answers kept in a file, so that one person's machine becomes everybody's test.

JSON lines, which may be compressed with gzip: the first says what it is and how the questions were chosen, each other
one holds calls and answers.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from xsavvy.live.capture import BadCapture, begins_with, lines_of

from .conform import KvmConformance, judge

__all__ = ["is_capture", "replay_capture", "write_capture"]

KIND = "xsavvy-kvm-capture"
LIMIT = 256 << 20
MOST = 100_000


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
    return begins_with(path, KIND)


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


def _read(path: Path) -> tuple[dict[str, Any], dict[str, list[Any]]]:
    head: dict[str, Any] = {}
    answers: dict[str, list[Any]] = {}
    for number, line in enumerate(lines_of(path, LIMIT), 1):
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
