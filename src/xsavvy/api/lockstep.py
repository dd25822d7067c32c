# SPDX-License-Identifier: Apache-2.0
"""Two worlds on the same events: where do they part?

The left world follows a path. Whatever somebody else does (the guest, hardware, userspace: every event) happens on the
right too, at the same place of the run. The host's own steps go by themselves on each side: equal steps pair up, also
where one kernel takes them in another function; a step that one side lacks stands alone. The worlds part where the
right side cannot take an event; before that, or without it, values may differ where both have just taken the same step.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import msgspec

from xsavvy.checker.record import State
from xsavvy.checker.rule import Rule

from .alignment import Label, aligned
from .shared import shared_fields
from .walking import Walk

__all__ = ["Lockstep", "Pair", "Parting", "SoftParting", "lockstep"]

FARTHEST = 300
"""Host steps that the right side may take beyond those of the left."""

AHEAD = 40
"""Host steps that the left would take next: what comes after decides which step fits which."""

MOST_AT_ONCE = 200
"""Steps of the left that are put beside the right's at once, which bounds the work."""


class Pair(msgspec.Struct, frozen=True):
    """A row of both walks: the index of a step of each, None where that side takes none.

    `differs` names the fields that differ afterwards, where both took a step.
    """

    left: int | None
    right: int | None
    differs: list[str] = msgspec.field(default_factory=list)


class Parting(msgspec.Struct, frozen=True):
    """The pair whose event the right side cannot take, and why."""

    at: int
    why: str


class SoftParting(msgspec.Struct, frozen=True):
    """The first pair after which fields differ though both took the same step, and did not differ at the start."""

    at: int
    fields: list[str]


@dataclass
class Lockstep:
    """Both walks row by row, and the path that the right side took.

    >>> from .address import WorldAddress
    >>> from .exploring import Explorer
    >>> explorer = Explorer(WorldAddress("pkru", "v6.18"), platform="sapphire-rapids")
    >>> left = explorer.place(explorer.begin).walk
    >>> right = explorer.place(WorldAddress("pkru", "v6.19")).walk
    >>> both = lockstep(left, right, [11, 12, 13])
    >>> [(pair.left, pair.right) for pair in both.pairs], both.parted
    ([(0, 0), (1, 1), (2, 2)], None)
    """

    pairs: list[Pair] = field(default_factory=list)
    path: list[int] = field(default_factory=list)
    parted: Parting | None = None
    unlike: list[str] = field(default_factory=list)

    @property
    def softly(self) -> SoftParting | None:
        """Where values began to differ that did not at the start (`unlike` are those that did)."""
        for at, pair in enumerate(self.pairs):
            new = [name for name in pair.differs if name not in self.unlike]
            if new:
                return SoftParting(at, new)
        return None


def lockstep(left: Walk, right: Walk, path: Sequence[int]) -> Lockstep:
    """Let the right world follow a path of the left one, which has to be possible there. Raises CheckerError."""
    side = _Side(left, right, path)
    at = 0
    while at < len(path) and side.found.parted is None:
        at = side.event(at) if left.system.rules[path[at]].is_event else side.steps(at)
    side.found.pairs += [Pair(index, None) for index in range(at, len(path))]
    return side.found


class _Side:
    """The right side on its way."""

    def __init__(self, left: Walk, right: Walk, path: Sequence[int]) -> None:
        self.left, self.right, self.path = left, right, path
        self.states = left.states(path)
        assert len(self.states) == len(path) + 1, "the path leads through the left world"
        self.state = right.start
        self._shared = shared_fields(left, right)
        self.found = Lockstep(unlike=self._unlike(self.states[0]))
        self._events = {_identity(rule): rule for rule in right.system.rules if rule.is_event}

    def event(self, at: int) -> int:
        """Let an event of the left happen on the right; return the index after it."""
        event = self.left.system.rules[self.path[at]]
        rule = self._events.get(_identity(event))
        way = [] if rule is None else self._way_to(rule)
        for step, state in way[:-1]:
            self._row(None, (step, state))
        if way:
            self._row(at, way[-1])
        else:
            self.found.parted = Parting(len(self.found.pairs), self._why(event, rule))
            self._row(at, None)
        return at + 1

    def steps(self, at: int) -> int:
        """Take the right's steps that belong to the host's steps of the left; return the index after them."""
        end = self._end_of_steps(at)
        while at < end and self._same_step(at):
            at += 1
        if at < end:
            at = self._side_by_side(at, end)
        if self.left.next_step(self.states[at]) is None:
            self._to_the_end()
        return at

    def _same_step(self, at: int) -> bool:
        """Take the right's next step if it is that of the left."""
        step = self.right.next_step(self.state)
        if step is None or _label(step[0]) != self._label_at(at):
            return False
        self._row(at, step)
        return True

    def _side_by_side(self, at: int, end: int) -> int:
        """Align what comes on both sides, and take the right's steps up to the last one of the left."""
        stop = min(end, at + MOST_AT_ONCE)
        known = min(end, stop + AHEAD)
        labels = [self._label_at(index) for index in range(at, known)]
        labels += [_label(rule) for rule, _ in _run(self.left, self.states[known], AHEAD)]
        run = list(_run(self.right, self.state, len(labels) + FARTHEST))
        for here, there in aligned(labels, [_label(rule) for rule, _ in run]):
            if at == stop:
                break
            self._row(None if here is None else at, None if there is None else run[there])
            at += here is not None
        return stop

    def _to_the_end(self) -> None:
        """Let the right's host go on until it waits, as the left's does; not if it goes in circles."""
        run = list(_run(self.right, self.state, FARTHEST))
        if len(run) < FARTHEST:
            for step in run:
                self._row(None, step)

    def _way_to(self, event: Rule) -> list[tuple[Rule, State]]:
        """Return the steps after which an event is possible, and itself; nothing if it never is."""
        way: list[tuple[Rule, State]] = []
        state = self.state
        for step in (None, *_run(self.right, self.state, FARTHEST)):
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
            right = len(self.found.path)
            self.found.path.append(step[0].index)
            self.state = step[1]
        names: list[str] = []
        if here is not None and right is not None:
            names = self._unlike(self.states[here + 1])
        self.found.pairs.append(Pair(here, right, names))

    def _unlike(self, state: State) -> list[str]:
        """Name the fields that differ between a state of the left and where the right is."""
        return [each.name for each in self._shared if each.differs(state, self.state)]

    def _end_of_steps(self, at: int) -> int:
        rules = self.left.system.rules
        events = (end for end in range(at, len(self.path)) if rules[self.path[end]].is_event)
        return next(events, len(self.path))

    def _label_at(self, at: int) -> Label:
        return _label(self.left.system.rules[self.path[at]])

    def _why(self, event: Rule, rule: Rule | None) -> str:
        """Say in one line why the right cannot take an event."""
        upon = f" upon {event.interrupted}" if event.interrupted else ""
        what = f"{event.name} by {event.actor}{upon}"
        if rule is None:
            return f"{what}: there is no such event on the right"
        if self.right.over(self.state):
            return f"{what}: the right has come to its end"
        if rule.slot is not None and self.state[rule.slot] not in rule.locations:
            place = self.right.system.shape.slots[rule.slot].kind.show(self.state[rule.slot])
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
