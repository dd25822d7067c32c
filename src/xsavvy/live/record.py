# SPDX-License-Identifier: Apache-2.0
"""A processor's answers, kept: what it did once can be compared with the model anywhere.

A record is a text file of JSON lines. The first says who answered and which cases: a seed and a
number are enough, for the generator is reproducible. Each other line is an answer, its bytes as a
digest, so that a thousand answers take sixty kilobytes.
"""

from __future__ import annotations

import dataclasses
import json
import time
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any, Final

from xsavvy.cpuid.table import Leaf, Table
from xsavvy.live.answer import Answer, Difference
from xsavvy.live.conformance import Conformance, Explained, Met, Unexplained
from xsavvy.live.generate import GENERATION, Generator
from xsavvy.live.host import Host, describe, meet
from xsavvy.live.judge import judge
from xsavvy.live.machine.reach import Unreachable
from xsavvy.live.predict import Prediction
from xsavvy.live.silicon import Silicon

__all__ = ["Record", "judge_record", "read_record", "record_silicon", "write_record"]

_KIND: Final = "xsavvy record of silicon"
# What the model and the generator look at: features, leaf 0xD, PTWRITE, the name, address widths.
_LEAVES: Final = (0, 1, 7, 0xD, 0x14, 0x8000_0001, *range(0x8000_0002, 0x8000_0005), 0x8000_0008)
_FIELDS: Final = ("vector", "error", "cr2", "value", "xinuse_before", "xinuse_after")


@dataclass(frozen=True, slots=True)
class Record:
    """A processor's answers to the first cases of a seed; their bytes are digests."""

    host: Host
    seed: int
    answers: tuple[Answer, ...]


def record_silicon(cases: int, *, seed: int = 1) -> Record:
    """Ask this processor and keep its answers.

    Raises:
        Unreachable: this machine cannot be asked; the reason says why.
    """
    host = meet()
    generator, model = Generator(host, seed), Prediction(host)
    with Silicon(host) as silicon:
        answers = [
            _digested(judge(silicon, model, generator.case(number)).answer)
            for number in range(cases)
        ]
    return Record(host, seed, tuple(answers))


def judge_record(record: Record) -> Conformance:
    """Compare the model with recorded answers; nothing is executed here."""
    start = time.perf_counter()
    generator, model = Generator(record.host, record.seed), Prediction(record.host)
    explained: list[Explained] = []
    unexplained: list[Unexplained] = []
    for number, seen in enumerate(record.answers):
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
    done = len(record.answers)
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
    host = record.host
    table = host.table.selected(_LEAVES)
    first = {
        "kind": _KIND,
        "generation": GENERATION,
        "seed": record.seed,
        "kernel": host.kernel,
        "xcr0": host.xcr0,
        "mxcsr_mask": host.processor.mxcsr_mask,
        "linear_address_bits": host.processor.linear_address_bits,
        "cpuid": [[*key, *leaf] for key, leaf in table.items()],
    }
    rows = [
        [*(getattr(answer, name) for name in _FIELDS), answer.memory.hex()]
        for answer in record.answers
    ]
    return "".join(json.dumps(row, separators=(",", ":")) + "\n" for row in (first, *rows))


def read_record(text: str) -> Record:
    """Read what `write_record` wrote.

    Raises:
        ValueError: not such a text, or one whose cases this version would draw otherwise.
    """
    first, *rows = [json.loads(line) for line in text.splitlines()] or [None]
    if not isinstance(first, dict) or first.get("kind") != _KIND:
        raise ValueError("not a record of silicon: the first line does not say so")
    if first.get("generation") != GENERATION:
        raise ValueError(
            f"cases of generation {first.get('generation')}; this version draws {GENERATION}"
        )
    try:
        return Record(_host(first), first["seed"], tuple(map(_answer, rows)))
    except (KeyError, TypeError, IndexError, AttributeError) as error:
        raise ValueError(f"a record of silicon with a line out of form: {error!r}") from None
    except Unreachable as error:
        raise ValueError(error.reason) from None


def _host(first: dict[str, Any]) -> Host:
    return describe(
        Table({(row[0], row[1]): Leaf(*row[2:]) for row in first["cpuid"]}),
        first["xcr0"],
        first["mxcsr_mask"],
        first["linear_address_bits"],
        first["kernel"],
    )


def _answer(row: list[Any]) -> Answer:
    vector, error, cr2, value, before, after, digest = row
    return Answer(vector, error, cr2, value, before, after, bytes.fromhex(digest), b"")


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
