# SPDX-License-Identifier: Apache-2.0
"""The memory limit is shared out so that all of it can be used."""

from __future__ import annotations

import pytest

from xsavvy.checker.native import store
from xsavvy.checker.native.store import GOOD_LOAD, KEY, LINE, MOST_LOAD, Limit


@pytest.mark.parametrize("mebibytes", [3, 50, 777, 4096, 21504])
def test_the_largest_table_may_be_filled(monkeypatch, mebibytes):
    """Once it cannot grow, a table takes as many states as it can, whatever else moves a little."""
    monkeypatch.setattr(store, "resident", lambda: 0)
    limit = Limit(mebibytes << 20)
    slots = 1 << 12
    while limit.grown(slots, 5000) > slots:
        assert limit.states(slots, 5000) == int(slots * GOOD_LOAD)
        slots = limit.grown(slots, 5000)
        assert slots % LINE == 0
    for other in (0, 4000, 5000, 6000):
        assert limit.states(slots, other) == int(slots * MOST_LOAD)
    most = KEY * (slots + limit.states(slots, 5000))
    assert most + 5000 <= limit.bytes
    assert most > 0.85 * limit.bytes
