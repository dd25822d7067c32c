# SPDX-License-Identifier: Apache-2.0
"""Answers that were kept: the model is compared with them on any machine."""

from __future__ import annotations

import gzip
import hashlib
import json
from pathlib import Path

import pytest

from xsavvy.isa import masks
from xsavvy.live.campaign import conform_silicon
from xsavvy.live.capture import BadCapture
from xsavvy.live.case import encode
from xsavvy.live.generate import GENERATION, Generator
from xsavvy.live.host import Host
from xsavvy.live.predict import UNMODIFIED
from xsavvy.live.record import (
    Record,
    Recording,
    is_record,
    judge_record,
    read_record,
    replay_record,
    write_record,
)

# An EPYC of the Zen 4 generation in a virtual machine, Linux 6.18; 2,000 cases of seed 4.
ZEN4 = Path(__file__).parent / "record" / "zen4.jsonl"
# The first 200 cases that generation 1 draws for it with seed 4.
CASES_OF_GENERATION_1 = "634277496c84064c1b7b13ba64a704243df3e20c908155835c22c4840c5386a5"


def read(text: str) -> Record:
    """Read a record and all of its answers."""
    record = read_record(text.encode().splitlines(keepends=True))
    return Record(record.host, record.seed, tuple(record.answers))


@pytest.fixture(scope="module")
def zen4() -> Record:
    return read(ZEN4.read_text())


def test_the_model_predicts_what_zen_4_answered(zen4: Record) -> None:
    """All recorded answers of a Zen 4 are predicted; only the modified optimisation differs."""
    result = judge_record(zen4)
    assert result.unexplained == ()
    assert result.cases == 2000
    assert {one.why for one in result.explained} == {UNMODIFIED}
    assert result.met.cpu == "AMD EPYC (CPUID 1.EAX=0xa10f11), XCR0=0xe7"


def test_a_wrong_model_disagrees_with_the_record(
    zen4: Record, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With one rule replaced, recorded answers differ, and the result says in what."""
    monkeypatch.setattr(masks, "mxcsr_ok", lambda value, mask: 1)
    result = judge_record(zen4)
    assert len(result.unexplained) > 20
    assert result.unexplained[0].predicted.startswith("vector None")
    assert result.unexplained[0].seen.startswith("vector 13")


def test_the_generator_draws_what_it_drew(zen4: Record) -> None:
    """The cases of a seed stay the same, or GENERATION is raised and records are made again."""
    generator = Generator(zen4.host, zen4.seed)
    drawn = hashlib.sha256()
    for number in range(200):
        drawn.update(encode(generator.case(number)))
    assert GENERATION == 1
    assert drawn.hexdigest() == CASES_OF_GENERATION_1


def test_a_record_is_read_as_it_was_written(zen4: Record) -> None:
    """Reading and writing a record gives the same text."""
    assert write_record(zen4) == ZEN4.read_text()


@pytest.mark.silicon
@pytest.mark.parametrize("suffix", [".jsonl", ".jsonl.gz"])
def test_this_processor_can_be_recorded(host: Host, tmp_path: Path, suffix: str) -> None:
    """What this processor answers is judged from its record as it was when it answered, compressed or not."""
    del host
    path = tmp_path / f"mine{suffix}"
    with Recording(path, 6) as kept:
        asked = conform_silicon(300, seed=6, answered=kept.take)
    judged = replay_record(path)
    assert is_record(path)
    assert (judged.cases, judged.agree, judged.unexplained) == (300, asked.agree, ())
    assert [each.number for each in judged.explained] == [each.number for each in asked.explained]


def test_a_record_that_is_none_is_refused(zen4: Record) -> None:
    """Each way to spoil a record has its own message."""
    first, second = write_record(zen4).splitlines()[:2]
    header = json.loads(first)
    spoiled = {
        "": "the first line does not say so",
        "{}": "the first line does not say so",
        json.dumps({**header, "generation": 0}): "cases of generation 0; this version draws 1",
        json.dumps({**header, "cpuid": header["cpuid"][:3]}): "x87 and SSE cannot be requested",
        json.dumps({**header, "cpuid": 5}): "out of form",
        f"{first}\n[1]": "not enough values",
        f"{first}\n7": "out of form",
        f"{first}\n{second[:-1]}": "delimiter|Expecting",
    }
    for text, message in spoiled.items():
        with pytest.raises(ValueError, match=message):
            read(text)


def test_a_spoiled_line_is_named(zen4: Record, tmp_path: Path) -> None:
    """A file that breaks off, or has something else in a line, is one message with the line."""
    lines = write_record(zen4).splitlines(keepends=True)
    path = tmp_path / "spoiled.jsonl"
    for text, message in {
        "".join(lines[:5])
        + lines[5][:20]: r"spoiled.jsonl:6: a line out of form.*expected a recorded answer",
        lines[0]: "no answers; expected one in each line",
        lines[0] + "[" * 100_000: "spoiled.jsonl:2: ",
        lines[0].replace('"seed":4', '"seed":"x"'): "spoiled.jsonl:1: ",
    }.items():
        path.write_text(text)
        with pytest.raises(BadCapture, match=message):
            replay_record(path)
    packed = tmp_path / "cut.jsonl.gz"
    packed.write_bytes(gzip.compress("".join(lines).encode())[:-2000])
    with pytest.raises(BadCapture, match="expected a whole file"):
        replay_record(packed)
