# SPDX-License-Identifier: Apache-2.0
"""What is said to make no difference makes none."""

from __future__ import annotations

import dataclasses
from random import Random

from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from tests.checker import chance, lamp
from xsavvy.checker import ModelError, bind, search
from xsavvy.checker.sameness import same_with

LIMIT = 250


def found(system):
    """Everything that a search finds, but for its time."""
    return dataclasses.replace(search(system, "packed", LIMIT), seconds=0.0)


@settings(
    max_examples=200, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck)
)
@given(st.randoms(use_true_random=False), st.sampled_from(["three", "zero", "yes"]))
def test_the_same_code_finds_the_same(random: Random, name: str):
    """On random programs, a constant that is said to be idle changes nothing that is found."""
    text, space = chance.load(random)
    constants = space["Constants"]
    value = {"three": 2, "zero": 1, "yes": False}[name]
    other = type("Other", (constants,), {name: value})
    try:
        one = bind(space["PROGRAM"], constants, space["STARTS"])
        outcome = found(one)
        if same_with(one, outcome, {name: value}):
            assert found(bind(space["PROGRAM"], other, space["STARTS"])) == outcome, text
    except ModelError:
        assume(False)


def test_a_constant_that_is_read_makes_a_difference():
    """The lamp's limit matters, whether it breaks does too; a constant nobody reads does not."""
    system = bind(lamp.program(), lamp.Constants())
    outcome = found(system)
    assert not same_with(system, outcome, {"most": 1})
    assert not same_with(system, outcome, {"broken": True})
    assert same_with(system, outcome, {"most": 2})
    assert same_with(system, outcome, {"colour": 1})


def test_half_a_search_proves_nothing():
    """Where a limit ended the search, nothing is said to make no difference."""
    system = bind(lamp.program(), lamp.Constants())
    assert not same_with(system, search(system, "packed", 2), {"colour": 1})
