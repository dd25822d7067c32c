# SPDX-License-Identifier: Apache-2.0
"""Kernel dialect: the states of a level that lead to given states.

The search keeps no pointers to parents; a trace expands the levels on its way again.
"""

from __future__ import annotations

from xsavvy.checker.native.collapse import ENDING, WORDS, decode
from xsavvy.checker.native.control import (
    AT,
    DONE,
    ENDS,
    FROM,
    NOW,
    OUT,
    SIEVE,
    STATES,
    TARGET_COUNT,
    TARGETS,
)
from xsavvy.checker.native.hashing import mixed
from xsavvy.checker.native.kernel import FAILED, aim, expand, sight
from xsavvy.checker.native.primitive import cold, load32, load64, store64


def seek(control: int, lane: int) -> int:
    """Expand a level again; remember for each target the smallest state that leads to it."""
    while aim(control, lane) != 0:
        states = decode(control, load64(lane + AT), load64(lane + NOW), load64(lane + STATES))
        count = load64(lane + NOW)
        found = expand(control, lane, states, count)
        if found >> 63 != 0:
            count = found ^ FAILED
            found = expand(control, lane, states, count)
            store64(lane + NOW, count + 1)
        compare(control, lane, states, count)
        store64(lane + FROM, load64(lane + FROM) + load64(lane + NOW))
    return DONE


def compare(control: int, lane: int, states: int, count: int) -> int:
    """Compare the successors of a batch with the targets."""
    out = load64(lane + OUT)
    ends = load64(lane + ENDS)
    sieve = load64(control + SIEVE)
    for i in range(count):
        end = load64(lane + OUT) + (((load32(ends + (i << 2)) & ENDING) * WORDS) << 3)
        while out < end:
            if (sieve >> sieve_bit(load64(out))) & 1 != 0:
                match(control, lane, out, states + ((i * WORDS) << 3))
            out += WORDS << 3
    return 0


def sieve_bit(word: int) -> int:
    """Choose one of 64 bits for a word; targets whose bit is not set need no comparison."""
    return mixed(word) >> 58


@cold
def match(control: int, lane: int, successor: int, state: int) -> int:
    """Remember a state for each target that equals its successor."""
    target = load64(control + TARGETS)
    for bit in range(load64(control + TARGET_COUNT)):
        j = 0
        while j < WORDS and load64(successor + (j << 3)) == load64(target + (j << 3)):
            j += 1
        if j == WORDS:
            sight(lane, bit, state)
        target += WORDS << 3
    return 0
