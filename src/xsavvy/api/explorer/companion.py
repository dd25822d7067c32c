# SPDX-License-Identifier: Apache-2.0
"""The right side of a lockstep on its way: it takes the left's events, and its own host's steps between them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain

from xsavvy.api.walking import Walk
from xsavvy.checker.record import State
from xsavvy.checker.rule import Rule

from .alignment import Label, aligned
from .lockstep import Lockstep, Pair, Parting, soft_parting
from .shared import shared_fields

__all__ = ["Companion"]

FARTHEST = 300
"""Host steps that the right side may take beyond those of the left."""

AHEAD = 40
"""Host steps that the left would take next: what comes after decides which step fits which."""

MOST_AT_ONCE = 200
"""Steps of the left that are put beside the right's at once, which bounds the work."""


@dataclass(frozen=True)
class _Mark:
    """A moment after an event, from which a longer path can go on.

    It says how many of the left's steps, of the rows and of the right's steps there are, and where the right is.
    """

    at: int
    rows: int
    steps: int
    state: State


class Companion:
    """Follows paths of the left world in the right one.

    It keeps what it did up to the last event that a path has in common with the one before, so that somebody who goes
    on step by step, or back, does not wait for the whole way again.

    >>> from .address import WorldAddress
    >>> from .exploring import Explorer
    >>> explorer = Explorer(WorldAddress("pkru", "v6.18"), platform="sapphire-rapids")
    >>> left, right = (explorer.place(WorldAddress(kernel=name)).walk for name in ("v6.18", "v6.19"))
    >>> both = Companion(left, right).follow([11, 12], left.states([11, 12]))
    >>> [(pair.left, pair.right) for pair in both.pairs], both.path, both.parted
    ([(0, 0), (1, 1)], [11, 12], None)
    """

    def __init__(self, left: Walk, right: Walk) -> None:
        self.left = left
        self.right = right
        self._shared = shared_fields(left, right)
        self._events = {_identity(rule): rule for rule in right.system.rules if rule.is_event}
        self._path: list[int] = []
        self._states: Sequence[State] = [left.start]
        self._marks: list[_Mark] = []
        self._pairs: list[Pair] = []
        self._steps: list[int] = []
        self._state = right.start
        self._parted: Parting | None = None
        self._at_start = self._unlike(left.start)

    def follow(self, path: Sequence[int], states: Sequence[State]) -> Lockstep:
        """Follow a path of the left world, of which all states are given. Raises CheckerError."""
        at = self._back_to(path)
        self._path, self._states = list(path), states
        while at < len(path) and self._parted is None:
            if self.left.system.rules[path[at]].is_event:
                at = self._event(at)
                self._mark(at)
            else:
                at = self._host_steps(at)
        rest = [Pair(index, None) for index in range(at, len(path))]
        pairs = [*self._pairs, *rest]
        softly = soft_parting(pairs, self._at_start)
        return Lockstep(pairs, list(self._steps), self._parted, softly)

    def _back_to(self, path: Sequence[int]) -> int:
        """Go back to the last event that a path has in common with the one before; return the index after it."""
        pairs = zip(self._path, path, strict=False)
        common = next((at for at, (old, new) in enumerate(pairs) if old != new), None)
        if common is None:
            common = min(len(self._path), len(path))
        while self._marks and self._marks[-1].at > common:
            self._marks.pop()
        mark = self._marks[-1] if self._marks else _Mark(0, 0, 0, self.right.start)
        del self._pairs[mark.rows :]
        del self._steps[mark.steps :]
        self._state, self._parted = mark.state, None
        return mark.at

    def _mark(self, at: int) -> None:
        if self._parted is None:
            self._marks.append(_Mark(at, len(self._pairs), len(self._steps), self._state))

    def _event(self, at: int) -> int:
        """Let an event of the left happen on the right; return the index after it."""
        event = self.left.system.rules[self._path[at]]
        rule = self._events.get(_identity(event))
        way = [] if rule is None else self._way_to(rule)
        for step, state in way[:-1]:
            self._row(None, (step, state))
        if way:
            self._row(at, way[-1])
        else:
            self._parted = Parting(len(self._pairs), self._why(event, rule))
            self._row(at, None)
        return at + 1

    def _host_steps(self, at: int) -> int:
        """Take the right's steps that belong to the host's steps of the left; return the index after them."""
        end = self._end_of_steps(at)
        while at < end and self._same_step(at):
            at += 1
        if at < end:
            at = self._side_by_side(at, end)
        if self.left.next_step(self._states[at]) is None:
            self._to_the_end()
        return at

    def _same_step(self, at: int) -> bool:
        """Take the right's next step if it is that of the left."""
        step = self.right.next_step(self._state)
        if step is None or _label(step[0]) != self._label_at(at):
            return False
        self._row(at, step)
        return True

    def _side_by_side(self, at: int, end: int) -> int:
        """Align what comes on both sides, and take the right's steps up to the last one of the left."""
        stop = min(end, at + MOST_AT_ONCE)
        known = min(end, stop + AHEAD)
        labels = [self._label_at(index) for index in range(at, known)]
        labels += [_label(rule) for rule, _ in _run(self.left, self._states[known], AHEAD)]
        run = list(_run(self.right, self._state, len(labels) + FARTHEST))
        for here, there in aligned(labels, [_label(rule) for rule, _ in run]):
            if at == stop:
                break
            self._row(None if here is None else at, None if there is None else run[there])
            at += here is not None
        return stop

    def _to_the_end(self) -> None:
        """Let the right's host go on until it waits, as the left's does; not if it goes in circles."""
        run = list(_run(self.right, self._state, FARTHEST))
        if len(run) < FARTHEST:
            for step in run:
                self._row(None, step)

    def _way_to(self, event: Rule) -> list[tuple[Rule, State]]:
        """Return the steps after which an event is possible, and itself; nothing if it never is."""
        way: list[tuple[Rule, State]] = []
        state = self._state
        for step in chain((None,), _run(self.right, self._state, FARTHEST)):
            if step is not None:
                way.append(step)
                state = step[1]
            after = None if self.right.over(state) else self.right.after(state, event)
            if after is not None:
                return [*way, (event, after)]
        return []

    def _row(self, here: int | None, step: tuple[Rule, State] | None) -> None:
        """Write a row, and take the right's step if there is one."""
        right = None
        if step is not None:
            right = len(self._steps)
            self._steps.append(step[0].index)
            self._state = step[1]
        names: list[str] = []
        if here is not None and right is not None:
            names = self._unlike(self._states[here + 1])
        self._pairs.append(Pair(here, right, names))

    def _unlike(self, state: State) -> list[str]:
        """Name the fields that differ between a state of the left and where the right is."""
        return [each.name for each in self._shared if each.differs(state, self._state)]

    def _end_of_steps(self, at: int) -> int:
        rules = self.left.system.rules
        events = (end for end in range(at, len(self._path)) if rules[self._path[end]].is_event)
        return next(events, len(self._path))

    def _label_at(self, at: int) -> Label:
        return _label(self.left.system.rules[self._path[at]])

    def _why(self, event: Rule, rule: Rule | None) -> str:
        """Say in one line why the right cannot take an event."""
        upon = f" upon {event.interrupted}" if event.interrupted else ""
        what = f"{event.name} by {event.actor}{upon}"
        if rule is None:
            return f"{what}: there is no such event on the right"
        if self.right.over(self._state):
            return f"{what}: the right has come to its end"
        if rule.slot is not None and self._state[rule.slot] not in rule.locations:
            place = self.right.system.shape.slots[rule.slot].kind.show(self._state[rule.slot])
            return f"{what}: it cannot come where {rule.interrupted} is on the right, at {place}"
        return f"{what}: what it needs is not so on the right"


def _label(rule: Rule) -> Label:
    path, _, step = rule.name.rpartition(".")
    return Label(rule.actor, path, step)


def _identity(rule: Rule) -> tuple[str, str, str, tuple[tuple[str, int], ...]]:
    return rule.actor, rule.name, rule.interrupted, rule.arguments


def _run(walk: Walk, state: State, limit: int) -> Iterator[tuple[Rule, State]]:
    """Give the host's own steps from a state on."""
    for _ in range(limit):
        step = walk.next_step(state)
        if step is None:
            return
        yield step
        state = step[1]
