# SPDX-License-Identifier: Apache-2.0
"""Kernel dialect: the table of keys, lines of eight slots with linear probing among lines.

A slot holds 0 or a key with bit 63 set. A line is a cache line: one access to memory answers
for eight slots. The number of lines is free: the upper half of the product of hash and number
is the line (Lemire, "Fast random integer generation in an interval", 2019). Threads insert by
compare-and-swap; nothing is ever removed.
"""

from __future__ import annotations

from xsavvy.checker.native.control import BATCH, KEYS, SHARED, SLOTS, TABLE
from xsavvy.checker.native.primitive import (
    compare_and_swap,
    high_product,
    load64,
    look_at_line,
    low_product,
    lowest_bit,
    prefetch,
    store64,
)

OCCUPIED = 1 << 63


def mixed(key: int) -> int:
    """Hash a number: two rounds of multiplication by odd constants, and the high bits folded."""
    a = low_product(key ^ (key >> 32), 0x9E3779B97F4A7C15)
    return low_product(a ^ (a >> 29), 0xD6E8FEB86659FD93)


def place(table: int, lines: int, key: int) -> int:
    """Return the address of the line where the search for a key begins."""
    return table + (high_product(mixed(key), lines) << 6)


def insert(table: int, end: int, line: int, key: int, shared: int) -> int:
    """Put a key into the table; return 1 if it is new. The table must have a free slot.

    A line is filled from its lowest slot, and a slot never changes again. So once the free slots
    are known, a key that is not in the line can only come into the lowest of them or a later one
    after it: of several threads that bring the same key all but one meet it, at the latest when
    they swap.
    """
    mark = key | OCCUPIED
    while True:
        seen = look_at_line(line, mark)
        if seen & 255 != 0:
            return 0
        free = seen >> 8
        if free != 0:
            slot = line + (lowest_bit(free) << 3)
            if shared == 0:
                store64(slot, mark)
                return 1
            found = compare_and_swap(slot, 0, mark)
            if found == 0:
                return 1
            if found == mark:
                return 0
        else:
            line += 64
            if line == end:
                line = table


def look(control: int, codes: int, count: int, places: int) -> int:
    """Note where the search for each key begins, and ask the cache for it."""
    table = load64(control + TABLE)
    lines = load64(control + SLOTS) >> 3
    for i in range(count):
        line = place(table, lines, load64(codes + (i << 3)))
        prefetch(line)
        store64(places + (i << 3), line)
    return 0


def rebuild(control: int, lane: int, first: int, last: int, places: int) -> int:
    """Insert a lane's keys `first` to `last` into a new table; return how many were there."""
    keys = load64(lane + KEYS)
    table = load64(control + TABLE)
    end = table + (load64(control + SLOTS) << 3)
    shared = load64(control + SHARED)
    known = 0
    while first < last:
        count = min(last - first, BATCH)
        codes = keys + (first << 3)
        look(control, codes, count, places)
        for i in range(count):
            fresh = insert(table, end, load64(places + (i << 3)), load64(codes + (i << 3)), shared)
            known += 1 - fresh
        first += count
    return known


def transfer(control: int, line: int, end: int) -> int:
    """Insert the keys of a part of an old table into the new one; return how many were there.

    The upper bits of a hash choose the line, so a table is read and its successor written from
    one end to the other: memory is asked in order, not at random.
    """
    table = load64(control + TABLE)
    lines = load64(control + SLOTS) >> 3
    last = table + (lines << 6)
    shared = load64(control + SHARED)
    known = 0
    while line < end:
        mark = load64(line)
        if mark != 0:
            key = mark ^ OCCUPIED
            known += 1 - insert(table, last, place(table, lines, key), key, shared)
        line += 8
    return known


def locate(keys: int, count: int, key: int) -> int:
    """Find a key in an array; return its index, or `count`."""
    for i in range(count):
        if load64(keys + (i << 3)) == key:
            return i
    return count
