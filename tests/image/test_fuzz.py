# SPDX-License-Identifier: Apache-2.0
"""Images that nobody should have sent: a result or one clear line, never a crash, a hang, or a lot of memory.

`XSAVVY_FUZZ=10000` asks for as many; by default there are fewer.
"""

from __future__ import annotations

import io
import os
import random
import tracemalloc
from collections import Counter
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.image.core import KNOWN, PART, elf, note, prstatus
from tests.image.mutate import corpus, mutated
from xsavvy.image.convert import Refused, Target, convert
from xsavvy.image.difference import Side, differences
from xsavvy.image.file import Kind, Saved, UnreadableImage, read, read_bytes
from xsavvy.image.load import would_load
from xsavvy.image.recover import recover
from xsavvy.image.view import view
from xsavvy.isa import Instruction
from xsavvy.isa.control import Control
from xsavvy.kvm import kernel
from xsavvy.kvm.verdict import would_set

CASES = int(os.environ.get("XSAVVY_FUZZ", "400"))
BATCHES = 4
AREAS = 3
"""Areas of a file that are looked at: threads of one core are alike."""
KERNEL = kernel("v6.18")


def asked_everything(saved: Saved) -> None:
    """Show, judge, convert and compare an image; only a conversion may refuse."""
    recovered = recover(saved, known=KNOWN)
    found = view(saved, recovered, "f32")
    assert all(part.state for part in found.parts)
    for cpu in ("genoa", "sapphire-rapids"):
        part = PART[cpu]
        control = Control(part.xcr0_supported, part.xss_supported)
        for judge in (Instruction.XRSTOR, Instruction.XRSTORS):
            verdict = would_load(saved, recovered, part, control, judge)
            assert verdict.accepts or verdict.why
        would_set(KERNEL, saved, recovered, part)
        with suppress(Refused):
            done = convert(saved, recovered, Target(part, compacted=saved.header.compacted == 0))
            assert len(done.area) <= 1 << 16
    side = Side(saved, recovered)
    assert all(each.note for each in differences(side, side))


def told(data: bytes, kind: Kind | None = None) -> str:
    """Read what is damaged, and say how it ended."""
    try:
        areas = read_bytes(data, "fuzzed", kind)
    except UnreadableImage as error:
        message = str(error)
        assert message.isprintable()
        assert len(message) < 400
        return "refused"
    for saved in areas[:AREAS]:
        asked_everything(saved)
    return "read"


@pytest.mark.parametrize("batch", range(BATCHES))
def test_mutated_images(batch: int) -> None:
    """Each of many damaged images of every kind gives a result or one printable line."""
    rng = random.Random(batch)
    ends = Counter(told(mutated(rng)) for _ in range(CASES // BATCHES))
    assert set(ends) == {"read", "refused"}


@given(st.integers(0, 1 << 64), st.sampled_from([None, *Kind]))
def test_mutated_images_in_the_hands_of_hypothesis(seed: int, kind: Kind | None) -> None:
    """Damaged images are safe with every forced reader, too."""
    told(mutated(random.Random(seed)), kind)


@given(st.binary(max_size=700), st.sampled_from([None, *Kind]))
def test_any_bytes(data: bytes, kind: Kind | None) -> None:
    """Bytes that were never an image are refused, or are an area."""
    told(data, kind)


def test_the_corpus_is_sound() -> None:
    """Every image of the corpus is read before it is damaged."""
    assert {told(data) for data in corpus()} == {"read"}


HUGE = 0xFFFF_FFF0


def _sized_note(name_size: int, data_size: int) -> bytes:
    return name_size.to_bytes(4, "little") + data_size.to_bytes(4, "little") + bytes(4)


@pytest.mark.parametrize(
    "data",
    [
        elf([_sized_note(HUGE, 0)]),
        elf([_sized_note(4, HUGE)]),
        elf([note(b"CORE", 1, prstatus(1))] * 2000 + [note(b"LINUX", 0x202, bytes(832))]),
        elf([note(b"LINUX", 0x202, bytes(1 << 17))]),
        elf([bytes(12)] * 100_000),
        bytes(1 << 20),
        b'{"magic": "CORE", "entries": [' + b'{"a": [' * 100_000,
    ],
    ids=["name", "data", "threads", "area", "notes", "raw", "nesting"],
)
def test_memory_is_bounded(data: bytes) -> None:
    """Sizes and counts that a file claims do not become memory."""
    tracemalloc.start()
    try:
        told(data)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 32 << 20


class Narrow(io.BytesIO):
    """A file that remembers how far it was read."""

    furthest = 0

    def read(self, size: int | None = -1, /) -> bytes:
        """Read, and note how much was asked for at once."""
        assert size is not None
        assert 0 <= size <= 8 << 20
        data = super().read(size)
        self.furthest = max(self.furthest, self.tell())
        return data


def test_memory_of_a_core_is_not_read() -> None:
    """Of a core only headers and notes are read, however large the rest is."""
    whole = elf([note(b"LINUX", 0x202, bytes(832))])
    file = Narrow(whole + bytes(4 << 20))
    assert len(read(file, "a.core")) == 1
    assert file.furthest <= len(whole) + 64
