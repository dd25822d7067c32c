# SPDX-License-Identifier: Apache-2.0
"""The file of a campaign: an SQLite database that any tool can query and a later campaign goes on with.

`runs` has one row per campaign, `jobs` one per world, `results` one per property of a world. Each job is committed
when it is done, so that nothing is lost whatever ends the process. No time of day is kept: the same campaign makes
the same rows.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import msgspec

from xsavvy.api.usage import UsageError
from xsavvy.version import __version__

from . import row
from .result import JobResult
from .row import SCHEMA

__all__ = ["Store"]

APPLICATION = 0x58534156  # "XSAV"; sqlite.org, PRAGMA application_id
VERSION = 1
LONGEST = 1 << 28
MEMORY = ":memory:"
MAGIC = b"SQLite format 3\0"


class Store:
    """An open campaign file; as a context it is closed at the end. Raises UsageError for a file that is none."""

    def __init__(self, path: Path | None, *, must_exist: bool = False) -> None:
        self.name = MEMORY if path is None else str(path)
        self._run = 0
        if must_exist and not (path is not None and path.is_file()):
            raise UsageError(f"{self.name}: no such file; expected the results of a campaign")
        if path is not None and path.is_file():
            self._look_at(path, must_exist)
        try:
            self._base = sqlite3.connect(self.name, timeout=30, isolation_level=None)
            with ExitStack() as stack:
                stack.callback(self._base.close)
                self._open(self._base)
                stack.pop_all()
        except sqlite3.Error as error:
            raise self._refused(error) from None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._base.close()

    def begin(self, code: str, engine: str, max_states: int | None) -> None:
        """Note that a campaign starts: what is put from now on belongs to it."""
        row = (__version__, code, engine, max_states)
        with self._guarded() as base:
            base.execute(
                "INSERT INTO runs (version, code, engine, max_states) VALUES (?, ?, ?, ?)", row
            )
            (self._run,) = base.execute("SELECT max(id) FROM runs").fetchone()

    def put(self, found: JobResult) -> None:
        """Keep what became of a job, in the place of what was known of it; on disk when this returns."""
        job = found.job
        with self._guarded() as base:
            base.execute(
                "DELETE FROM jobs WHERE (scenario, kernel, platform, choices) = (?, ?, ?, ?)",
                row.of_world(job),
            )
            number = base.execute(
                "INSERT INTO jobs (run, scenario, kernel, platform, choices, verdict, reason,"
                " digest, state_limit, seconds) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    self._run, *row.of_world(job),
                    found.verdict, found.reason, found.digest, found.limit, found.seconds,
                ),
            ).lastrowid  # fmt: skip
            base.executemany(
                row.INSERT_RESULT,
                [row.of_result(number, place, each) for place, each in enumerate(found.results)],
            )

    def all(self) -> list[JobResult]:
        """Return everything that is kept, in the order in which it was found."""
        try:
            jobs = self._base.execute(
                "SELECT id, scenario, kernel, platform, choices, verdict, reason, digest,"
                " state_limit, seconds FROM jobs ORDER BY id"
            ).fetchall()
            return [self._job(*each) for each in jobs]
        except (sqlite3.Error, msgspec.MsgspecError, UnicodeError) as error:
            raise self._refused(error) from None

    def _look_at(self, path: Path, must_exist: bool) -> None:
        """Refuse a file that SQLite would take for an empty database, and write over."""
        try:
            with path.open("rb") as file:
                start = file.read(len(MAGIC))
        except OSError as error:
            raise self._refused(error.strerror) from None
        if start != MAGIC and (start or must_exist):
            raise self._refused("file is not a database")

    def _open(self, base: sqlite3.Connection) -> None:
        base.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, LONGEST)
        base.execute("PRAGMA trusted_schema = OFF")
        base.execute("PRAGMA foreign_keys = ON")
        (found,) = base.execute("SELECT count(*) FROM sqlite_master").fetchone()
        (application,) = base.execute("PRAGMA application_id").fetchone()
        (version,) = base.execute("PRAGMA user_version").fetchone()
        if not found and not application:
            base.executescript(
                f"BEGIN IMMEDIATE; {SCHEMA} PRAGMA application_id = {APPLICATION};"
                f" PRAGMA user_version = {VERSION}; COMMIT;"
            )
            return
        if application != APPLICATION:
            raise self._refused("another program's database")
        if version != VERSION:
            raise self._refused(f"its format is {version}, this xsavvy reads {VERSION}")
        if _tables(base) != _expected():
            raise self._refused("its tables are not those of a campaign")
        (health,) = base.execute("PRAGMA quick_check(1)").fetchone()
        if health != "ok":
            raise self._refused(f"damaged: {health}")

    def _guarded(self) -> "_Transaction":
        return _Transaction(self)

    def _job(self, number: int, *values: Any) -> JobResult:
        found = self._base.execute(row.SELECT_RESULTS, (number,))
        return row.job_from(values, found.fetchall())  # an open cursor would lock the file

    def _refused(self, why: object) -> UsageError:
        words = " ".join(str(why).split())
        return UsageError(f"{self.name}: not usable as the results of a campaign: {words}")


class _Transaction:
    """One change that is on disk as a whole or not at all."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def __enter__(self) -> sqlite3.Connection:
        try:
            self._store._base.execute("BEGIN IMMEDIATE")
        except sqlite3.Error as error:
            raise self._store._refused(error) from None
        return self._store._base

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        base = self._store._base
        try:
            base.execute("COMMIT" if error is None else "ROLLBACK")
        except sqlite3.Error as failed:
            raise self._store._refused(failed) from None
        if isinstance(error, sqlite3.Error):
            raise self._store._refused(error) from None


def _tables(base: sqlite3.Connection) -> list[tuple[str, str, str]]:
    rows: Iterator[tuple[str, str, str]] = base.execute(
        "SELECT type, name, sql FROM sqlite_master WHERE type IN ('table', 'trigger')"
        " ORDER BY type, name"
    )
    return list(rows)


def _expected() -> list[tuple[str, str, str]]:
    base = sqlite3.connect(MEMORY)
    try:
        base.executescript(SCHEMA)
        return _tables(base)
    finally:
        base.close()
