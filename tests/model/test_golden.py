# SPDX-License-Identifier: Apache-2.0
"""Counts are golden: a change to them is explained in the commit, not refreshed away."""

from __future__ import annotations

import pytest

from tests.model.golden import GOLDEN, Row
from tests.model.world import explored, system
from xsavvy.checker import search


@pytest.mark.parametrize(
    "row", GOLDEN, ids=lambda row: f"{row.scenario}-{row.kernel}-{row.platform}"
)
def test_states_transitions_and_depth_are_pinned(row: Row) -> None:
    """A scenario reaches as many states as when somebody last looked."""
    outcome = explored(row.scenario, row.kernel, row.platform)
    assert outcome.complete
    assert (outcome.states, outcome.transitions, outcome.depth) == (
        row.states,
        row.transitions,
        row.depth,
    )
    assert outcome.deadlocks.count == 0


@pytest.mark.parametrize(
    ("scenario", "platform"),
    [("pkru-xinuse", "sapphire-rapids"), ("xfd-on-demand", "sapphire-rapids")],
)
def test_the_reference_agrees_with_the_packed_engine(scenario: str, platform: str) -> None:
    """The slow search on records gives the same counts, verdicts and traces."""
    slow = search(system(scenario, "v6.18", platform), engine="reference")
    fast = explored(scenario, "v6.18", platform)
    assert (slow.states, slow.transitions, slow.depth) == (
        fast.states,
        fast.transitions,
        fast.depth,
    )
    assert slow.verdicts == fast.verdicts
    assert slow.witnesses == fast.witnesses
    assert slow.unreached == fast.unreached
