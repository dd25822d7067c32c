# SPDX-License-Identifier: Apache-2.0
"""Read a recorded trace: text of ftrace, `trace-cmd report` or `perf script`, of any length, in constant memory.

    >>> import io
    >>> text = "vcpu-7 [0] 1.0: kvm_entry: vcpu 0\\nvcpu-7 [0] 1.5: kvm_exit: reason HLT rip 0x1 info 0 0"
    >>> seen = read_trace(io.BytesIO(text.encode()), "two lines")
    >>> seen.entries, dict(seen.exits), seen.vcpus[0].guest_seconds
    (1, {'HLT': 1}, 0.5)

A line that is no whole event is counted as torn and skipped; a file without any event is no trace.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import BinaryIO, Final

from xsavvy.cost.recorded.line import BLOCK, LINE, LONGEST, batches, lost_events, overwritten
from xsavvy.cost.recorded.payload import READERS, Thread, count, host_fpu, settle
from xsavvy.cost.recorded.result import Recorded, Vcpu

__all__ = ["Recorded", "UnreadableTrace", "Vcpu", "load_trace", "read_trace"]

PATIENCE: Final = 10_000
"""Lines that may come before the first event of a trace."""
BLOCKS: Final = PATIENCE * LONGEST // BLOCK
"""Blocks that so many lines fill at most; a file of one endless line has no others."""
MOST_THREADS: Final = 4096
"""Threads that are told apart; what all further ones do is counted as one thread's."""
_DIGITS: Final = 9
_NUMBER: Final = re.compile(r"[-\s/](\d{1,12})(?:\s+\([\s\d-]+\))?$")
"""A thread's number; its name may be unknown (`<...>`) in one line and known in the next."""
_FPU_EVENTS: Final = "x86_fpu_"


class UnreadableTrace(ValueError):
    """Say in one line why a file is no trace."""


def load_trace(path: Path) -> Recorded:
    """Read the trace in a file.

    Raises:
        UnreadableTrace: there is no such file, or it is no trace.
    """
    try:
        with path.open("rb") as file:
            return read_trace(file, str(path))
    except OSError as error:
        raise UnreadableTrace(f"{path}: {error.strerror}") from None


def read_trace(file: BinaryIO, name: str) -> Recorded:
    """Read a trace from an open file; `name` is how messages call it.

    Raises:
        UnreadableTrace: no event among the first 10,000 lines, or none at all.
    """
    reading = _Reading(name)
    for block, (lines, long) in enumerate(batches(file)):
        if not reading.seen.lines and lines and "\0" in lines[0]:
            raise UnreadableTrace(
                f"{name}: binary data; `trace-cmd report` and `perf script` make text of a recording"
            )
        reading.seen.lines += long
        reading.seen.torn += long
        reading.take(lines)
        if not reading.seen.events and block > BLOCKS:
            raise reading.nothing()
    if not reading.seen.events:
        raise reading.nothing()
    return reading.finish()


class _Reading:
    """A trace while it is read."""

    def __init__(self, name: str) -> None:
        self.seen = Recorded(name)
        self._threads: dict[str, Thread] = {}
        self._numbered: dict[str, Thread] = {}
        self._further = Thread("further threads")

    def take(self, lines: list[str]) -> None:
        """Read more lines."""
        seen = self.seen
        for line in lines:
            seen.lines += 1
            if line.startswith("#"):
                self._lose(overwritten(line))
                continue
            found = LINE.match(line)
            if found is None or not self._event(*found.group(1, 2, 4, 5, 6, 7)):
                self._other(line)
        if not seen.events and seen.lines > PATIENCE:
            raise self.nothing()

    def _event(
        self, who: str, cpu: str, time: str | None, first: str, second: str | None, text: str
    ) -> bool:
        """Take one event; answer whether its text was whole."""
        event = second or first
        if text.startswith("PERF_RECORD_"):
            return False
        at = float(time) if time is not None and "." in time else None
        seen = self.seen
        reader = READERS.get(event)
        if reader is not None:
            if not reader(seen, self._thread(who.rstrip() or cpu), at, text):
                return False
        elif event.startswith(_FPU_EVENTS):
            if not host_fpu(seen, event, text):
                return False
        else:
            count(seen, seen.others, event)
        seen.events += 1
        if at is not None:
            seen.first = at if seen.first is None else min(seen.first, at)
            seen.last = at if seen.last is None else max(seen.last, at)
        return True

    def _thread(self, name: str) -> Thread:
        thread = self._threads.get(name)
        if thread is None:
            if len(self._threads) >= MOST_THREADS:
                return self._further
            found = _NUMBER.search(name)
            key = found[1] if found else name
            thread = self._numbered.setdefault(key, Thread(name))
            self._threads[name] = thread
        return thread

    def _other(self, line: str) -> None:
        """Take a line that is no whole event."""
        if not line.strip():
            return
        lost = lost_events(line)
        if lost is None:
            self.seen.torn += 1
        else:
            self._lose(lost, always=True)

    def _lose(self, lost: int, *, always: bool = False) -> None:
        """Note that events are missing: what the threads did in between is unknown."""
        if not lost and not always:
            return
        self.seen.lost += lost
        self.seen.gaps += 1
        for thread in (*self._numbered.values(), self._further):
            settle(self.seen, thread)
            thread.entered = thread.left = None

    def finish(self) -> Recorded:
        """End the trace."""
        for thread in (*self._numbered.values(), self._further):
            settle(self.seen, thread)
        for vcpu in self.seen.vcpus:
            vcpu.guest_seconds = round(vcpu.guest_seconds, _DIGITS)
            vcpu.host_seconds = round(vcpu.host_seconds, _DIGITS)
        return self.seen

    def nothing(self) -> UnreadableTrace:
        """Say that this is no trace."""
        return UnreadableTrace(
            f"{self.seen.name}: no event in {self.seen.lines:,} lines; expected text of ftrace, trace-cmd report "
            "or perf script, such as `vcpu-7 [000] d..1 1.0: kvm_entry: vcpu 0`"
        )
