# SPDX-License-Identifier: Apache-2.0
"""What a search answers: counts, one verdict for each property, traces."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from xsavvy.checker.exploration import Ended


@dataclass(frozen=True)
class Hop:
    """One transition of a trace; values are written as people read them.

    `interrupted` names the actor that an event came upon. `changes` maps a field (`field` or
    `field[i]`) to its old and new value. `rule` is the index of the rule in its system.
    """

    actor: str
    step: str
    source: str
    summary: str
    arguments: Mapping[str, str]
    changes: Mapping[str, tuple[str, str]]
    interrupted: str = ""
    inferred: bool = False
    rule: int = -1


@dataclass(frozen=True)
class Trace:
    """A shortest way to a state: the values at the start, then one hop after another."""

    start: Mapping[str, str]
    hops: tuple[Hop, ...]

    def __len__(self) -> int:
        return len(self.hops)

    @property
    def end(self) -> Mapping[str, str]:
        """Values after the last hop."""
        values = dict(self.start)
        for hop in self.hops:
            values.update({name: new for name, (_, new) in hop.changes.items()})
        return values


@dataclass(frozen=True)
class Verdict:
    """What became of one property; `depth` and `trace` belong to the first violation.

    Of an eventuality `depth` is the length of the stem, and from hop number `loop` on (counted
    from 0) the trace goes round for ever. A loop without hops stands for a run that ends.
    """

    name: str
    sentence: str
    source: str
    verdict: Literal["holds", "violated", "incomplete"]
    depth: int | None = None
    trace: Trace | None = None
    loop: int | None = None


@dataclass(frozen=True)
class Sighting:
    """What became of one witness; `depth` and `trace` lead to the first state that shows it."""

    name: str
    sentence: str
    verdict: Literal["seen", "unseen", "incomplete"]
    depth: int | None = None
    trace: Trace | None = None


@dataclass(frozen=True)
class Deadlocks:
    """States without any enabled rule that are not terminal."""

    count: int
    trace: Trace | None = None


@dataclass(frozen=True)
class Unreached:
    """Steps and events that were never taken, and of other events the values never chosen."""

    steps: tuple[str, ...]
    events: tuple[str, ...]
    values: tuple[str, ...] = ()


@dataclass(frozen=True)
class FieldUse:
    """A field as it was searched: its legal values, its bits, its value if it is constant."""

    name: str
    kind: str
    bits: int
    constant: str | None
    doc: str


@dataclass(frozen=True)
class Outcome:
    """The answer of a search; `complete` is false when a limit or the user ended it.

    `ended` says which; `bytes` is the memory that the states took, where the engine knows.
    """

    engine: str
    states: int
    transitions: int
    depth: int
    complete: bool
    ended: Ended
    bytes: int | None
    seconds: float
    verdicts: tuple[Verdict, ...]
    witnesses: tuple[Sighting, ...]
    deadlocks: Deadlocks
    unreached: Unreached
    fields: tuple[FieldUse, ...]

    def verdict(self, name: str) -> Verdict:
        """Find the verdict of a property. Raises KeyError."""
        for item in self.verdicts:
            if item.name == name:
                return item
        raise KeyError(name)

    def witness(self, name: str) -> Sighting:
        """Find the sighting of a witness. Raises KeyError."""
        for item in self.witnesses:
            if item.name == name:
                return item
        raise KeyError(name)
