# SPDX-License-Identifier: Apache-2.0
"""A search on disk, such that it can be killed at any moment and go on from there.

Keys and words are only ever appended to their files; what counts is the manifest, a small file
that is replaced in one step after the others have reached the disk. What a killed process wrote
beyond the manifest is overwritten. When the keys change (other index widths), the files get new
names and the old ones go once the manifest names the new.
"""

from __future__ import annotations

import os
import re
import zlib
from pathlib import Path
from secrets import token_hex
from typing import TYPE_CHECKING

from xsavvy.checker.error import ResourceError
from xsavvy.checker.native import control
from xsavvy.checker.native.manifest import LARGEST, Damaged, Manifest, decode
from xsavvy.checker.native.store import Area, NoMemory

if TYPE_CHECKING:
    from xsavvy.checker.native.walk import Walk

MANIFEST = "manifest"
DATA = re.compile(r"(keys|words)-([0-9a-f]{16})-\d+")
PIECE = 1 << 24  # bytes that are read or written at a time


class CheckpointError(ResourceError):
    """A checkpoint cannot be used; the message says which and why."""


class Checkpoint:
    """A directory, and how much of the search its files have."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.token = ""
        self.relaid = 0
        self.sums: dict[str, tuple[int, int]] = {}  # file: bytes that count, their CRC-32

    # writing

    def save(self, walk: Walk, identity: str) -> None:
        """Write what is new, then the manifest. Raises OSError."""
        board = walk.board
        self.directory.mkdir(parents=True, exist_ok=True)
        if not self.token or self.relaid != walk.relaid:
            self.token, self.relaid, self.sums = token_hex(8), walk.relaid, {}
        tails = list(board.tails())
        keys = [
            self._append(f"keys-{self.token}-{lane}", board.keys[lane], 8 * tail)
            for lane, tail in enumerate(tails)
        ]
        dictionaries = walk.dictionaries.all
        words = [
            self._append(f"words-{self.token}-{d.place}", d.words, 8 * d.count)
            for d in dictionaries
        ]
        manifest = Manifest(
            identity=identity,
            token=self.token,
            words=board.words,
            rules=board.rules,
            tails=tails,
            key_sums=keys,
            counts=[d.count for d in dictionaries],
            word_sums=words,
            widths=walk.dictionaries.widths,
            levels=[list(row) for row in walk.levels],
            high=[board.get(lane, control.HIGH) for lane in board.lanes],
            cursor=board[control.CURSOR],
            pending=[
                [board.get(lane, control.FROM), board.get(lane, control.UNTIL)]
                for lane in board.lanes
            ],
            transitions=walk.transitions,
            deadlocks=walk.deadlocks,
            found={str(bit): list(state) for bit, state in walk.found.items()},
            sighted={str(bit): list(state) for bit, state in board.sighted().items()},
            fired=walk.fired.hex(),
        )
        self._replace(manifest.encode())
        self._tidy()

    def _append(self, name: str, area: Area, size: int) -> int:
        """Bring a file up to the area's first `size` bytes; return their CRC-32."""
        before, total = self.sums.get(name, (0, 0))
        descriptor = os.open(self.directory / name, os.O_WRONLY | os.O_CREAT, 0o600)
        with open(descriptor, "wb", buffering=0) as file, memoryview(area.memory) as view:
            file.seek(before)
            while before < size:
                with view[before : min(size, before + PIECE)] as piece:
                    written = file.write(piece)
                    total = zlib.crc32(piece[:written], total)
                before += written
            file.truncate(size)
            os.fsync(file.fileno())
        self.sums[name] = (size, total)
        return total

    def _replace(self, data: bytes) -> None:
        """Put the manifest in place in one step."""
        temporary = self.directory / f"{MANIFEST}.new"
        with temporary.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(self.directory / MANIFEST)
        descriptor = os.open(self.directory, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def _tidy(self) -> None:
        """Remove files that the manifest does not name."""
        for path in self.directory.iterdir():
            match = DATA.fullmatch(path.name)
            if match and match[2] != self.token:
                path.unlink(missing_ok=True)

    # reading

    def read(self, identity: str) -> Manifest:
        """Read the manifest. Raises CheckpointError."""
        try:
            with (self.directory / MANIFEST).open("rb") as file:
                manifest = decode(file.read(LARGEST + 1))
        except FileNotFoundError:
            raise CheckpointError(f"{self.directory}: there is no checkpoint") from None
        except OSError as wrong:
            raise self._wrong(f"its manifest cannot be read: {wrong.strerror}") from None
        except Damaged as wrong:
            raise self._wrong(str(wrong)) from None
        if manifest.identity != identity:
            raise CheckpointError(
                f"{self.directory}: this checkpoint belongs to another search: "
                f"{manifest.identity[:100]!r}, not {identity[:100]!r}"
            )
        return manifest

    def restore(self, walk: Walk, m: Manifest) -> None:
        """Fill a new walk from the files. Raises CheckpointError and NoMemory."""
        board, kernel = walk.board, walk.kernel
        if m.words != board.words or m.rules != board.rules:
            raise self._wrong("it is of a model with other words or rules")
        if max(m.tails) > board.longest:
            raise NoMemory(
                f"{self.directory}: no memory for the checkpoint's {sum(m.tails)} states"
            )
        self.token = m.token
        self._restore_words(walk, m)
        for lane, tail in enumerate(m.tails):
            self._fetch(f"keys-{m.token}-{lane}", board.keys[lane], 8 * tail, m.key_sums[lane])
            if not kernel.sound(board.address, board.keys[lane].address, tail):
                raise self._wrong("a key means no state")
            board.put(lane, control.TAIL, tail)
        if not walk.enter():
            raise self._wrong("a state is there twice")
        lanes = len(board.lanes)
        walk.levels = [_filled(row, lanes) for row in m.levels]
        board.set_level(walk.levels[-1], _filled(m.high, lanes))
        board[control.CURSOR] = m.cursor
        for lane, (first, last) in enumerate(m.pending):
            board.put(lane, control.FROM, first)
            board.put(lane, control.UNTIL, last)
        board.put(0, control.TRANSITIONS, m.transitions)
        board.put(0, control.DEADLOCKS, m.deadlocks)
        walk.found = {int(bit): tuple(state) for bit, state in m.found.items()}
        walk.seen(walk.found)
        for bit, state in m.sighted.items():
            board.remember(int(bit), tuple(state))
        board.set_fired(bytes.fromhex(m.fired))

    def _restore_words(self, walk: Walk, m: Manifest) -> None:
        for d, count, total in zip(walk.dictionaries.all, m.counts, m.word_sums, strict=True):
            capacity = d.capacity
            while capacity < count:
                capacity *= 2
            if capacity * 40 > walk.limit.bytes:
                raise NoMemory(f"{self.directory}: no memory for the checkpoint's words")
            d.grow(capacity)
            self._fetch(f"words-{m.token}-{d.place}", d.words, 8 * count, total)
            walk.board[d.at + control.COUNT] = count
            with memoryview(d.words.memory)[: 8 * count] as view, view.cast("Q") as words:
                if count and max(words) >> 63:
                    raise self._wrong("a word has more than 63 bits")
            if not d.reenter():
                raise self._wrong("a word is there twice")
        if walk.dictionaries.all:
            walk.dictionaries.widths = m.widths
            walk.dictionaries.place_indexes()

    def _fetch(self, name: str, area: Area, size: int, expected: int) -> None:
        """Read a file into the first `size` bytes of an area."""
        total = at = 0
        try:
            file = (self.directory / name).open("rb", buffering=0)
            with file, memoryview(area.memory) as view:
                while at < size:
                    with view[at : min(size, at + PIECE)] as piece:
                        count = file.readinto(piece)
                        total = zlib.crc32(piece[:count], total)
                    if not count:
                        raise self._wrong(f"{name} has {at} bytes, the manifest says {size}")
                    at += count
        except OSError as wrong:
            raise self._wrong(f"{name} cannot be read: {wrong.strerror}") from None
        if total != expected:
            raise self._wrong(f"{name} does not have the checksum in the manifest")
        self.sums[name] = (size, total)

    def _wrong(self, what: str) -> CheckpointError:
        return CheckpointError(f"{self.directory}: this checkpoint cannot be used: {what}")


def _filled(row: list[int], lanes: int) -> tuple[int, ...]:
    """Add lanes that the checkpoint did not have."""
    return (*row, *[0] * (lanes - len(row)))
