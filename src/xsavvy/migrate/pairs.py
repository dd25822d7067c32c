# SPDX-License-Identifier: Apache-2.0
"""From every host to every host: how many destinations take each guest of each kind of host, and how many do not.

The work falls into sources, which do not know of each other: a cluster takes them in pieces.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from .finding import EFFECTS
from .fleet import Fleet, by_kind
from .guest import guest_of

__all__ = ["Totals", "totals_from"]

Totals = list[list[int]]
"""For each guest how many hosts there are of each verdict, in the order of EFFECTS."""


def totals_from(
    fleet: Fleet, sources: Sequence[int], guests: Sequence[tuple[str, bytes | None]]
) -> list[Totals]:
    """Count the verdicts of some sources, by the numbers of their kinds; guests are texts, or files with their bytes.

    >>> from xsavvy.cpuid.presets import PRESETS
    >>> from xsavvy.kvm import kernel
    >>> from .host import Host
    >>> hosts = [Host(name, PRESETS[name].table, kernel("v6.18")) for name in ("genoa", "milan", "genoa")]
    >>> totals_from(Fleet.of(hosts), [0, 1], [("host", None)])
    [[[2, 0, 0, 1]], [[3, 0, 0, 0]]]
    """
    found = []
    for row in sources:
        source = fleet.kinds[row]
        codes = by_kind(source, fleet, [guest_of(text, source, data) for text, data in guests])
        found.append([_counts(fleet, codes[:, place]) for place in range(len(guests))])
    return found


def _counts(fleet: Fleet, codes: np.ndarray[tuple[int, ...], np.dtype[np.uint8]]) -> list[int]:
    weighed = np.bincount(codes, weights=fleet.counts, minlength=len(EFFECTS))
    return [int(number) for number in weighed]
