# SPDX-License-Identifier: Apache-2.0
"""On random programs the packed engine says what the reference engine says."""

from __future__ import annotations

import dataclasses
from random import Random

from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from tests.checker import chance
from xsavvy.checker import ModelError, bind, search


def answer(system, engine, limit):
    """Everything an engine says, but for its name and its time; or the error it raises."""
    try:
        return dataclasses.replace(search(system, engine, limit), seconds=0.0, engine="")
    except ModelError as bad:
        return str(bad)


@settings(
    max_examples=250, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck)
)
@given(st.randoms(use_true_random=False), st.sampled_from([7, 60, 250]))
def test_both_engines_say_the_same(random: Random, limit: int):
    """Counts, verdicts, traces, deadlocks, unreached steps and errors are equal."""
    text, space = chance.load(random)
    try:
        system = bind(space["PROGRAM"], space["Constants"], space["STARTS"])
    except ModelError as bad:
        assume("reached in context" not in str(bad))
        raise
    slow, fast = (answer(system, engine, limit) for engine in ("reference", "packed"))
    assert slow == fast, text
