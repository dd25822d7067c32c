# SPDX-License-Identifier: Apache-2.0
"""Counts are golden: a change to them is explained in the commit, not refreshed away."""

from __future__ import annotations

import dataclasses
import os
from typing import Any, Literal

import pytest

from tests.model.golden import GOLDEN, LARGE, Row
from tests.model.world import explored, system
from xsavvy.checker import search
from xsavvy.kvm import NEWEST


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


@pytest.mark.slow
@pytest.mark.parametrize("row", LARGE, ids=lambda row: row.scenario)
def test_large_scenarios_are_pinned(row: Row) -> None:
    """The compiled engine counts what it counted when somebody last looked."""
    if row is not LARGE[0] and not os.environ.get("XSAVVY_LARGE"):
        pytest.skip("takes minutes and most of 24 GiB; set XSAVVY_LARGE=1")
    outcome = search(system(row.scenario, row.kernel, row.platform), "compiled")
    assert (outcome.states, outcome.transitions, outcome.depth) == row[3:]


ENGINES: tuple[Literal["packed"], Literal["compiled"]] = ("packed", "compiled")


@pytest.mark.parametrize("scenario", ["xcr0", "xss", "pkru", "xfd", "progress", "progress-xfd"])
def test_the_compiled_engine_agrees_with_the_packed_one(scenario: str) -> None:
    """Counts, verdicts, traces, and what was never taken are equal on the real model."""
    target = system(scenario, NEWEST, "sapphire-rapids")
    one, other = (search(target, engine) for engine in ENGINES)
    same: Any = {"engine": "", "seconds": 0.0, "bytes": None}
    assert dataclasses.replace(one, **same) == dataclasses.replace(other, **same)


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
