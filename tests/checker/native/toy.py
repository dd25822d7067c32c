# SPDX-License-Identifier: Apache-2.0
"""Small models in the kernel dialect, and the same again as plain Python.

Maze: a random graph of ENV's size, with deadlocks, terminal states and illegal ones; the number
of a state is spread over WORDS words. Grid: two counters of one word, whose lengths are known.
"""

from __future__ import annotations

import ctypes
from dataclasses import dataclass, field

from xsavvy.checker.native.hashing import mixed
from xsavvy.checker.native.jit import Jit
from xsavvy.checker.native.lower import lower
from xsavvy.checker.native.primitive import high_product, load64, store8, store32, store64

WORDS = 1
RULES = 4
FAN = 4
TERMINAL = 1 << 31

# cells of ENV
SIZE = 0
DEAD = 8  # of 256 states are without successors, half of them terminal
POISON = 16  # this state is illegal to expand
CURSE = 24  # this state is illegal to judge
SHIFT = 32  # bits of a state's number in one word


def number(env, state):
    total = 0
    for j in range(WORDS):
        total |= (load64(state + (j << 3)) >> 20) << (j * load64(env + SHIFT))
    return total


def spread(env, total, state):
    shift = load64(env + SHIFT)
    for j in range(WORDS):
        part = total >> (j * shift)
        if j + 1 < WORDS:
            part &= (1 << shift) - 1
        store64(state + (j << 3), (part << 20) | (j + 7))
    return 0


def maze_expand(env, first, count, out, ends, fired):
    size = load64(env + SIZE)
    found = 0
    for i in range(count):
        total = number(env, first + ((i * WORDS) << 3))
        if total == load64(env + POISON):
            return (1 << 63) | i
        luck = mixed(total)
        terminal = 0
        if (luck & 255) < load64(env + DEAD):
            terminal = ((luck >> 8) & 1) << 31
        else:
            for rule in range(RULES):
                if (luck >> (rule + 20)) & 1 != 0:
                    following = total + rule
                    if rule > 1:
                        following = high_product(mixed(total * 4 + rule), size)
                    if following < size:
                        spread(env, following, out + ((found * WORDS) << 3))
                        found += 1
                        store8(fired + rule, 1)
            terminal = 0
        store32(ends + (i << 2), found | terminal)
    return found


def maze_judge(env, state, wanted):
    total = number(env, state)
    if total == load64(env + CURSE):
        return 1 << 63
    mask = 0
    if (total & 7) == 3:
        mask |= 1
    if total > 50:
        mask |= 2
    if total == 77:
        mask |= 4
    return mask & wanted


def grid_expand(env, first, count, out, ends, fired):
    size = load64(env)
    found = 0
    for i in range(count):
        state = load64(first + (i << 3))
        if (state & 0xFFFFFFFF) < size:
            store64(out + (found << 3), state + 1)
            found += 1
            store8(fired, 1)
        if (state >> 32) < size:
            store64(out + (found << 3), state + (1 << 32))
            found += 1
            store8(fired + 1, 1)
        store32(ends + (i << 2), found)
    return found


def grid_judge(env, state, wanted):
    both = load64(state)
    if (both & 0xFFFFFFFF) == 5 and (both >> 32) >= 3:
        return wanted & 1
    return 0


@dataclass
class Maze:
    """The maze's numbers, and where they are in memory."""

    words: int = 1
    size: int = 5000
    dead: int = 6
    poison: int = 1 << 50
    curse: int = 1 << 50
    shift: int = 5
    cells: ctypes.Array = field(init=False)

    def __post_init__(self):
        numbers = (self.size, self.dead, self.poison, self.curse, self.shift)
        self.cells = (ctypes.c_uint64 * 5)(*numbers)

    @property
    def env(self):
        return ctypes.addressof(self.cells)

    def state(self, total):
        words = []
        for j in range(self.words):
            part = total >> (j * self.shift)
            if j + 1 < self.words:
                part %= 1 << self.shift
            words.append(part * 2**20 + j + 7)
        return tuple(words)

    def total(self, words):
        return sum(word // 2**20 << j * self.shift for j, word in enumerate(words))

    def successors(self, total):
        luck = mixed(total)
        if luck % 256 < self.dead:
            return []
        ways = [r for r in range(RULES) if luck >> (r + 20) & 1]
        tos = [total + r if r < 2 else mixed(total * 4 + r) * self.size >> 64 for r in ways]
        return [to for to in tos if to < self.size]

    def terminal(self, total):
        luck = mixed(total)
        return luck % 256 < self.dead and bool(luck >> 8 & 1)

    def bits(self, total):
        return {0: total % 8 == 3, 1: total > 50, 2: total == 77}


@dataclass
class Answer:
    """What a search of a maze finds."""

    states: int = 0
    transitions: int = 0
    depth: int = 0
    deadlocks: int = 0
    first_deadlock: tuple | None = None
    sightings: dict = field(default_factory=dict)
    parents: dict = field(default_factory=dict)


def plain_search(maze, starts=(1,)):
    """Search breadth first, level by level, with sets."""
    answer = Answer()
    level = set(starts)
    answer.parents = dict.fromkeys(level)
    while True:
        for bit in range(3):
            seen = [maze.state(total) for total in level if maze.bits(total)[bit]]
            if seen:
                answer.sightings.setdefault(bit, min(seen))
        following = {}
        stuck = []
        for total in level:
            tos = maze.successors(total)
            answer.transitions += len(tos)
            if not tos and not maze.terminal(total):
                stuck.append(maze.state(total))
            for to in tos:
                if to not in answer.parents:
                    following.setdefault(to, []).append(total)
        answer.deadlocks += len(stuck)
        if stuck and answer.first_deadlock is None:
            answer.first_deadlock = min(stuck)
        if not following:
            break
        answer.depth += 1
        for to, froms in following.items():
            answer.parents[to] = min(froms, key=maze.state)
        level = set(following)
    answer.states = len(answer.parents)
    return answer


def plain_chain(maze, answer, total):
    """Follow the parents that `plain_search` chose."""
    way = []
    while total is not None:
        way.insert(0, maze.state(total))
        total = answer.parents[total]
    return way


def addresses(jit: Jit, kind: str, words: int = 1) -> tuple[int, int]:
    """Compile a toy's two functions."""
    functions = {"maze": (maze_expand, maze_judge), "grid": (grid_expand, grid_judge)}[kind]
    prefix = f"toy_{kind}_{words}_"
    text = lower(functions, prefix, {"WORDS": words})
    jit.add(text, lambda: text)
    return tuple(jit.address(prefix + function.__name__) for function in functions)
