# SPDX-License-Identifier: Apache-2.0
"""Packed states: every state has a word of its own, and comes back from it."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tests.checker import lamp
from xsavvy.checker import Below, Choice, Flag, Mask, bind
from xsavvy.checker.word import Run, Word, runs, width

SYSTEM = bind(lamp.program(), lamp.Constants())
WORD = Word(SYSTEM.shape, SYSTEM.fixed)


@st.composite
def states(draw):
    """Any legal state of the lamp, constants included."""
    return tuple(
        SYSTEM.fixed[i]
        if i in SYSTEM.fixed
        else draw(st.sampled_from([v for v in range(slot.kind.top + 1) if slot.kind.legal(v)]))
        for i, slot in enumerate(SYSTEM.shape.slots)
    )


@given(states(), states())
def test_packing_loses_nothing(one, other):
    """Unpacking gives the state back, and different states have different words."""
    assert WORD.unpack(WORD.pack(one)) == one
    assert (WORD.pack(one) == WORD.pack(other)) == (one == other)
    assert 0 <= WORD.pack(one) <= WORD.full


@given(states())
def test_generated_reads_give_the_values(state):
    """The text that reads a slot of `w` gives the value of the slot."""
    names = {**WORD.tables(), "w": WORD.pack(state)}
    for slot in WORD.offsets:
        assert eval(WORD.read(slot), dict(names)) == state[slot]


@given(states(), states())
def test_generated_stores_write_the_values(old, new):
    """The text that stores a value sets exactly the bits of its slot."""
    for slot in WORD.offsets:
        bits = eval(WORD.store(slot, "v"), {**WORD.tables(), "v": new[slot]})
        changed = tuple(new[i] if i == slot else value for i, value in enumerate(old))
        assert WORD.pack(old) & ~WORD.mask(slot) | bits == WORD.pack(changed)


@given(st.sampled_from(sorted(WORD.offsets)), st.integers(-2, 0x300))
def test_an_illegal_value_is_seen_by_generated_code(slot, value):
    """The test before a store is true for exactly the illegal values."""
    text = WORD.illegal(slot, "v", None, None)
    kind = SYSTEM.shape.slots[slot].kind
    assert bool(eval(text, {**WORD.tables(), "v": value})) == (not kind.legal(value))


def test_a_mask_is_split_into_runs():
    """Neighbouring bits stay together, and lie close in the word."""
    assert runs(0b1100_0100, 10) == (Run(2, 1, 10), Run(6, 2, 11))
    assert width(Mask(0x207, always=4)) == 3


def test_widths_are_small():
    """A field takes the bits that its number of values needs."""
    assert [width(kind) for kind in (Flag(), Below(5), Choice(lamp.Colour))] == [1, 3, 2]
    assert WORD.bits == 2 + 2 + 2 + 3 + 2
