# SPDX-License-Identifier: Apache-2.0
"""Mutated dumps of every format: a result or one clear line, whatever was changed."""

from __future__ import annotations

import random

import pytest

from tests.cpuid import sample
from xsavvy.cpuid.describe import describe
from xsavvy.cpuid.dump import UnreadableDump, read_all
from xsavvy.cpuid.table import Table

ROUNDS = 120
PIECES = "0 f ffffffff 0x d 13 [SL 01] => : = , ' \" < > / { } [ ] \n \t x CPU true null - é".split(
    " "
)


def mutated(text: str, chance: random.Random) -> str:
    """A text with a few places cut, doubled, exchanged or overwritten."""
    for _ in range(chance.randint(1, 6)):
        at, size = chance.randrange(len(text) + 1), chance.randint(0, 40)
        piece = text[at : at + size]
        other = chance.choice([
            "", piece * 2, chance.choice(PIECES), piece[::-1], chr(chance.randrange(0x20, 0x300)),
            f"{chance.getrandbits(32):08x}",
        ])  # fmt: skip
        text = text[:at] + other + text[at + size :]
    return text


def tried(text: str) -> tuple[tuple[Table, ...], str]:
    """The tables of a text, or none and the words with which it is refused."""
    try:
        return read_all(text, "d"), ""
    except UnreadableDump as error:
        return (), str(error)


@pytest.mark.parametrize("name", sample.SAMPLES)
def test_a_mutated_dump_is_read_or_refused(name: str) -> None:
    """No mutation of a sample ends in a traceback or in more than one line."""
    chance = random.Random(name)
    read = 0
    for _ in range(ROUNDS):
        tables, message = tried(mutated(sample.SAMPLES[name], chance))
        assert message.isprintable()
        assert len(message) < 700
        read += bool(tables)
        assert all(describe(table).vendor == table.vendor for table in tables)
    assert read
