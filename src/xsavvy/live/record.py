# SPDX-License-Identifier: Apache-2.0
"""A processor's answers, kept: what it did once can be compared with the model anywhere.

A record is a text file of JSON lines. The first says who answered and which cases: a seed and a
number are enough, for the generator is reproducible. Each other line is an answer, its bytes as a
digest, so that a thousand answers take sixty kilobytes.
"""

from __future__ import annotations

import dataclasses
import gzip
import json
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Any, BinaryIO, Final, Self, cast

from xsavvy.cpuid.table import Leaf, Table
from xsavvy.live.answer import Answer, Difference
from xsavvy.live.campaign import MOST_WRONG
from xsavvy.live.capture import BadCapture, begins_with, lines_of
from xsavvy.live.conformance import Conformance, Explained, Met, Unexplained
from xsavvy.live.generate import GENERATION, Generator
from xsavvy.live.host import Host, describe, meet
from xsavvy.live.machine.reach import Unreachable
from xsavvy.live.predict import Prediction

__all__ = [
    "Record",
    "Recording",
    "is_record",
    "judge_record",
    "read_record",
    "replay_record",
    "write_record",
]

_KIND: Final = "xsavvy record of silicon"
# What the model and the generator look at: features, leaf 0xD, PTWRITE, the name, address widths.
_LEAVES: Final = (0, 1, 7, 0xD, 0x14, 0x8000_0001, *range(0x8000_0002, 0x8000_0005), 0x8000_0008)
_LIMIT: Final = 4 << 30
_WRONG: Final = (AttributeError, IndexError, KeyError, OverflowError, TypeError, ValueError)
_FIELDS: Final = ("vector", "error", "cr2", "value", "xinuse_before", "xinuse_after")


@dataclass(frozen=True, slots=True)
class Record:
    """A processor's answers to the first cases of a seed; their bytes are digests."""

    host: Host
    seed: int
    answers: Iterable[Answer]


class Recording:
    """A file that takes a processor's answers as they come, compressed if its name ends in .gz; a context manager.

    Raises OSError where the file cannot be written, Unreachable where this processor cannot be asked.
    """

    def __init__(self, path: Path, seed: int) -> None:
        first = _line(_first(meet(), seed))
        opened = gzip.open if path.suffix == ".gz" else open
        self._file = cast(BinaryIO, opened(path, "wb"))
        self._file.write(first)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def take(self, answer: Answer) -> None:
        """Write the answer to the next case."""
        self._file.write(_line(_row(_digested(answer))))


def is_record(path: Path) -> bool:
    """Tell whether a file begins as a record does. Raises OSError."""
    return begins_with(path, _KIND)


def replay_record(path: Path) -> Conformance:
    """Judge a file of recorded answers, one line in memory at a time. Raises BadCapture, OSError."""
    lines = lines_of(path, _LIMIT)
    try:
        record = read_record(lines)
    except ValueError as error:
        raise BadCapture(f"{path}:1: {error}") from None
    return judge_record(Record(record.host, record.seed, _placed(path, record.answers)))


def _placed(path: Path, answers: Iterable[Answer]) -> Iterator[Answer]:
    """Give answers; a line that is none is told with its number."""
    rest, number = iter(answers), 1
    while True:
        number += 1
        try:
            yield next(rest)
        except StopIteration:
            break
        except BadCapture:
            raise
        except ValueError as error:
            raise BadCapture(f"{path}:{number}: {error}; expected a recorded answer") from None
    if number == 2:
        raise BadCapture(f"{path}: no answers; expected one in each line after the first")


