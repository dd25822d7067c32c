# SPDX-License-Identifier: Apache-2.0
"""Two threads at the same slot: every way in which one can come between the steps of the other."""

from __future__ import annotations

import pytest

from tests.checker.native.spoken import spoken
from tests.checker.native.toy import Maze
from xsavvy.checker.native import control
from xsavvy.checker.native.hashing import OCCUPIED
from xsavvy.checker.native.primitive import load64
from xsavvy.checker.native.store import Area
from xsavvy.checker.native.walk import Tuning


class Intruder:
    """Does something once, ahead of the primitive with a given number."""

    def __init__(self, step, deed):
        self.left = step
        self.deed = deed

    def __call__(self):
        self.left -= 1
        if self.left == 0:
            self.deed()


@pytest.mark.parametrize("there", [0, 5, 7, 8])
@pytest.mark.parametrize("other", [1, 1 << 20], ids=["same key", "other key"])
def test_each_key_is_entered_once(there, other):
    """Whenever another thread enters a key, each is in the table once, and new to one of them."""
    alone = spoken(1)
    step, intruded = 0, True
    while intruded:
        step += 1
        table = Area(128)
        end = table.address + 128
        for key in range(100, 100 + there):
            alone["insert"](table.address, end, table.address, key, 1)
        fresh = []

        def enter(keys=fresh, first=table.address, end=end):
            keys.append(alone["insert"](first, end, first, other, 1))

        intruder = Intruder(step, enter)
        mine = spoken(1, intruder)["insert"](table.address, end, table.address, 1, 1)
        intruded = intruder.left <= 0
        if not intruded:
            enter()
        keys = sorted(word ^ OCCUPIED for word in table.words(0, 16) if word)
        assert keys == sorted({1, other, *range(100, 100 + there)})
        assert mine + fresh[0] == len({1, other})
        table.close()
    assert step > 3


@pytest.mark.parametrize("other", [False, True], ids=["same word", "other word"])
def test_each_word_is_learned_once(walk_of, other):
    """Whenever another thread learns a word, the same or one for the same slot, both are right."""
    alone = spoken(2)
    step, intruded = 0, True
    while intruded:
        step += 1
        walk = walk_of(Maze(words=2), threads=2, tuning=Tuning(words=8))
        at = walk.board.address + control.DICTIONARIES
        word = 12
        slot = alone["find"](at, word)
        near = (n for n in range(13, 10**6) if alone["find"](at, n) == slot)
        intruding = next(near) if other else word
        indexes = {}

        def learn(indexes=indexes, at=at, word=intruding, slot=slot):
            claimed = load64(slot) == word | OCCUPIED and load64(slot + 8) == 0
            if not claimed:  # it would wait for the index
                indexes["other"] = alone["intern"](at, word)

        intruder = Intruder(step, learn)
        indexes["mine"] = spoken(2, intruder)["intern"](at, word)
        intruded = intruder.left <= 0
        if "other" not in indexes:
            learn()
        assert (indexes["mine"] == indexes["other"]) == (not other)
        dictionary = walk.dictionaries.all[0]
        known = dictionary.words.words(0, dictionary.count)
        assert sorted(known) == sorted({word, intruding})
        assert known[indexes["mine"]] == word
        assert known[indexes["other"]] == intruding
    assert step > 6
