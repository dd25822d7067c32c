# SPDX-License-Identifier: Apache-2.0
"""What an engine hands back, and the meter that shows how far it is."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

S = TypeVar("S")

Progress = Callable[[int, int, int, int, float], None]

INTERVAL = 0.1


@dataclass
class Exploration(Generic[S]):
    """The raw result of a search, in the engine's own form of state.

    `parent` maps every known state to the one it was first reached from (None: a start).
    `violated` and `witnessed` map the number of a property or witness to the first state.
    """

    parent: dict[S, S | None] = field(default_factory=dict)
    transitions: int = 0
    depth: int = 0
    complete: bool = False
    violated: dict[int, S] = field(default_factory=dict)
    witnessed: dict[int, S] = field(default_factory=dict)
    deadlocks: int = 0
    deadlock: S | None = None
    fired: set[int] = field(default_factory=set)

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
