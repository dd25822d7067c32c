# SPDX-License-Identifier: Apache-2.0
"""Memory for the search: areas outside Python's heap, and the limit that all of them keep.

An area is address space that the kernel backs with memory when it is first written, so that an
array can be as long as the limit could ever allow without costing anything before it is used.
"""

from __future__ import annotations

import ctypes
import mmap
import os

from xsavvy.checker.error import ResourceError

PAGE = mmap.PAGESIZE
HUGE = 2 << 20  # bytes of a huge page of x86
_NORESERVE = 0x4000  # MAP_NORESERVE; Python names it since 3.13
KEY = 8  # bytes
LINE = 8  # slots that are looked at together
MOST_LOAD = 0.85  # of the table when memory is short
GOOD_LOAD = 0.62  # else: half as full after doubling, which is at most 34 bytes for a state
SPARED = 8  # one part in 2**8 of a limit is left for Python's own needs, traces above all
SMALL = 1 << 23  # slots up to which the table grows by four


class NoMemory(ResourceError):
    """The memory limit, or the machine, does not allow what is asked."""


class Area:
    """A range of zeroed memory with an address; freed by `close`."""

    def __init__(self, size: int) -> None:
        size = max(PAGE, -(-size // PAGE) * PAGE)
        try:
            flags = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | _NORESERVE
            self.memory = mmap.mmap(-1, size, flags=flags)
        except (OSError, OverflowError, ValueError):
            raise NoMemory(f"cannot map {size} bytes of memory") from None
        if size >= 2 * HUGE:
            self.memory.madvise(mmap.MADV_HUGEPAGE)
        self.size = size
        self.address = ctypes.addressof(ctypes.c_char.from_buffer(self.memory))

    def words(self, at: int, count: int) -> list[int]:
        """Read words, beginning at a byte offset."""
        with memoryview(self.memory)[at : at + 8 * count] as view, view.cast("Q") as cells:
            return cells.tolist()

    def put(self, at: int, words: tuple[int, ...] | list[int]) -> None:
        """Write words, beginning at a byte offset."""
        with memoryview(self.memory)[at : at + 8 * len(words)] as view, view.cast("Q") as cells:
            for i, word in enumerate(words):
                cells[i] = word

    def forget(self, first: int, last: int) -> None:
        """Give back the memory of a range of bytes; it is all zeros then. Whole pages only."""
        first, last = -(-first // PAGE) * PAGE, last // PAGE * PAGE
        if first < last:
            self.memory.madvise(mmap.MADV_DONTNEED, first, last - first)

    def close(self) -> None:
        """Give the memory back."""
        self.memory.close()


def resident() -> int:
    """Bytes of memory that this process has now, 0 if the system does not tell."""
    try:
        with open("/proc/self/statm", encoding="ascii") as file:
            return int(file.read().split()[1]) * PAGE
    except (OSError, ValueError, IndexError):
        return 0


def available() -> int:
    """Bytes of memory that this machine can give to a process without swapping."""
    try:
        with open("/proc/meminfo", encoding="ascii") as file:
            for line in file:
                if line.startswith("MemAvailable:"):
                    return int(line.split()[1]) << 10
    except (OSError, ValueError, IndexError):
        pass
    return os.sysconf("SC_PHYS_PAGES") * PAGE


class Limit:
    """How much memory the search may take beside what the process has, and how it is shared out.

    For each state there are 8 bytes of key and 8 of table, divided by the table's load; the
    largest table is the one that leaves room for the keys that fill it.
    """

    def __init__(self, total: int | None) -> None:
        before = resident()
        self.total = total if total is not None else before + available() * 7 // 8
        self.bytes = self.total - before - (self.total >> SPARED)
        if self.bytes < (1 << 20):
            need = (before >> 20) + 2
            raise NoMemory(
                f"a memory limit of {self.total} bytes: this process needs {need} MiB to begin"
            )

    def most_slots(self, other: int) -> int:
        """Slots of the largest table when `other` bytes are taken by neither keys nor table."""
        return max(0, int((self.bytes - other) / (KEY * (1 + MOST_LOAD))))

    def grown(self, slots: int, other: int) -> int:
        """Slots of the next larger table, or `slots` if none is worth the work."""
        wish = slots * (4 if slots < SMALL else 2)
        larger = min(wish, self.most_slots(other)) // LINE * LINE
        return larger if larger > slots + slots // 8 else slots

    def states(self, slots: int, other: int) -> int:
        """States that a table may hold before it should grow, or at all if it cannot."""
        return int(slots * (GOOD_LOAD if self.grown(slots, other) > slots else MOST_LOAD))
