# SPDX-License-Identifier: Apache-2.0
"""Measure one model with one engine, ours or another's: each measurement is a row."""

from __future__ import annotations

import json
import statistics
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench import peer
from bench.peer import Count, Failed
from bench.subject import Subject, system
from xsavvy.checker.export import LANGUAGES, Export, export

__all__ = ["Row", "others", "ours"]

ROOT = Path(__file__).resolve().parents[1]
LIMIT = 3600.0
LANGUAGE = dict(zip(("rumur", "spin", "tlc"), LANGUAGES, strict=True))


@dataclass(frozen=True)
class Row:
    """One engine on one model; times are medians of `runs`, in seconds.

    `search` is the search alone, `process` the whole process from start to end, `building` what
    went before it (generating and compiling). `memory` tells whether the process had used its
    memory before: "cold" or "warm". `kilobytes` is the peak of the process.
    """

    subject: str
    engine: str
    threads: int
    memory: str
    states: int
    transitions: int
    search: float
    process: float | None
    building: float
    kilobytes: int
    runs: tuple[float, ...]

    @property
    def bytes_per_state(self) -> float:
        """Peak memory by states."""
        return self.kilobytes * 1024 / self.states

    @property
    def ours(self) -> bool:
        """Tell whether the engine is one of ours."""
        return self.engine.startswith("xsavvy")


# Ours


def ours(subject: Subject, engine: str, threads: int, runs: int) -> Iterator[Row]:
    """Measure one of our engines: in new processes, then again and again in one."""
    _child(subject, engine, threads, 1)  # so that its machine code is on disk
    alone = [_child(subject, engine, threads, 1) for _ in range(runs)]
    first = [answer["seconds"][0] for answer, _ in alone]
    walls = [wall for _, wall in alone]
    yield _ours(subject, engine, threads, "cold", alone[0][0], first, statistics.median(walls))
    answer, _ = _child(subject, engine, threads, runs + 1)
    yield _ours(subject, engine, threads, "warm", answer, answer["seconds"][1:], None)


def _ours(
    subject: Subject,
    engine: str,
    threads: int,
    memory: str,
    answer: dict[str, Any],
    seconds: list[float],
    process: float | None,
) -> Row:
    return Row(
        subject.name,
        f"xsavvy {engine}",
        threads,
        memory,
        answer["states"],
        answer["transitions"],
        statistics.median(seconds),
        process,
        0.0,
        answer["kilobytes"],
        tuple(seconds),
    )


def _child(subject: Subject, engine: str, threads: int, runs: int) -> tuple[dict[str, Any], float]:
    command = [sys.executable, "-m", "bench.ours", subject.name, engine, str(threads), str(runs)]
    with tempfile.TemporaryDirectory() as place:
        output, seconds, _ = peer.run(command, ROOT, LIMIT, Path(place) / "output")
    try:
        answer: dict[str, Any] = json.loads(output.splitlines()[-1])
    except (ValueError, IndexError):
        raise Failed(f"xsavvy {engine} on {subject.name}: {output.strip()[-300:]}") from None
    return answer, seconds


# Others, in each of their modes that is exact


def others(subject: Subject, tool: str, runs: int) -> Iterator[Row | str]:
    """Measure another checker on the exported model; a mode that fails gives its reason.

    Properties that are violated are left out, so that everything is explored; SPIN's parallel
    breadth-first search is left out too, because it keeps hashes in the place of states.
    """
    bound = system(subject.name)
    model = export(bound, LANGUAGE[tool], title=subject.name, properties=subject.holds)
    with tempfile.TemporaryDirectory() as place:
        modes = {"rumur": _rumur, "spin": _spin, "tlc": _tlc}[tool](subject, model, Path(place))
        for name, threads, search in modes:
            try:
                counts = [search() for _ in range(runs)]
            except Failed as error:
                yield f"{subject.name}: {name}: {error}"
                continue
            seconds = [c.search if c.search is not None else c.seconds for c in counts]
            yield Row(
                subject.name,
                name,
                threads,
                "cold",
                counts[0].states,
                counts[0].transitions,
                statistics.median(seconds),
                statistics.median(c.seconds for c in counts),
                statistics.median(c.building for c in counts),
                max(c.kilobytes for c in counts),
                tuple(seconds),
            )


Mode = tuple[str, int, Callable[[], Count]]


def _rumur(_: Subject, model: Export, folder: Path) -> Iterator[Mode]:
    for threads in (1, 2):
        for pack, word in ((True, "packed"), (False, "unpacked")):

            def search(threads: int = threads, pack: bool = pack) -> Count:
                return peer.rumur(model.text, folder, threads=threads, pack=pack, limit=LIMIT)

            yield f"rumur {word}", threads, search


def _spin(subject: Subject, model: Export, folder: Path) -> Iterator[Mode]:
    base = ("-DSAFETY", "-DNOREDUCE")
    # A table of at least twice as many slots as states, and a stack that is deep enough.
    slots = max(18, (2 * subject.states).bit_length())
    depth = max(100_000, round(1.6 * subject.states))
    for name, threads, more in (
        ("DFS", 1, ()),
        ("BFS", 1, ("-DBFS",)),
        ("NCORE=2", 2, ("-DNCORE=2",)),
    ):

        def search(more: tuple[str, ...] = more) -> Count:
            return peer.spin(
                model.text,
                folder,
                defines=(*base, *more),
                depth=depth,
                slots=slots,
                optimise="-O3",
                limit=LIMIT,
            )

        yield f"SPIN {name}", threads, search


def _tlc(_: Subject, model: Export, folder: Path) -> Iterator[Mode]:
    for workers in (1, 2):

        def search(workers: int = workers) -> Count:
            return peer.tlc(model.text, model.configuration, folder, workers=workers, limit=LIMIT)

        yield "TLC", workers, search
