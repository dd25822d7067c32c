# SPDX-License-Identifier: Apache-2.0
"""Whose steps a trace has: the lanes of its picture, and which steps are folded away in a long one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

from xsavvy.api.lanes import LANES, lane_of

if TYPE_CHECKING:
    from xsavvy.api import CheckResult, TraceStep

__all__ = ["Row", "lanes_of", "rows_of"]

LONG, QUIET = 16, 3


class Row(NamedTuple):
    """A step with its number from 1, or, without a step, as many that change nothing as `quiet` says."""

    number: int
    step: TraceStep | None
    quiet: int = 0


def lanes_of(steps: Sequence[TraceStep]) -> dict[str, str]:
    """Return the lanes that a trace needs, with their titles, in the order in which pictures draw them."""
    used = {_lane(step) for step in steps}
    return {lane: title for lane, title in LANES.items() if lane in used}


def rows_of(result: CheckResult) -> list[Row]:
    """Return the rows of a picture: every step of a short trace; in a long one, runs of quiet steps are one row."""
    numbered = list(enumerate(result.trace, 1))
    if len(numbered) <= LONG:
        return [Row(number, step) for number, step in numbered]
    return list(_folded(numbered, _kept(result)))


def _kept(result: CheckResult) -> set[int]:
    """Return the steps that must be seen though they change nothing: the ends, and where another actor cuts in."""
    steps = result.trace
    kept = {1, len(steps)}
    for number in range(2, len(steps) + 1):
        if _lane(steps[number - 1]) != _lane(steps[number - 2]):
            kept |= {number - 1, number}
    return kept


def _lane(step: TraceStep) -> str:
    return lane_of(step.actor, step.step)


def _folded(numbered: Sequence[tuple[int, TraceStep]], kept: set[int]) -> Iterator[Row]:
    waiting: list[tuple[int, TraceStep]] = []
    for number, step in numbered:
        if number in kept or step.changes:
            yield from _together(waiting)
            waiting = []
            yield Row(number, step)
        else:
            waiting.append((number, step))
    yield from _together(waiting)


def _together(waiting: Sequence[tuple[int, TraceStep]]) -> Iterator[Row]:
    if len(waiting) >= QUIET:
        yield Row(waiting[0][0], None, len(waiting))
    else:
        yield from (Row(number, step) for number, step in waiting)
