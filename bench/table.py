# SPDX-License-Identifier: Apache-2.0
"""Write measurements as a table that people read."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from bench.measure import Row
from bench.ram import Accesses

__all__ = ["lines", "ratios"]

HEAD = (
    f"{'engine':18}{'thr':>4} {'memory':7}{'search s':>9}{'process s':>10}{'build s':>8}"
    f"{'k states/s':>11}{'M trans/s':>10}{'limit %':>8}{'B/state':>9}{'search x':>9}{'process x':>10}"
)


def ratios(row: Row, rows: Sequence[Row]) -> tuple[float | None, float | None]:
    """How many times longer a search, and a process, takes than our compiled one.

    Searches are compared with our warm search, processes with our cold process, both with as
    many threads.
    """
    same = [
        r
        for r in rows
        if (r.subject, r.threads, r.engine) == (row.subject, row.threads, "xsavvy compiled")
    ]
    warm = next((r.search for r in same if r.memory == "warm"), None)
    cold = next((r.process for r in same if r.memory == "cold"), None)
    process = row.process + row.building if row.process is not None else None
    return (
        row.search / warm if warm else None,
        process / cold if cold and process is not None else None,
    )


def lines(rows: Sequence[Row], limits: Sequence[Accesses]) -> Iterator[str]:
    """Yield the table: a part for each model, the best of each engine marked."""
    for subject in dict.fromkeys(row.subject for row in rows):
        part = [row for row in rows if row.subject == subject]
        first = part[0]
        yield f"{subject}: {first.states:,} states, {first.transitions:,} transitions"
        yield HEAD
        best = set(_best(part))
        for row in part:
            yield _line(row, rows, _limit(row.threads, limits)) + (" *" if row in best else "")
        yield ""
    yield "* the fastest search of its tool with so many threads"
    yield "search x, process x: times as long as xsavvy compiled (warm search; cold process; with"
    yield "building) with as many threads. limit %: transitions/s of random accesses/s."
    for item in limits:
        yield (
            f"random prefetched read-modify-write: {item.millions:.0f} M/s in {item.megabytes} MB, "
            f"{item.threads} thread{'s' * (item.threads > 1)} ({item.compiler})"
        )


def _best(rows: Iterable[Row]) -> Iterator[Row]:
    found: dict[tuple[str, int, str], Row] = {}
    for row in rows:
        tool = row.engine if row.ours else row.engine.partition(" ")[0]
        key = (tool, row.threads, row.memory)
        if key not in found or row.search < found[key].search:
            found[key] = row
    yield from found.values()


def _limit(threads: int, limits: Sequence[Accesses]) -> float | None:
    fitting = [item.millions for item in limits if item.threads == threads]
    return fitting[0] if fitting else None


def _line(row: Row, rows: Sequence[Row], limit: float | None) -> str:
    rate = row.transitions / row.search / 1e6
    search, process = ratios(row, rows)
    return (
        f"{row.engine:18}{row.threads:4} {row.memory:7}{row.search:9.3f}{_or_dash(row.process, 10)}"
        f"{row.building:8.2f}{row.states / row.search / 1e3:11,.0f}{rate:10.2f}"
        f"{_or_dash(None if limit is None else 100 * rate / limit, 8, 1)}{row.bytes_per_state:9,.0f}"
        f"{_or_dash(search, 9, 1)}{_or_dash(process, 10, 1)}"
    )


def _or_dash(value: float | None, width: int, digits: int = 3) -> str:
    return f"{'-':>{width}}" if value is None else f"{value:{width}.{digits}f}"
