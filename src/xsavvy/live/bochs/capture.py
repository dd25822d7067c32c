# SPDX-License-Identifier: Apache-2.0
"""Cases and answers kept in a file, so that who has no Bochs can judge them again.

JSON lines, compressed with gzip: the first says what it is; then come a processor's description, before its first case,
and cases with their answers. Memory that did not change is left out of the answer.
"""

from __future__ import annotations

import gzip
import json
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, BinaryIO, Final, Self, cast

from xsavvy.live.capture import BadCapture, begins_with, lines_of

from .case import BochsCase, Reply, case_from_plain, written
from .conform import BochsConformance, Taken, result
from .part import Part

__all__ = ["Capture", "is_capture", "replay_capture"]

KIND: Final = "xsavvy-bochs-capture"
LIMIT: Final = 4 << 30
_WRONG: Final = (AttributeError, LookupError, RecursionError, TypeError, ValueError, OverflowError)


class Capture:
    """A file that takes cases and answers as they come; a context manager. Raises OSError."""

    def __init__(self, path: Path, seed: int) -> None:
        self._file = cast(BinaryIO, gzip.open(path, "wb", compresslevel=6))  # noqa: SIM115
        self._parts: set[str] = set()
        self._write({"kind": KIND, "seed": seed})

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def take(self, one: Taken) -> None:
        """Write one case and its answer, and before its first who was asked."""
        if one.part.model not in self._parts:
            self._parts.add(one.part.model)
            self._write(written(one.part))
        reply = one.reply.to_plain()
        if one.reply.answer.memory == one.case.memory:
            del reply["answer"]["memory"]
        self._write([one.part.model, written(one.case), reply])

    def _write(self, line: object) -> None:
        self._file.write(json.dumps(line, separators=(",", ":")).encode() + b"\n")


def is_capture(path: Path) -> bool:
    """Tell whether a file begins as a capture does. Raises OSError."""
    return begins_with(path, KIND)


def replay_capture(path: Path) -> BochsConformance:
    """Judge kept answers again, by the rules as they are now. Raises BadCapture, OSError."""
    began = time.perf_counter()
    lines = lines_of(path, LIMIT)
    try:
        seed = int(json.loads(next(lines, b"null"))["seed"])
    except (LookupError, RecursionError, TypeError, ValueError) as error:
        raise BadCapture(f"{path}:1: {error}; expected the head of a capture") from None
    return result("bochs (replayed)", _taken(path, lines), seed, began)


def _taken(path: Path, lines: Iterable[bytes]) -> Iterator[Taken]:
    parts: dict[str, Part] = {}
    for number, line in enumerate(lines, 2):
        try:
            found = json.loads(line)
            if isinstance(found, dict):
                part = _part(found)
                parts[part.model] = part
                continue
            one = _one(parts, *found)
        except _WRONG as error:
            raise BadCapture(
                f"{path}:{number}: {error}; expected a case and its answer as JSON"
            ) from None
        yield one


def _one(
    parts: dict[str, Part], model: str, asked: dict[str, Any], answered: dict[str, Any]
) -> Taken:
    case = case_from_plain(asked)
    answered["answer"].setdefault("memory", case.memory.hex())
    _fits(parts[model], case)
    return Taken(parts[model], case, Reply.from_plain(answered))


def _fits(part: Part, case: BochsCase) -> None:
    if len(case.setup) != part.image_bytes or (case.has_operand and len(case.memory) < 576):
        raise ValueError(f"images of {len(case.setup)} and {len(case.memory)} bytes")


def _part(plain: dict[str, Any]) -> Part:
    leaves = tuple(tuple(int(each) for each in leaf) for leaf in plain["leaves"])
    part = Part(str(plain["version"]), str(plain["model"]), leaves)
    if not part.image_bytes:
        raise ValueError("a processor without state")
    return part
