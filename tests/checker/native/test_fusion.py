# SPDX-License-Identifier: Apache-2.0
"""Code for one system alone comes into use at any time, and changes nothing."""

from __future__ import annotations

import pytest

from tests.checker import fx
from xsavvy.checker import bind
from xsavvy.checker.exploration import Meter
from xsavvy.checker.native import fusion, walk
from xsavvy.checker.native import machine as machines
from xsavvy.checker.native.cache import Cache
from xsavvy.checker.native.jit import Jit
from xsavvy.checker.native.machine import Machine

COUNTS = (661_888, 1_632_576, 49)


@pytest.fixture
def system():
    """The protocol of the engine prototypes with two components."""
    return bind(fx.program(2), fx.Size(2))


def counts(machine, **options):
    """Explore, and give states, transitions and depth."""
    found = machine.explore(None, Meter(), **options)
    return found.states, found.transitions, found.depth


def test_it_can_be_compiled_first_or_never(system, monkeypatch, tmp_path):
    """The counts are those of four independent writings either way."""
    jit = Jit(Cache(tmp_path))
    monkeypatch.setattr(machines, "shared_jit", lambda: jit)
    assert counts(Machine(system), specialise=False) == COUNTS
    before = jit.compiled
    assert counts(Machine(system), specialise=True) == COUNTS
    assert jit.compiled == before + 1


def test_it_comes_into_use_in_the_middle_of_a_long_search(system, monkeypatch, tmp_path):
    """The tables' driver begins, the system's own code ends; the next search has it at once."""
    monkeypatch.setattr(fusion, "LONG", 1000)
    monkeypatch.setattr(walk, "SHOWN", 0.0)
    jit = Jit(Cache(tmp_path), level=0)
    monkeypatch.setattr(machines, "shared_jit", lambda: jit)
    handed = []
    original = fusion.OwnCode.offer

    def offer(self, searched):
        original(self, searched)
        if self.used and not handed:
            handed.append(searched.states)

    monkeypatch.setattr(fusion.OwnCode, "offer", offer)
    assert counts(Machine(system)) == COUNTS
    again = Jit(Cache(tmp_path), level=0)
    monkeypatch.setattr(machines, "shared_jit", lambda: again)
    handed.clear()
    assert counts(Machine(system)) == COUNTS
    assert handed == [1]
    assert again.compiled == 0
