# SPDX-License-Identifier: Apache-2.0
"""Code is kept under everything that it depends on, so that the cache never gives wrong code."""

import enum
from typing import Annotated

import pytest

from xsavvy.checker import (
    Choice,
    Event,
    Init,
    Mask,
    ModelError,
    Program,
    Property,
    Record,
    Resources,
    Witness,
    bind,
    search,
)
from xsavvy.checker.native import machine as machines
from xsavvy.checker.native.cache import Cache
from xsavvy.checker.native.fused import Fused
from xsavvy.checker.native.jit import Jit
from xsavvy.checker.native.layout import Layout


@pytest.fixture(autouse=True)
def _one_cache(monkeypatch, tmp_path):
    monkeypatch.setattr(machines, "shared_jit", lambda: Jit(Cache(tmp_path), level=0))


def system(kind, judged_as=""):
    """A program that sets a field to 3, judged or not: a trace would be proven, and tell."""

    class State(Record):
        value: Annotated[int, kind, Init(1), "v"]

    def put(s, k):
        s.value = s.value | 2

    def small(s, k):
        return s.value < 3

    judged = Property("small", "s", small, source="-")
    seen = Witness("small", "s", small)
    return bind(
        Program(
            State,
            actors=(),
            events=(Event("put", "x", put, source="-"),),
            properties=(judged,) if judged_as == "property" else (),
            witnesses=(seen,) if judged_as == "witness" else (),
        ),
        object(),
    )


def colours(*values):
    """An enum that always has the same name."""
    return Choice(enum.IntEnum("Colour", {f"C{value}": value for value in values}))


@pytest.mark.parametrize("specialise", [False, True])
def test_an_enum_is_told_by_its_values_not_by_its_name(specialise):
    """3 is legal for the first enum, and not for the second of the same name and width."""
    resources = Resources(specialise=specialise)
    assert search(system(colours(1, 3)), "compiled", resources=resources).states == 2
    with pytest.raises(ModelError, match="value = 3"):
        search(system(colours(0, 1, 2)), "compiled", resources=resources)


@pytest.mark.parametrize("specialise", [False, True])
def test_a_mask_is_told_by_its_bits(specialise):
    """Bit 1 is there in one and not in the other."""
    resources = Resources(specialise=specialise)
    assert search(system(Mask(3)), "compiled", resources=resources).states == 2
    with pytest.raises(ModelError, match="value = 3"):
        search(system(Mask(5)), "compiled", resources=resources)


def test_a_property_is_no_witness():
    """The same guard is asked for the opposite."""
    both = [system(Mask(3), judged_as) for judged_as in ("property", "witness")]
    assert len({Fused(one, Layout(one)).key for one in both}) == 2
