# SPDX-License-Identifier: Apache-2.0
"""Measure our engines against SPIN, rumur and TLC on the same models, in one run.

    python -m bench.engine             everything; some minutes, on a machine with nothing else to do
    python -m bench.engine --quick     the smaller models only
    python -m bench.engine --all       TLC on the largest model, too, which takes it minutes

Every engine must count the same states and transitions, or the run fails. The table goes to
standard output and to bench/results/engine.txt, everything that was measured to engine.json.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT)]  # so that `python bench/engine.py` works as well

from bench import here, measure, peer, ram, table  # noqa: E402
from bench.measure import Row  # noqa: E402
from bench.ram import Accesses  # noqa: E402
from bench.subject import SUBJECTS, Subject  # noqa: E402

LARGE = 1_000_000  # states from which on the others run once, and our slow engine not at all
HUGE = 2_000_000  # states from which on TLC is left out, unless one insists
ALONE = 50_000_000  # states from which on the others take ten minutes, or more memory than there is
TOOLS = ("spin", "rumur", "tlc")


def main() -> int:
    """Measure, write the results, and return the exit status."""
    options = _options()
    subjects = [s for s in SUBJECTS if not options.quick or s.states < LARGE]
    subjects = [s for s in subjects if not options.only or s.name in options.only]
    limits = _limits()
    skipped = [reason for tool in TOOLS if (reason := peer.missing(tool))]
    began, before = time.time(), here.machine()
    rows: list[Row] = []
    wrong: list[str] = []
    for subject in subjects:
        for row in _rows(subject, options, skipped):
            rows.append(row)
            sys.stderr.write(f"{row.subject} {row.engine} {row.threads}: {row.search:.3f} s\n")
            if (row.states, row.transitions) != (subject.states, subject.transitions):
                counted = f"{row.states} states, {row.transitions} transitions"
                wrong.append(f"{row.subject}: {row.engine} counts {counted}")
    limits = ram.better(limits, _limits())
    text = [*_preamble(before, skipped), *table.lines(rows, limits), *wrong]
    sys.stdout.write("\n".join(text) + "\n")
    _keep(options.output, rows, limits, text, skipped, before, began)
    return 1 if wrong else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="leave the large models out")
    parser.add_argument("--only", action="append", metavar="MODEL", help="measure this model")
    parser.add_argument("--runs", type=int, default=5, help="runs of each (default 5)")
    parser.add_argument("--all", action="store_true", help="also what takes long")
    parser.add_argument("--output", type=Path, default=ROOT / "bench" / "results", metavar="FOLDER")
    return parser.parse_args()


def _limits() -> list[Accesses]:
    return [ram.measure(size, threads) for size in (512, 2048) for threads in (1, 2)]


def _rows(subject: Subject, options: argparse.Namespace, skipped: list[str]) -> Iterator[Row]:
    large = subject.states >= LARGE
    for threads in (1, 2):
        yield from measure.ours(subject, "compiled", threads, options.runs)
    if not large:
        yield from measure.ours(subject, "packed", 1, options.runs)
    for tool in TOOLS:
        if peer.missing(tool):
            continue
        if subject.states >= ALONE:
            skipped.append(f"{subject.name}: {tool} needs too long or too much for it")
            continue
        if tool == "tlc" and subject.states >= HUGE and not options.all:
            skipped.append(f"{subject.name}: TLC needs minutes for it (--all)")
            continue
        runs = 1 if large or tool == "tlc" else min(options.runs, 3)
        for found in measure.others(subject, tool, runs):
            if isinstance(found, Row):
                yield found
            else:
                skipped.append(found)


def _preamble(machine: dict[str, object], skipped: list[str]) -> Iterator[str]:
    yield f"{machine['processor']}, {machine['cpus']} CPUs, load {machine['load']:.1f} at the start"
    yield ", ".join(here.versions().values())
    if float(str(machine["load"])) > 1:
        yield "the machine had other things to do: compare the ratios, not the times"
    yield from (f"skipped: {reason}" for reason in skipped)
    yield ""


def _keep(
    folder: Path,
    rows: list[Row],
    limits: list[Accesses],
    text: list[str],
    skipped: list[str],
    machine: dict[str, object],
    began: float,
) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "engine.txt").write_text("\n".join(text) + "\n")
    measured = [
        {
            **asdict(row),
            "bytes_per_state": row.bytes_per_state,
            "ratios": dict(zip(("search", "process"), table.ratios(row, rows), strict=True)),
        }
        for row in rows
    ]
    whole = {
        "machine": {**machine, "load_at_the_end": here.machine()["load"]},
        "versions": here.versions(),
        "date": time.strftime("%Y-%m-%d", time.gmtime(began)),
        "seconds": time.time() - began,
        "limits": [asdict(item) for item in limits],
        "skipped": skipped,
        "rows": measured,
    }
    (folder / "engine.json").write_text(json.dumps(whole, indent=1) + "\n")


if __name__ == "__main__":
    sys.exit(main())
