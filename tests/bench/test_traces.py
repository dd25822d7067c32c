# SPDX-License-Identifier: Apache-2.0
"""What the bench of traces measures; never how fast it is."""

from __future__ import annotations

import io

from bench.traces import ROUND, made, measured
from xsavvy.cost.trace import read_trace


def test_the_made_trace_is_whole() -> None:
    """Every made-up line is an event that is read, and the bench reads all of them."""
    data = made(10 * len(ROUND))
    seen = read_trace(io.BytesIO(data), "made")
    assert (seen.lines, seen.events, seen.torn) == (80, 80, 0)
    assert seen.others == {}
    assert seen.exits_as_modelled == {"wrmsr_xfd": 10, "userspace": 10}
    assert measured(data).lines == 80
