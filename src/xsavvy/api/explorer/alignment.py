# SPDX-License-Identifier: Apache-2.0
"""Put two runs of steps side by side: equal steps pair up, what one run lacks stands alone.

A step is an actor, the path that it is on and its own name. A step that was moved to another path is the same step by
its actor and its own name; an equal path only makes a better pair.
"""

from collections.abc import Sequence
from typing import NamedTuple

__all__ = ["Label", "aligned"]

ALONE = 2
"""What a step costs that stands alone; of all alignments the one that costs least is taken."""

MOVED = 1
"""What a pair costs whose paths differ."""

Pairs = list[tuple[int | None, int | None]]


class Label(NamedTuple):
    """Who takes a step, the path that it is on, and its name there."""

    actor: str
    path: str
    step: str

    def cost(self, other: "Label") -> int | None:
        """Return what it costs to pair two steps; None if they are not the same."""
        if (self.actor, self.step) != (other.actor, other.step):
            return None
        return 0 if self.path == other.path else MOVED


def aligned(left: Sequence[Label], right: Sequence[Label]) -> Pairs:
    """Align all of `left` with the beginning of `right` that fits it best; return pairs of positions.

    The rest of `right`, after the last step that fits, is left out. Among equally good alignments, that with the
    earliest pairs.

    >>> here = [Label("vcpu", "vmx_vcpu_run", step) for step in ("xcr0", "pkru", "vmenter")]
    >>> there = [Label("vcpu", "vcpu_enter_guest", "pkru"), *here]
    >>> aligned(here, there)
    [(None, 0), (0, 1), (1, 2), (2, 3)]
    """
    costs = _costs(left, right)
    pairs: Pairs = []
    i = j = 0
    while i < len(left):
        pair = left[i].cost(right[j]) if j < len(right) else None
        if pair is not None and costs[i][j] == costs[i + 1][j + 1] + pair:
            pairs.append((i, j))
            i, j = i + 1, j + 1
        elif costs[i][j] == costs[i + 1][j] + ALONE:
            pairs.append((i, None))
            i += 1
        else:
            pairs.append((None, j))
            j += 1
    return pairs


def _costs(left: Sequence[Label], right: Sequence[Label]) -> list[list[int]]:
    """Return, for each pair of positions, what the best alignment of what follows costs."""
    width = len(right)
    costs = [[0] * (width + 1) for _ in range(len(left) + 1)]
    for i in range(len(left) - 1, -1, -1):
        below, row = costs[i + 1], costs[i]
        row[width] = (len(left) - i) * ALONE
        for j in range(width - 1, -1, -1):
            pair = left[i].cost(right[j])
            alone = min(below[j], row[j + 1]) + ALONE
            row[j] = alone if pair is None else min(below[j + 1] + pair, alone)
    return costs
