# SPDX-License-Identifier: Apache-2.0
"""Code for one system alone comes into use at any time, and changes nothing."""

from __future__ import annotations

import pytest

from tests.checker import fx
from xsavvy.checker import bind
from xsavvy.checker.exploration import Meter
from xsavvy.checker.native import fusion, tables
from xsavvy.checker.native import machine as machines
from xsavvy.checker.native.cache import Cache
from xsavvy.checker.native.jit import Jit
from xsavvy.checker.native.machine import Machine

COUNTS = (661_888, 1_632_576, 49)
MORE = (12_831_360, 33_289_152, 67)  # with three components


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


def test_it_comes_into_use_in_the_middle_of_a_long_search(monkeypatch, tmp_path):
    """The tables' driver begins, the system's own code ends; the next search has it at once."""
    system = bind(fx.program(3), fx.Size(3))
    monkeypatch.setattr(fusion, "LONG", 1000)
    handed = []
    original = fusion.OwnCode.offer

    def offer(self, searched):
        before = self.used
        original(self, searched)
        if self.used and not before:
            handed.append(searched.states)

    monkeypatch.setattr(fusion.OwnCode, "offer", offer)
    for _ in range(2):
        jit = Jit(Cache(tmp_path), level=0)
        monkeypatch.setattr(machines, "shared_jit", lambda jit=jit: jit)
        assert counts(Machine(system)) == MORE
    first, second = handed
    assert 1000 < first < MORE[0]
    assert second == 1


def test_a_short_search_compiles_nothing_for_itself(system, monkeypatch, tmp_path):
    """Neither before nor beside it; and what it did not need does not wait for the next one."""
    jit = Jit(Cache(tmp_path), level=0)
    monkeypatch.setattr(machines, "shared_jit", lambda: jit)
    machine = Machine(system)
    jit.load()
    monkeypatch.setattr(fusion.Fused, "text", lambda _: pytest.fail("nobody needs it"))
    assert counts(machine) == COUNTS
    assert not jit.waiting


def test_code_that_must_not_be_compiled_does_not_wait(system, monkeypatch, tmp_path):
    """Else the next system would wait for it."""
    jit = Jit(Cache(tmp_path), level=0)
    monkeypatch.setattr(machines, "shared_jit", lambda: jit)
    with pytest.raises(tables.Cold):
        Machine(system, may_compile=False)
    assert not jit.waiting