def judge_record(record: Record) -> Conformance:
    """Compare the model with recorded answers; nothing is executed here."""
    start = time.perf_counter()
    generator, model = Generator(record.host, record.seed), Prediction(record.host)
    done = 0
    explained: list[Explained] = []
    unexplained: list[Unexplained] = []
    for number, seen in enumerate(record.answers):
        done = number + 1
        case = generator.case(number)
        predicted = _digested(model.predict(case, seen))
        if predicted == seen:
            continue
        whys = (why for why, other in model.allowed(case, seen) if _digested(other) == seen)
        why = next(whys, "")
        if why:
            light = dataclasses.replace(case, setup=b"", memory=b"")
            explained.append(Explained(light, why, number))
        else:
            unexplained.append(Unexplained(case, _differences(predicted, seen), number))
            if len(unexplained) == MOST_WRONG:
                break
    return Conformance(
        oracle="recorded silicon",
        met=Met(cpu=record.host.met, kernel=record.host.kernel),
        cases=done,
        agree=done - len(explained) - len(unexplained),
        explained=tuple(explained),
        unexplained=tuple(unexplained),
        facts=(),
        unreached=record.host.unreached,
        seed=record.seed,
        reruns=0,
        seconds=time.perf_counter() - start,
    )


def write_record(record: Record) -> str:
    """Write a record as JSON lines."""
    rows = (_first(record.host, record.seed), *map(_row, record.answers))
    return b"".join(map(_line, rows)).decode()


def _line(row: object) -> bytes:
    return json.dumps(row, separators=(",", ":")).encode() + b"\n"


def _first(host: Host, seed: int) -> dict[str, Any]:
    return {
        "kind": _KIND,
        "generation": GENERATION,
        "seed": seed,
        "kernel": host.kernel,
        "xcr0": host.xcr0,
        "mxcsr_mask": host.processor.mxcsr_mask,
        "linear_address_bits": host.processor.linear_address_bits,
        "cpuid": [[*key, *leaf] for key, leaf in host.table.selected(_LEAVES).items()],
    }


def _row(answer: Answer) -> list[Any]:
    return [*(getattr(answer, name) for name in _FIELDS), answer.memory.hex()]


def read_record(lines: Iterable[bytes]) -> Record:
    """Read the lines that `write_record` or a `Recording` wrote; answers are read when they are asked for.

    Raises:
        ValueError: no such lines, or one whose cases this version would draw otherwise; for a line with an answer that
            is out of form, when it is reached.
    """
    rest = iter(lines)
    first = _plain(next(rest, b"null"))
    if not isinstance(first, dict) or first.get("kind") != _KIND:
        raise ValueError("not a record of silicon: the first line does not say so")
    if first.get("generation") != GENERATION:
        raise ValueError(
            f"cases of generation {first.get('generation')}; this version draws {GENERATION}"
        )
    try:
        return Record(_host(first), int(first["seed"]), map(_answer, rest))
    except _WRONG as error:
        raise ValueError(f"a record of silicon with a line out of form: {error!r}") from None
    except Unreachable as error:
        raise ValueError(error.reason) from None


def _plain(line: bytes) -> Any:
    try:
        return json.loads(line)
    except (RecursionError, UnicodeDecodeError) as error:
        raise ValueError(f"no JSON: {error}") from None


def _host(first: dict[str, Any]) -> Host:
    return describe(
        Table({(row[0], row[1]): Leaf(*row[2:]) for row in first["cpuid"]}),
        first["xcr0"],
        first["mxcsr_mask"],
        first["linear_address_bits"],
        first["kernel"],
    )


def _answer(line: bytes) -> Answer:
    try:
        vector, error, cr2, value, before, after, digest = _plain(line)
        return Answer(vector, error, cr2, value, before, after, bytes.fromhex(digest), b"")
    except _WRONG as wrong:
        raise ValueError(f"a line out of form: {wrong}") from None


def _digested(answer: Answer) -> Answer:
    """Replace an answer's bytes by their digest."""
    digest = blake2b(answer.memory + answer.after, digest_size=8).digest()
    return dataclasses.replace(answer, memory=digest, after=b"")


def _differences(predicted: Answer, seen: Answer) -> tuple[Difference, ...]:
    pairs = {name: (getattr(predicted, name), getattr(seen, name)) for name in _FIELDS}
    pairs["digest of memory and state"] = (predicted.memory.hex(), seen.memory.hex())
    return tuple(
        Difference(name.replace("_", " "), str(one), str(other))
        for name, (one, other) in pairs.items()
        if one != other
    )
