# SPDX-License-Identifier: Apache-2.0
"""Expand and judge states by tables: the kernel dialect's reading of a system.

The rules of a system are data here: which steps stand at a location, which events are open
there, which compiled function guards and carries out each. So one compiled driver, and one
compilation of each function, serve every kernel and every choice. `tables.py` lays them out.
"""

from __future__ import annotations

from xsavvy.checker.native.primitive import call, load64, store8, store32, store64

# A cell: a compiled function (0: none), the address of its constants, that of its arguments.
FUNCTION, VECTOR, ARGUMENTS, CELL = 0, 8, 16, 24

# The head.
SIZE = 0  # bytes of a state
TERMINAL = 8  # a cell
ACTORS = 32  # their number
ACTOR_TABLE = 40
FREE = 48  # list of the events that interrupt nobody
JUDGED = 56  # table of cells, one for each bit of `judge`
EXPECTED = 64  # table: the result that shows the bit
HEAD = 72

# An actor.
RUNS = 0  # a cell
PLACE_WORD, PLACE_SHIFT, PLACE_MASK = 24, 32, 40  # where its location lies
LISTS = 48  # for each location the address of a list: a count, then the addresses of rules
ACTOR = 56

# A rule.
NUMBER = 0
WHEN = 8  # a cell
EFFECT = 32  # a cell
HOME_WORD, HOME_CLEAR = 56, 64  # the location that the outcome sets; no word: none
OTHERWISE = 72  # its bits for other outcomes, or STAY
TO_COUNT, TO = 80, 88  # pairs (outcome, bits)
MOVE_COUNT, MOVES = 96, 104  # triples (byte of the word, clear, set)
RULE = 112

STAY = (1 << 64) - 1
NO_OUTCOME = 1 << 63
FAILED = 1 << 63
OVER = 1 << 31  # marks a terminal state in `ends`


def copy(source: int, target: int, size: int) -> int:
    """Copy a state, and clear the flag behind it."""
    at = 0
    while at < size:
        store64(target + at, load64(source + at))
        at += 8
    store64(target + size, 0)
    return 0


def asked(cell: int, state: int) -> int:
    """Ask a guard: 0, 1, or 2 when it raised the flag."""
    return call(load64(cell), state, load64(cell + VECTOR), load64(cell + ARGUMENTS))


def open_for(cell: int, state: int) -> int:
    """Ask a guard that may be missing; then it holds."""
    if load64(cell) == 0:
        return 1
    return asked(cell, state)


def settle(rule: int, state: int, outcome: int) -> int:
    """Set the locations that a rule moves actors to."""
    moves = load64(rule + MOVES)
    for i in range(load64(rule + MOVE_COUNT)):
        move = moves + 24 * i
        at = state + load64(move)
        store64(at, load64(at) & load64(move + 8) | load64(move + 16))
    bits = load64(rule + OTHERWISE)
    if outcome != NO_OUTCOME:
        pairs = load64(rule + TO)
        for i in range(load64(rule + TO_COUNT)):
            if load64(pairs + 16 * i) == outcome:
                bits = load64(pairs + 16 * i + 8)
    if bits != STAY:
        home = state + load64(rule + HOME_WORD)
        store64(home, load64(home) & load64(rule + HOME_CLEAR) | bits)
    return 0


def carry_out(rule: int, state: int, new: int, size: int) -> int:
    """Write the state that an open rule leads to; return FAILED when the flag is raised."""
    copy(state, new, size)
    outcome = asked(rule + EFFECT, new)
    if load64(new + size) != 0:
        return FAILED
    settle(rule, new, outcome)
    return 0


def take(rules: int, state: int, out: int, size: int, fired: int) -> int:
    """Take every open rule of a list; return how many there were, or FAILED."""
    taken = 0
    for i in range(load64(rules)):
        rule = load64(rules + 8 + 8 * i)
        is_open = open_for(rule + WHEN, state)
        if is_open > 1:
            return FAILED
        if is_open == 1:
            if carry_out(rule, state, out + taken * size, size) != 0:
                return FAILED
            store8(fired + load64(rule + NUMBER), 1)
            taken += 1
    return taken


def take_all(env: int, state: int, out: int, fired: int) -> int:
    """Take every open rule in a state; return how many there were, or FAILED."""
    size = load64(env + SIZE)
    taken = take(load64(env + FREE), state, out, size, fired)
    if taken == FAILED:
        return FAILED
    actor = load64(env + ACTOR_TABLE)
    for _ in range(load64(env + ACTORS)):
        runs = open_for(actor + RUNS, state)
        if runs > 1:
            return FAILED
        if runs == 1:
            word = load64(state + load64(actor + PLACE_WORD))
            place = word >> load64(actor + PLACE_SHIFT) & load64(actor + PLACE_MASK)
            rules = load64(load64(actor + LISTS) + 8 * place)
            more = take(rules, state, out + taken * size, size, fired)
            if more == FAILED:
                return FAILED
            taken += more
        actor += ACTOR
    return taken


def expand_by_tables(env: int, first: int, count: int, out: int, ends: int, fired: int) -> int:
    """Write the successors of some states; see the contract in `walk.py`."""
    size = load64(env + SIZE)
    total = 0
    for i in range(count):
        state = first + i * size
        over = 0
        if load64(env + TERMINAL) != 0:
            over = asked(env + TERMINAL, state)
        if over > 1:
            return FAILED | i
        if over == 1:
            store32(ends + 4 * i, total | OVER)
        else:
            taken = take_all(env, state, out + total * size, fired)
            if taken == FAILED:
                return FAILED | i
            total += taken
            store32(ends + 4 * i, total)
    return total


def judge_by_tables(env: int, state: int, wanted: int) -> int:
    """Tell which of the wanted bits show in a state; bit 63 when a guard raised the flag."""
    cells = load64(env + JUDGED)
    expected = load64(env + EXPECTED)
    shown = 0
    bit = 0
    while wanted >> bit != 0:
        if wanted >> bit & 1 != 0:
            found = asked(cells + CELL * bit, state)
            if found > 1:
                return FAILED
            if found == load64(expected + 8 * bit):
                shown |= 1 << bit
        bit += 1
    return shown
