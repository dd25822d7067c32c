# SPDX-License-Identifier: Apache-2.0
"""Put two runs of steps side by side: equal labels pair up, what one run lacks stands alone."""

from collections.abc import Hashable, Sequence

__all__ = ["aligned"]

Pairs = list[tuple[int | None, int | None]]


def aligned(left: Sequence[Hashable], right: Sequence[Hashable]) -> Pairs:
    """Align all of `left` with the beginning of `right` that fits it best; return pairs of positions.

    As few items as possible stand alone. The rest of `right`, after the last item that fits, is left out. Among equally
    good alignments, that with the earliest pairs.

    >>> aligned("abpc", "pabcde")
    [(None, 0), (0, 1), (1, 2), (2, None), (3, 3)]
    """
    same = _common(left, right)
    rest = _fitted(left[same:], right[same:])
    return [*((at, at) for at in range(same)), *(_shifted(pair, same) for pair in rest)]


def _common(left: Sequence[Hashable], right: Sequence[Hashable]) -> int:
    """Return how many items both begin with: usually all, so that nothing else is to be done."""
    most = min(len(left), len(right))
    return next((at for at in range(most) if left[at] != right[at]), most)


def _shifted(pair: tuple[int | None, int | None], by: int) -> tuple[int | None, int | None]:
    first, second = pair
    return None if first is None else first + by, None if second is None else second + by


def _fitted(left: Sequence[Hashable], right: Sequence[Hashable]) -> Pairs:
    costs = _costs(left, right)
    pairs: Pairs = []
    i = j = 0
    while i < len(left):
        if j < len(right) and left[i] == right[j] and costs[i][j] == costs[i + 1][j + 1]:
            pairs.append((i, j))
            i, j = i + 1, j + 1
        elif costs[i][j] == costs[i + 1][j] + 1:
            pairs.append((i, None))
            i += 1
        else:
            pairs.append((None, j))
            j += 1
    return pairs


def _costs(left: Sequence[Hashable], right: Sequence[Hashable]) -> list[list[int]]:
    """Return, for each pair of positions, how many items after it have to stand alone."""
    width = len(right)
    costs = [[0] * (width + 1) for _ in range(len(left) + 1)]
    for i in range(len(left) - 1, -1, -1):
        below, row = costs[i + 1], costs[i]
        row[width] = len(left) - i
        for j in range(width - 1, -1, -1):
            alone = min(below[j], row[j + 1]) + 1
            row[j] = min(below[j + 1], alone) if left[i] == right[j] else alone
    return costs
