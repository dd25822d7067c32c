# SPDX-License-Identifier: Apache-2.0
"""Kernel dialect: the breadth-first search of one level, a batch of states at a time.

A lane takes states from the level, lets the model expand them, writes the successors' keys
and asks the cache for their slots, and only then goes to the table: by that time the slots are
there. States that are new go to the end of the lane's own keys, which is the next level.
What is found on the way is remembered so that it does not depend on the order of work.
"""

from __future__ import annotations

from xsavvy.checker.native.collapse import ENDING, WORDS, decode, encode, encode_all
from xsavvy.checker.native.control import (
    AT,
    BATCH,
    BUDGET,
    CHUNK,
    CODES,
    CURSOR,
    DEADLOCK,
    DEADLOCKS,
    DONE,
    ENDS,
    ENOUGH,
    ENV,
    EXPAND,
    FIRED,
    FRESH,
    FROM,
    FULL,
    HIGH,
    ILLEGAL,
    JUDGE,
    KEYS,
    LANE_BYTES,
    LANES,
    LOW,
    NOW,
    OUT,
    PAUSED,
    PLACES,
    QUOTA,
    ROOM,
    SHARED,
    SIGHTED,
    SIGHTS,
    SLOTS,
    STATES,
    STOP,
    TABLE,
    TAIL,
    TOTAL,
    TRANSITIONS,
    UNTIL,
    WANTED,
)
from xsavvy.checker.native.hashing import insert, look
from xsavvy.checker.native.primitive import (
    call,
    cold,
    fetch_add,
    load32,
    load64,
    load_shared,
    store64,
    store_shared,
)

FAILED = 1 << 63  # in the answer of `expand`: the rest is the index of the illegal state


def search(control: int, lane: int) -> int:
    """Work on the level until it is done or a pause is due; return how it ended."""
    while load_shared(control + STOP) == 0:
        if aim(control, lane) == 0:
            return DONE
        status = PAUSED
        if load64(lane + QUOTA) == 0:
            status = ENOUGH
        elif load64(lane + BUDGET) != 0:
            status = batch(control, lane)
            if status == 0:
                continue
        store_shared(control + STOP, 1)
        return status
    return PAUSED


def aim(control: int, lane: int) -> int:
    """Choose the next states, taking a chunk of the level if need be; return their number."""
    if load64(lane + FROM) == load64(lane + UNTIL):
        chunk = load64(control + CHUNK)
        total = load64(control + TOTAL)
        taken = fetch_add(control + CURSOR, chunk)
        if taken >= total:
            return 0
        store64(lane + FROM, taken)
        store64(lane + UNTIL, min(taken + chunk, total))
    position = load64(lane + FROM)
    count = min(load64(lane + UNTIL) - position, BATCH)
    source = control + LANES
    size = load64(source + HIGH) - load64(source + LOW)
    while position >= size:
        position -= size
        source += LANE_BYTES
        size = load64(source + HIGH) - load64(source + LOW)
    count = min(count, size - position)
    store64(lane + AT, load64(source + KEYS) + ((load64(source + LOW) + position) << 3))
    store64(lane + NOW, count)
    return count


def batch(control: int, lane: int) -> int:
    """Expand a batch and insert what is new; return 0, or why nothing was done."""
    keys = load64(lane + AT)
    count = load64(lane + NOW)
    states = decode(control, keys, count, load64(lane + STATES))
    found = expand(control, lane, states, count)
    if found >> 63 != 0:
        count = found ^ FAILED
        if count == 0:
            return pass_over(lane, states)
        found = expand(control, lane, states, count)
    if found > load64(lane + ROOM):
        return FULL
    out = load64(lane + OUT)
    codes = out
    if WORDS > 1:
        codes = load64(lane + CODES)
        status = encode(control, keys, count, states, load64(lane + ENDS), out, codes)
        if status != 0:
            return status
    admit(control, lane, codes, found)
    note_deadlocks(lane, states, count)
    store64(lane + FROM, load64(lane + FROM) + count)
    store64(lane + TRANSITIONS, load64(lane + TRANSITIONS) + found)
    spend(lane + BUDGET, found + count)
    return 0


