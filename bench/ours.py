# SPDX-License-Identifier: Apache-2.0
"""One process that searches one model with one of our engines, some times; prints JSON.

The first search of a process is cold: its memory is new and its machine code comes from the
disk's cache (or is made). The others are warm.
"""

from __future__ import annotations

import json
import re
import sys
import time
from pathlib import Path

began = time.perf_counter()


def main(name: str, engine: str, threads: int, runs: int) -> dict[str, object]:
    """Search, and return the counts, the seconds of each search and the memory."""
    from bench.subject import system
    from xsavvy.checker import search
    from xsavvy.checker.search import ENGINES, Resources

    wanted = next(item for item in ENGINES if item == engine)
    bound = system(name)
    before = _kilobytes("VmRSS")
    ready = time.perf_counter() - began
    found = [
        search(bound, engine=wanted, resources=Resources(threads=threads))  # type: ignore[arg-type]
        for _ in range(runs)
    ]
    counts = {(item.states, item.transitions, item.complete) for item in found}
    if len(counts) != 1:
        raise SystemExit(f"{name}: {engine} counts differently from run to run: {counts}")
    return {
        "states": found[0].states,
        "transitions": found[0].transitions,
        "ready": ready,
        "seconds": [item.seconds for item in found],
        "before": before,
        "kilobytes": _kilobytes("VmHWM"),
    }


def _kilobytes(field: str) -> int:
    status = Path("/proc/self/status").read_text()
    found = re.search(rf"{field}:\s+(\d+)", status)
    return int(found[1]) if found else 0


if __name__ == "__main__":
    result = main(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
    sys.stdout.write(json.dumps(result) + "\n")
