# SPDX-License-Identifier: Apache-2.0
"""What an engine hands back, and the meter that shows how far it is."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from typing import Generic, Literal, Protocol, TypeVar

S = TypeVar("S")

Ended = Literal["complete", "states", "memory", "stopped"]

Progress = Callable[[int, int, int, int, float], None]

INTERVAL = 0.1


class Found(Protocol[S]):
    """The raw result of a search, in the engine's own form of state.

    `violated` and `witnessed` map the number of a property or witness to the first state that
    shows it, `fired` holds the numbers of the rules that were taken. `ended` says how it ended:
    "complete", at a limit of "states" or "memory", or "stopped" by the user.
    """

    @property
    def states(self) -> int:
        """Number of distinct states."""

    @property
    def transitions(self) -> int:
        """Number of enabled rules, over all states that were expanded."""

    @property
    def depth(self) -> int:
        """Transitions on the longest of the shortest ways."""

    @property
    def ended(self) -> Ended:
        """How the search ended."""

    @property
    def violated(self) -> Mapping[int, S]:
        """First state that violates each property."""

    @property
    def witnessed(self) -> Mapping[int, S]:
        """First state that shows each witness."""

    @property
    def deadlocks(self) -> int:
        """Number of states that are stuck."""

    @property
    def deadlock(self) -> S | None:
        """First of them."""

    @property
    def fired(self) -> AbstractSet[int]:
        """Numbers of the rules that were taken."""

    @property
    def bytes(self) -> int | None:
        """Memory that the states took, where the engine knows."""

    def chain(self, state: S) -> Sequence[S]:
        """List the states from a start to one of those above."""


@dataclass
class Exploration(Generic[S]):
    """What the engines that keep a dict of all states hand back.

    `parent` maps every known state to the one it was first reached from (None: a start).
    """

    parent: dict[S, S | None] = field(default_factory=dict)
    transitions: int = 0
    depth: int = 0
    ended: Ended = "stopped"
    violated: dict[int, S] = field(default_factory=dict)
    witnessed: dict[int, S] = field(default_factory=dict)
    deadlocks: int = 0
    deadlock: S | None = None
    fired: set[int] = field(default_factory=set)
    bytes: int | None = None

    @property
    def states(self) -> int:
        """Number of distinct states."""
        return len(self.parent)

    def chain(self, state: S) -> list[S]:
        """List the states from a start to `state`."""
        states = [state]
        before = self.parent[state]
        while before is not None:
            states.append(before)
            before = self.parent[before]
        return states[::-1]


class Meter:
    """Calls a progress function at most every tenth of a second."""

    def __init__(self, progress: Progress | None = None) -> None:
        self.progress = progress
        self.began = time.perf_counter()
        self.next = self.began + INTERVAL

    @property
    def seconds(self) -> float:
        """Time since the search began."""
        return time.perf_counter() - self.began

    def show(self, states: int, transitions: int, depth: int, frontier: int) -> None:
        """Report, if it is time to."""
        if self.progress is not None and time.perf_counter() >= self.next:
            self.progress(states, transitions, depth, frontier, self.seconds)
            self.next = time.perf_counter() + INTERVAL


class Remainder:
    """Estimates how many states are still to be expanded.

    In the second half of a search each level is smaller than the one before by about the same
    factor, so the rest is a geometric series. There is no estimate while levels grow.

    >>> rest = Remainder()
    >>> for depth in range(12):
    ...     left = rest.after(depth, 1 << 20 - depth)
    >>> left
    1024
    """

    KEPT = 8  # levels that the factor is taken from
    SURE = 0.98  # a factor nearer to 1 says nothing

    def __init__(self) -> None:
        self.sizes: dict[int, int] = {}

    def after(self, depth: int, frontier: int) -> int | None:
        """Note the frontier at a depth; return the estimate, or None."""
        self.sizes[depth] = max(frontier, self.sizes.get(depth, 0))
        for old in [level for level in self.sizes if level < depth - self.KEPT]:
            del self.sizes[old]
        first = min(self.sizes)
        if depth - first < self.KEPT // 2 or not self.sizes[first]:
            return None
        factor = (self.sizes[depth] / self.sizes[first]) ** (1 / (depth - first))
        return round(frontier / (1 - factor)) if factor < self.SURE else None
