# SPDX-License-Identifier: Apache-2.0
"""The manifest of a checkpoint: everything about a search but its keys and words.

One file: a line with the SHA-256 of the rest, then JSON. What is read is checked number by
number, because the search trusts it with addresses.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import asdict, dataclass
from typing import Any

from xsavvy.checker.native import control
from xsavvy.checker.native.dictionary import BITS

FORMAT = 1
LARGEST = 256 << 20  # bytes of a manifest that is read
TOKEN = re.compile(r"[0-9a-f]{16}")
WORD = 1 << 63
CRC = 1 << 32


class Damaged(ValueError):
    """What is wrong with a manifest, as the end of a sentence."""


@dataclass(frozen=True)
class Manifest:
    """The search at one moment; lists are by lane, or by place for `counts` to `widths`."""

    identity: str
    token: str  # part of the files' names
    words: int
    rules: int
    tails: list[int]
    key_sums: list[int]  # CRC-32 of each lane's keys
    counts: list[int]
    word_sums: list[int]
    widths: list[int]
    levels: list[list[int]]
    high: list[int]
    cursor: int
    pending: list[list[int]]
    transitions: int
    deadlocks: int
    found: dict[str, list[int]]
    sighted: dict[str, list[int]]
    fired: str

    def encode(self) -> bytes:
        """Write it."""
        body = json.dumps({"format": FORMAT, **asdict(self)}, separators=(",", ":")).encode()
        return hashlib.sha256(body).hexdigest().encode() + b"\n" + body


def decode(data: bytes) -> Manifest:
    """Read a manifest. Raises Damaged."""
    if len(data) > LARGEST:
        raise Damaged(f"its manifest is larger than {LARGEST} bytes")
    head, _, body = data.partition(b"\n")
    if head != hashlib.sha256(body).hexdigest().encode():
        raise Damaged("its manifest does not have the checksum that it states")
    try:
        fields = json.loads(body)
        _need(isinstance(fields, dict), "not an object")
        form = fields.pop("format", None)
        if form != FORMAT:
            raise Damaged(f"its format is {str(form)[:20]!r}, this version reads {FORMAT}")
        manifest = Manifest(**fields)
    except (ValueError, TypeError, RecursionError) as wrong:
        if isinstance(wrong, Damaged):
            raise
        raise Damaged("its manifest is not what this version writes") from None
    _check(manifest)
    return manifest


def _check(m: Any) -> None:
    """Check everything that can be checked without the files. Raises Damaged.

    The manifest comes as `Any`, since JSON did not keep to the types that it declares.
    """
    _need(isinstance(m.identity, str), "identity")
    _need(isinstance(m.token, str) and TOKEN.fullmatch(m.token), "token")
    _number(m.words, 1, 7, "words")
    _number(m.rules, 0, 1 << 32, "rules")
    lanes = len(_row(m.tails, None, WORD, "tails"))
    _number(lanes, 1, control.LANE_LIMIT + 1, "lanes")
    _row(m.key_sums, lanes, CRC, "key_sums")
    places = m.words if m.words > 1 else 0
    _row(m.counts, places, WORD, "counts")
    _row(m.word_sums, places, CRC, "word_sums")
    _row(m.widths, places, BITS + 1, "widths")
    _need(sum(m.widths) <= BITS, "widths")
    _need(all(n <= 1 << w for n, w in zip(m.counts, m.widths, strict=True)), "counts")
    _levels(m, lanes)
    total = sum(m.high) - sum(m.levels[-1])
    _number(m.cursor, 0, WORD, "cursor")
    _need(isinstance(m.pending, list) and len(m.pending) == lanes, "pending")
    for row in m.pending:
        first, last = _row(row, 2, WORD, "pending")
        _need(first == last or first < last <= min(total, m.cursor), "pending")
    _number(m.transitions, 0, WORD, "transitions")
    _number(m.deadlocks, 0, WORD, "deadlocks")
    for states in (m.found, m.sighted):
        _need(isinstance(states, dict), "sightings")
        for bit, state in states.items():
            _need(re.fullmatch(r"\d|[1-5]\d|6[0-3]", bit), "sightings")
            _row(state, m.words, WORD, "sightings")
    _need(isinstance(m.fired, str) and re.fullmatch(r"([01]{2})*", m.fired), "fired")
    _need(len(m.fired) == 2 * m.rules, "fired")


def _levels(m: Any, lanes: int) -> None:
    """Check that each level begins where the one before it ends."""
    _need(isinstance(m.levels, list) and m.levels, "levels")
    before = [0] * lanes
    _need(m.levels[0] == before, "levels")
    for row in [*m.levels, m.high, m.tails]:
        _row(row, lanes, WORD, "levels")
        _need(all(a <= b for a, b in zip(before, row, strict=True)), "levels")
        before = row


def _need(truth: object, what: str) -> None:
    if not truth:
        raise Damaged(f"its manifest is damaged at {what!r}")


def _number(value: Any, least: int, end: int, what: str) -> None:
    _need(type(value) is int and least <= value < end, what)


def _row(row: Any, length: int | None, end: int, what: str) -> list[int]:
    _need(isinstance(row, list) and length in {None, len(row)}, what)
    for value in row:
        _number(value, 0, end, what)
    checked: list[int] = row
    return checked
