# SPDX-License-Identifier: Apache-2.0
"""`cost --measure`: what instructions and exits take here, as weights that can be kept."""

from __future__ import annotations

from typing import NamedTuple

from xsavvy.cost.weights import Weight, Weights
from xsavvy.live.machine.reach import Unreachable
from xsavvy.live.measure import RUNS, measure

from .usage import UsageError

__all__ = ["MeasuredWeights", "measure_weights"]

UNIT = "ticks of the time-stamp counter"


class MeasuredWeights(NamedTuple):
    """Weights of this machine, and what could not be measured with the reason for each."""

    weights: Weights
    missing: tuple[tuple[str, str], ...]


def measure_weights(runs: int = RUNS) -> MeasuredWeights:
    """Measure what can be measured on this machine. Raises UsageError where nothing can be.

    `weights.to_toml()` is a file that `load_weights` reads.
    """
    try:
        found = measure(runs)
    except Unreachable as error:
        raise UsageError(f"nothing can be measured here: {error.reason}") from None
    title = f"{found.cpu}, {found.kernel}"
    rows = tuple(
        Weight(
            each.event,
            round(each.low, 1),
            round(each.mid, 1),
            round(each.high, 1),
            each.source,
            "",
            each.bytes,
        )
        for each in found.found
    )
    return MeasuredWeights(Weights("this machine", title, UNIT, rows), found.missing)
