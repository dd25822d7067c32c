# SPDX-License-Identifier: Apache-2.0
"""The compiled search against a plain one."""

from __future__ import annotations

import pytest

from tests.checker.native.toy import Maze, plain_chain, plain_search
from xsavvy.checker.native.walk import Tuning

TINY = Tuning(slots=16, words=4, chunk=64, alone=2, budget=1)


def same(walk, answer):
    """Compare everything that is counted or found first."""
    assert walk.states == answer.states
    assert walk.transitions == answer.transitions
    assert walk.depth == answer.depth
    assert walk.deadlocks == answer.deadlocks
    assert walk.first_deadlock == answer.first_deadlock
    assert walk.sightings == answer.sightings


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("words", [1, 2, 3, 6])
@pytest.mark.parametrize("tuning", [Tuning(), TINY], ids=["usual", "tiny"])
def test_search_agrees_with_a_plain_one(walk_of, words, threads, tuning):
    """Counts, depth, deadlocks, sightings and ways are those of a search with Python's sets."""
    maze = Maze(words=words, shift=3)
    answer = plain_search(maze)
    assert answer.deadlocks > 3
    assert answer.depth > 8
    walk = walk_of(maze, threads=threads, tuning=tuning)
    walk.start([maze.state(1)])
    assert walk.run() == "complete"
    same(walk, answer)
    assert walk.frontier == 0
    for total in list(answer.parents)[::701]:
        assert walk.chain(maze.state(total)) == plain_chain(maze, answer, total)
    same(walk, answer)