def expand(control: int, lane: int, states: int, count: int) -> int:
    """Let the model write all successors of some states."""
    return call(
        load64(control + EXPAND),
        load64(control + ENV),
        states,
        count,
        load64(lane + OUT),
        load64(lane + ENDS),
        load64(lane + FIRED),
    )


@cold
def pass_over(lane: int, state: int) -> int:
    """Remember a state that cannot be expanded, and leave it out; the level is finished."""
    sight(lane, ILLEGAL, state)
    store64(lane + FROM, load64(lane + FROM) + 1)
    return 0


def spend(cell: int, amount: int) -> int:
    """Take from a cell, but no more than there is."""
    there = load64(cell)
    store64(cell, there - min(there, amount))
    return 0


def admit(control: int, lane: int, codes: int, count: int) -> int:
    """Insert the successors whose keys are in `codes`, and judge those that are new."""
    places = load64(lane + PLACES)
    look(control, codes, count, places)
    table = load64(control + TABLE)
    end = table + (load64(control + SLOTS) << 3)
    shared = load64(control + SHARED)
    tail = load64(lane + TAIL)
    keys = load64(lane + KEYS) + (tail << 3)
    fresh = 0
    for i in range(count):
        key = load64(codes + (i << 3))
        if insert(table, end, load64(places + (i << 3)), key, shared) != 0:
            store64(keys + (fresh << 3), key)
            store64(places + (fresh << 3), i)  # the places up to i were used
            fresh += 1
    store64(lane + TAIL, tail + fresh)
    store64(lane + FRESH, fresh)
    spend(lane + ROOM, fresh)
    spend(lane + QUOTA, fresh)
    if load64(control + WANTED) != 0:
        judge(control, lane, fresh)
    return fresh


def judge(control: int, lane: int, fresh: int) -> int:
    """Judge the new states of a batch, whose numbers are in PLACES."""
    function = load64(control + JUDGE)
    env = load64(control + ENV)
    wanted = load64(control + WANTED)
    out = load64(lane + OUT)
    places = load64(lane + PLACES)
    for i in range(fresh):
        state = out + ((load64(places + (i << 3)) * WORDS) << 3)
        mask = call(function, env, state, wanted)
        if mask != 0:
            sight_all(lane, mask, state)
    return 0


@cold
def sight_all(lane: int, mask: int, state: int) -> int:
    """Remember a state for each bit of a mask."""
    for bit in range(64):
        if (mask >> bit) & 1 != 0:
            sight(lane, bit, state)
    return 0


@cold
def sight(lane: int, bit: int, state: int) -> int:
    """Remember a state for a bit if none smaller (word by word) was seen in this level."""
    best = load64(lane + SIGHTS) + ((bit * WORDS) << 3)
    sighted = load64(lane + SIGHTED)
    if (sighted >> bit) & 1 != 0:
        j = 0
        while j < WORDS and load64(state + (j << 3)) == load64(best + (j << 3)):
            j += 1
        if j == WORDS or load64(state + (j << 3)) > load64(best + (j << 3)):
            return 0
    for k in range(WORDS):
        store64(best + (k << 3), load64(state + (k << 3)))
    store64(lane + SIGHTED, sighted | (1 << bit))
    return 1


def note_deadlocks(lane: int, states: int, count: int) -> int:
    """Count states that have no successor and are not terminal."""
    ends = load64(lane + ENDS)
    before = 0
    for i in range(count):
        end = load32(ends + (i << 2))
        if end == before:
            store64(lane + DEADLOCKS, load64(lane + DEADLOCKS) + 1)
            sight(lane, DEADLOCK, states + ((i * WORDS) << 3))
        before = end & ENDING
    return 0


def begin(control: int, lane: int, count: int) -> int:
    """Insert the states that stand at OUT; return 0, or why nothing was done."""
    if count > load64(lane + ROOM):
        return FULL
    codes = load64(lane + OUT)
    if WORDS > 1:
        codes = load64(lane + CODES)
        status = encode_all(control, load64(lane + OUT), count, codes)
        if status != 0:
            return status
    admit(control, lane, codes, count)
    return 0
