# SPDX-License-Identifier: Apache-2.0
"""Corners of the dialect where generated code could differ from the functions it came from."""

from __future__ import annotations

from typing import Annotated

import pytest

from tests.checker import lamp
from xsavvy.checker import Below, Each, Event, Flag, Init, Mask, Program, Property, Record, bind
from xsavvy.checker.exploration import Meter
from xsavvy.checker.packed import Machine
from xsavvy.checker.rule import successor


class Corner(Record):
    a: Annotated[int, Below(64), Init(5)]
    b: Annotated[int, Below(64), Init(3)]
    cpu: Annotated[int, Flag(), Init(1)]
    list: Annotated[list[int], Each(3, Below(64)), Init([1, 2, 3])]
    mask: Annotated[int, Mask(0x2D0, always=0x100), Init(0x310 & ~0x200)]
    single: Annotated[int, Below(1)]
    empty: Annotated[int, Mask(0)]


def bump(s):
    s.a += 1
    return s.a


def set_b(s, value):
    if value > 60:
        return 0
    s.b = value
    return value


def order(s, k):
    s.b = s.a + bump(s) * 2 + s.a


def order_of_arguments(s, k):
    s.b = low(s.a, bump(s), s.a)


def low(x, y, z):
    return x + y * 2 + z * 4 & 63


def short_circuit(s, k):
    if s.cpu or bump(s) > 1:
        s.b = 9
    if not s.cpu and bump(s) > 1:
        s.b = 10
    s.list[0] = 1 if s.a == 5 and set_b(s, 7) else 2


def conditional_call(s, k):
    s.b = bump(s) if s.cpu else set_b(s, 20)


def aliases(s, k):
    old = s.a
    s.a = s.b
    s.b = old
    s.list[1] = s.list[2]
    s.list[2] = s.list[0]


def index_written(s, k):
    s.list[s.cpu] = 7
    s.cpu = 0
    s.list[s.cpu] += s.list[1] + s.list[-1]


def sometimes_written(s, k):
    if s.cpu == 0:
        s.cpu = 1
    s.a = s.cpu


def masks(s, k):
    s.mask &= ~0x10
    s.mask |= 0x80
    if s.mask & 0x80 and not s.mask & 0x10:
        s.mask ^= 0x40


def early_loop(s, k):
    for i in range(3):
        if s.list[i] == s.b - 1:
            s.a = i
            return 1
        s.list[i] = 0
    return 2


def one_value(s, k):
    if s.single or s.empty:
        s.a = 1
    if not s.single and s.empty == 0:
        s.b = 2


def swallowed(s, k):
    s.a = 64
    s.a = 1


EFFECTS = [
    order, order_of_arguments, short_circuit, conditional_call, aliases, index_written,
    sometimes_written, masks, early_loop, one_value, swallowed,
]  # fmt: skip


def other_cpu(s, k):
    s.cpu = 0


@pytest.mark.parametrize("effect", EFFECTS, ids=lambda effect: effect.__name__)
@pytest.mark.parametrize("first", [lamp.nothing, other_cpu])
def test_an_effect_leads_where_its_function_leads(effect, first):
    """One application of generated code equals one call of the function."""
    program = Program(Corner, (), (Event("it", "x", effect, source="test"),))
    system = bind(program, lamp.Constants(), (first,))
    machine = Machine(system)
    (state,) = system.starts
    machine.explore(2, Meter())
    expected = successor(system.shape, system.rules[0], state, system.constants)
    assert {machine.word.unpack(word) for word in machine.found.parent} == {state, expected}


def test_code_is_written_only_for_what_is_reached():
    """A location that no state is at has no piece of code."""
    stuck = lamp.program(events=()).replaced("cycle.count", when=lamp.is_green)
    machine = Machine(bind(stuck.replaced("cycle.green", when=never), lamp.Constants()))
    machine.explore(None, Meter())
    assert len(machine.pieces) == 1


def never(s, k):
    return s.count == 2 and s.colour == lamp.Colour.GREEN


def single_is_zero(s, k):
    return not s.single and s.empty == 0


def test_a_field_with_one_value_is_known():
    """A field that can only be 0 is never taken for anything else."""
    prop = Property("zero", "It is zero.", single_is_zero, source="test")
    program = Program(Corner, (), (Event("it", "x", one_value, source="test"),), (prop,))
    machine = Machine(bind(program, lamp.Constants()))
    assert not machine.explore(None, Meter()).violated
