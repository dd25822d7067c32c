# SPDX-License-Identifier: Apache-2.0
"""On random programs all engines say the same."""

from __future__ import annotations

import dataclasses
import os
from functools import cache
from random import Random

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from tests.checker import chance
from xsavvy.checker import ModelError, Resources, bind, search
from xsavvy.checker.native import machine
from xsavvy.checker.native.jit import Jit

JITS = {0: cache(lambda: Jit(level=0)), 2: machine.shared_jit}


@pytest.fixture(autouse=True)
def _restored():
    yield
    machine.shared_jit = JITS[2]


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


# A thousand take minutes on a small machine; three hundred are enough for every commit.
PROGRAMS = int(os.environ.get("XSAVVY_PROGRAMS", "300"))


@settings(
    max_examples=PROGRAMS, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck)
)
@given(
    st.randoms(use_true_random=False),
    st.sampled_from([1, 2]),
    st.sampled_from([0, 0, 0, 0, 2]),
    st.booleans(),
)
def test_the_compiled_engine_says_the_same(
    random: Random, threads: int, level: int, specialise: bool
):
    """Counts, verdicts, traces, deadlocks and unreached steps are equal.

    A program that goes wrong somewhere goes wrong with both. Half are driven by tables, half by
    code for them alone. Most are compiled without optimisation, which takes LLVM less time.
    """
    text, space = chance.load(random)
    try:
        system = bind(space["PROGRAM"], space["Constants"], space["STARTS"])
    except ModelError as bad:
        assume("reached in context" not in str(bad))
        raise
    slow = answer(system, "packed", 20_000)
    assume(isinstance(slow, str) or slow.complete)
    resources = Resources(threads=threads, specialise=specialise)
    machine.shared_jit = JITS[level]
    if isinstance(slow, str):
        with pytest.raises(ModelError):
            search(system, "compiled", resources=resources)
    else:
        fast = search(system, "compiled", resources=resources)
        assert slow == dataclasses.replace(fast, seconds=0.0, engine="", bytes=None), text
