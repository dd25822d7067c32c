# SPDX-License-Identifier: Apache-2.0
"""A trace as lines: bounded blocks of a hostile file, and what stands before each event.

Three writers are understood: ftrace (`trace`, `trace_pipe`), `trace-cmd report` and `perf script`. Each event is one
line: who (a name and a number), which CPU, flags (ftrace only), a time, the event's name (with its system before it in
perf), and the event's own text.
Source: linux kernel/trace/trace_output.c and trace.c print_trace_line();
trace-cmd tracecmd/trace-read.c.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import BinaryIO, Final

__all__ = ["BLOCK", "LINE", "LONGEST", "batches", "lost_events", "overwritten"]

BLOCK: Final = 1 << 20
"""Bytes that are read at once."""
LONGEST: Final = 4096
"""Characters of the longest line that is looked at; a longer one counts as torn."""

LINE: Final = re.compile(
    r"\s*+([^\[]*+(?:\[(?!\d++\]\s)[^\[]*+)*+)"  # who; a name may hold a bracket
    r"\[(\d++)\]\s++"
    r"(?:([^\s:]++)\s++)?+"  # ftrace's flags
    r"(?:(\d{1,15}+(?:\.\d{1,12}+)?+):\s++)?+"  # the time
    r"(?:\d++\s++)?+"  # perf's period
    r"([A-Za-z_][A-Za-z0-9_-]*+)(?::([A-Za-z_][A-Za-z0-9_]*+))?+:\s*+"  # system and event, or event
    r"(.*)",
    re.DOTALL,
)
"""Groups: who, CPU, flags, time, system or event, event where a system is named, the event's text."""

_LOST: Final = re.compile(r"CPU:\d++ \[(?:LOST )?+(\d++)?+ ?+EVENTS(?: DROPPED)?+\]")
_PERF_LOST: Final = re.compile(r"PERF_RECORD_LOST lost (\d++)")
_HEADER: Final = re.compile(r"#\s*+entries-in-buffer/entries-written: (\d++)/(\d++)\s")
_MOST_DIGITS: Final = 18


def batches(file: BinaryIO) -> Iterator[tuple[list[str], int]]:
    """Yield a file's lines, many at a time, and how many of each batch were too long to be looked at.

    Memory does not depend on the file: a line that does not end is dropped piece by piece and counted once.
    """
    rest, dropping = b"", False
    while block := file.read(BLOCK):
        pieces = (rest + block).split(b"\n")
        rest = pieces.pop()
        if dropping and pieces:
            del pieces[0]
            dropping = False
        long = 0
        if dropping:
            rest = b""
        elif len(rest) > LONGEST:
            rest, dropping, long = b"", True, 1
        lines = b"\n".join(pieces).decode("utf-8", "replace").split("\n") if pieces else []
        kept = [line for line in lines if len(line) <= LONGEST]
        yield kept, long + len(lines) - len(kept)
    if rest:
        yield [rest.decode("utf-8", "replace")], 0


def lost_events(line: str) -> int | None:
    """Read a line that says that events were lost: how many, 0 if it does not say, None for another line.

    >>> lost_events("CPU:3 [LOST 12 EVENTS]"), lost_events("CPU:7 [204600 EVENTS DROPPED]")
    (12, 204600)
    >>> lost_events("CPU:7 [EVENTS DROPPED]"), lost_events("perf 1 [0] PERF_RECORD_LOST lost 5")
    (0, 5)
    """
    if "EVENTS" not in line and "PERF_RECORD_LOST" not in line:
        return None
    found = _LOST.match(line) or _PERF_LOST.search(line)
    return None if found is None else number(found[1] or "0")


def overwritten(line: str) -> int:
    """Read ftrace's header: how many events were written and are no longer in the buffer.

    >>> overwritten("# entries-in-buffer/entries-written: 6758/7000   #P:2")
    242
    """
    found = _HEADER.match(line)
    return max(0, number(found[2]) - number(found[1])) if found else 0


def number(digits: str) -> int:
    """Read a decimal number of a hostile file; one with too many digits counts as 0."""
    return int(digits) if len(digits) <= _MOST_DIGITS else 0
