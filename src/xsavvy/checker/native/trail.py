# SPDX-License-Identifier: Apache-2.0
"""Ways back from states to a start, without a pointer stored for any of them.

The states before a state of level n are in level n - 1: expanding that level again finds them,
and the smallest (word by word) is taken, so that the way does not depend on threads.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from xsavvy.checker.error import EngineError
from xsavvy.checker.native import control
from xsavvy.checker.native.store import Area

if TYPE_CHECKING:
    from collections.abc import Iterator

    from xsavvy.checker.native.walk import Walk

State = tuple[int, ...]
Mark = tuple[int, ...]  # an index in each lane's keys: where a level begins

MOST = 62  # targets that one pass can seek: bits of a lane's sightings


def chains(walk: Walk, targets: Sequence[State]) -> list[list[State]]:
    """Find a shortest way from a start to each target; the levels are expanded once for all.

    Raises KeyError for a state that the search has not found.
    """
    high = tuple(walk.board.get(lane, control.HIGH) for lane in walk.board.lanes)
    marks = [*walk.levels, high, walk.board.tails()]  # the last level may be begun only
    found = {target: [target] for target in targets}
    depth = {target: level_of(walk, target, marks) for target in found}
    with _undisturbed(walk):
        for level in range(max(depth.values(), default=0), 0, -1):
            heads = {found[target][0] for target in found if depth[target] >= level}
            before = _parents(walk, marks[level - 1], marks[level], sorted(heads))
            for target, way in found.items():
                if depth[target] >= level:
                    way.insert(0, before[way[0]])
    return [found[target] for target in targets]


def level_of(walk: Walk, state: State, marks: list[Mark]) -> int:
    """Return the level of a state. Raises KeyError if it was not found."""
    key = walk.key(state)
    if key is not None:
        for lane, count in enumerate(marks[-1]):
            index = walk.kernel.locate(walk.board.get(lane, control.KEYS), count, key)
            if index < count:
                return bisect_right(marks, index, key=lambda mark: mark[lane]) - 1
    raise KeyError(state)


@contextmanager
def _undisturbed(walk: Walk) -> Iterator[None]:
    """Put the control block, and what the lanes remember, back after a use."""
    board = walk.board
    before = board.area.memory[:]
    sights = [area.memory[board.sights_at : board.fired_at] for area in board.scratch]
    try:
        yield
    finally:
        board.area.memory[:] = before
        for area, states in zip(board.scratch, sights, strict=True):
            area.memory[board.sights_at : board.fired_at] = states


def _parents(walk: Walk, first: Mark, last: Mark, targets: list[State]) -> dict[State, State]:
    found: dict[State, State] = {}
    for at in range(0, len(targets), MOST):
        found |= _seek(walk, first, last, targets[at : at + MOST])
    return found


def _seek(walk: Walk, first: Mark, last: Mark, targets: list[State]) -> dict[State, State]:
    """Find the smallest predecessor of each target in a level."""
    board, words = walk.board, walk.board.words
    area = Area(len(targets) * words * 8)
    area.put(0, [word for state in targets for word in state])
    board[control.TARGETS] = area.address
    board[control.TARGET_COUNT] = len(targets)
    sieve = 0
    for state in targets:
        sieve |= 1 << walk.kernel.sieve_bit(state[0])
    board[control.SIEVE] = sieve
    board.set_level(first, last)
    board.forget_sights()
    walk.team.run(lambda lane: walk.kernel.seek(board.address, board.lane(lane)), walk.crew())
    before = board.sighted()
    area.close()
    if len(before) != len(targets):
        raise EngineError("a state has no predecessor in the level before it")
    return {target: before[bit] for bit, target in enumerate(targets)}
