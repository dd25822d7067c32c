# SPDX-License-Identifier: Apache-2.0
"""Compiled code on disk, so that it is made once for each machine.

One SQLite file in the user's cache directory holds all object code, keyed by a digest of what
the code depends on. A cache that cannot be read or written is done without: it only saves time.
"""

from __future__ import annotations

import hashlib
import os
import sqlite3
from collections.abc import Iterable, Mapping
from contextlib import closing, suppress
from pathlib import Path

FORMAT = 2  # of the file's tables
LARGEST = 96 << 20  # bytes of object code that are kept
WAIT = 2.0  # seconds that another process may hold the file

_TABLE = """
create table if not exists objects (
    key blob primary key, code blob not null, digest blob not null, turn integer not null
) without rowid
"""
_FIND = "select code, digest from objects where key = ?"


def directory() -> Path:
    """Name the directory of the cache: `xsavvy` in the XDG cache directory."""
    base = os.environ.get("XDG_CACHE_HOME", "")
    return (Path(base) if os.path.isabs(base) else Path.home() / ".cache") / "xsavvy"


class Cache:
    """The file; every failure to read or write it is a miss."""

    def __init__(self, place: Path | None = None) -> None:
        self.place = place

    def find(self, keys: Iterable[bytes]) -> dict[bytes, bytes]:
        """Look up object code by key."""
        found: dict[bytes, bytes] = {}
        with suppress(OSError, RuntimeError, sqlite3.Error), closing(self._open()) as file:
            for key in keys:
                row = file.execute(_FIND, (key,)).fetchone()
                if row is not None and isinstance(row[0], bytes) and row[1] == _digest(key, row[0]):
                    found[key] = row[0]
        return found

    def keep(self, codes: Mapping[bytes, bytes]) -> None:
        """Store object code; the oldest goes when there is too much."""
        with suppress(OSError, RuntimeError, sqlite3.Error), closing(self._open()) as file, file:
            (turn,) = file.execute("select coalesce(max(turn), 0) + 1 from objects").fetchone()
            rows = [(key, code, _digest(key, code), turn) for key, code in codes.items()]
            file.executemany("insert or replace into objects values (?, ?, ?, ?)", rows)
            self._trim(file)

    def _trim(self, file: sqlite3.Connection) -> None:
        rows = file.execute("select turn, sum(length(code)) from objects group by turn")
        sizes = sorted(rows, reverse=True)
        total = 0
        for turn, size in sizes:
            total += size
            if total > LARGEST:
                file.execute("delete from objects where turn <= ?", (turn,))
                return

    def _open(self) -> sqlite3.Connection:
        place = self.place or directory()
        place.mkdir(mode=0o700, parents=True, exist_ok=True)
        if place.stat().st_uid != os.getuid():
            raise PermissionError(f"{place} belongs to somebody else")  # it holds code to run
        file = sqlite3.connect(place / f"objects-{FORMAT}.sqlite", timeout=WAIT)
        file.execute("pragma synchronous = off")  # a digest tells what a crash has damaged
        file.execute(_TABLE)
        return file


def _digest(key: bytes, code: bytes) -> bytes:
    return hashlib.sha256(key + code).digest()
