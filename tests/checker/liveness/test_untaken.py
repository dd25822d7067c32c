# SPDX-License-Identifier: Apache-2.0
"""An outcome that nothing ever has is named, and no other."""

from __future__ import annotations

import dataclasses

import pytest

from tests.checker import lamp
from xsavvy.checker import Eventually, bind
from xsavvy.checker.liveness import liveness


def program(goal=lamp.is_green, **changes):
    """The lamp, which must be green again and again."""
    item = Eventually("green", "It gets green.", goal, source="-")
    return dataclasses.replace(lamp.program(**changes), eventualities=(item,))


@pytest.mark.parametrize("engine", ["reference", "packed"])
def test_an_outcome_that_never_comes_is_named(engine):
    """A lamp that does not break never goes to rest, and one that breaks does."""
    fine = liveness(bind(program(), lamp.Constants()), engine)
    broken = liveness(bind(program(), lamp.Constants(broken=True)), engine)
    assert fine.untaken == ("cycle.red -> rest",)
    assert broken.untaken == ()
