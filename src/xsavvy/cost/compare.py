# SPDX-License-Identifier: Apache-2.0
"""Tallies beside each other: what they take in cycles, and where one becomes cheaper than the other.

Two choices share most of what they execute. So what is priced is the difference: an event on both sides takes the
same cycles on both, however uncertain they are.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from fractions import Fraction
from typing import NamedTuple, Protocol

from .event import Event, Kind

__all__ = ["BreakEven", "Prices", "Range", "break_even", "cycles", "difference"]

Counts = Mapping[Event, Fraction]


class Range(NamedTuple):
    """The least, the most likely and the most that something takes, in cycles."""

    low: float
    mid: float
    high: float


class Prices(Protocol):
    """What one event takes on a CPU."""

    def cycles(self, kind: Kind, detail: str) -> tuple[float, float, float]:
        """Return low, mid and high; nothing for what has no price."""
        ...

    def unpriced(self, events: Iterable[Event]) -> list[Event]:
        """Return the events that have no price."""
        ...


class BreakEven(NamedTuple):
    """How often the first workload must happen for each time that the second does, for two choices to cost the same."""

    low: float
    mid: float
    high: float


def cycles(counts: Counts, prices: Prices) -> Range:
    """Price a tally; a count below zero (of a difference) turns its event's range round.

    An exit takes what it takes whatever its reason, unless a weight says otherwise: an exit for one reason instead
    of another is no difference.

    >>> class Flat:
    ...     def cycles(self, kind, detail):
    ...         return (1, 2, 4)
    ...     def unpriced(self, events):
    ...         return []
    >>> cycles({Event(Kind.WRMSR, "IA32_XFD"): Fraction(3), Event(Kind.RDPKRU): Fraction(-1)}, Flat())
    Range(low=-1.0, mid=4.0, high=11.0)
    """
    low = mid = high = 0.0
    sums: dict[tuple[Event, tuple[float, float, float]], Fraction] = {}
    for event, count in counts.items():
        alike = Event(event.kind) if event.kind == Kind.VMEXIT else event
        key = alike, prices.cycles(event.kind, event.detail)
        sums[key] = sums.get(key, Fraction(0)) + count
    for (_, price), total in sums.items():
        least, likely, most = price if total >= 0 else reversed(price)
        low += float(total) * least
        mid += float(total) * likely
        high += float(total) * most
    return Range(low, mid, high)


def difference(first: Counts, second: Counts) -> dict[Event, Fraction]:
    """Return what the first has more of than the second; negative where it has less."""
    both = {
        event: first.get(event, Fraction(0)) - second.get(event, Fraction(0))
        for event in {**first, **second}
    }
    return {event: count for event, count in both.items() if count}


def break_even(gain: Range, price: Range) -> BreakEven | None:
    """Return how many of one workload, each saving `gain`, pay for one of the other, each costing `price`.

    None if there is no such number: the gain or the price may be nothing, or less.

    >>> break_even(Range(1000, 1500, 2000), Range(50, 75, 100))
    BreakEven(low=0.025, mid=0.05, high=0.1)
    """
    if gain.low <= 0 or price.low <= 0:
        return None
    return BreakEven(price.low / gain.high, price.mid / gain.mid, price.high / gain.low)
