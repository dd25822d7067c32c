# SPDX-License-Identifier: Apache-2.0
"""Records: declared fields, initial values, and the way to a state and back."""

from __future__ import annotations

from typing import Annotated, ClassVar

import pytest

from tests.checker.lamp import Constants, Lamp, program
from xsavvy.checker import Below, Each, Flag, Init, Location, ModelError, Record, bind, fields


class Cpu(Record):
    register: Annotated[int, Below(4), Init(2), "a register"]


class Memory(Record):
    cells: Annotated[list[int], Each(2, Flag())]


class Machine(Cpu, Memory):
    """Put together from two records."""

    note: ClassVar[str] = "not a field"
    ready: Annotated[int, Flag()]


def test_a_new_record_holds_the_initial_values():
    """Init gives the value; without it a field is zero, or what a mask always has."""
    record = Lamp()
    assert (record.colour, record.count, record.wires, record.bulbs) == (0, 0, 0x10, [1, 0])
    assert "bulbs=[1, 0]" in repr(record)


def test_records_can_be_put_together():
    """Fields of the base classes come first, in the order of the bases."""
    assert [item.name for item in fields(Machine)] == ["register", "cells", "ready"]
    assert Machine().register == 2


def test_two_records_do_not_share_a_list():
    """Changing a list of one record leaves another one alone."""
    one, other = Lamp(), Lamp()
    one.bulbs[0] = 0
    assert other.bulbs == [1, 0]


def test_a_state_becomes_a_record_and_a_state_again():
    """Thawing and freezing give back the same state; derived contexts are there to read."""
    system = bind(program(), Constants())
    (state,) = system.starts
    record = system.shape.thaw(state)
    assert (record.where, record.context, record.bulbs) == (1, 0, [1, 0])
    assert system.shape.freeze(record, "test") == state


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("count", 3, r"test: count = 3 \(0x3\) is not 0..2"),
        ("wires", 0x18, r"test: wires = 24 \(0x18\) is not a subset of 0x206, always with 0x10"),
        ("wires", 0, "wires = 0"),
        ("colour", 2, "colour = 2 .* is not one of red, green, amber"),
        ("bulbs", [0, 2], r"bulbs\[1\] = 2"),
        ("count", -1, "count = -1"),
        ("cuont", 1, "no field 'cuont'; nearest: count"),
    ],
)
def test_an_illegal_value_is_named(name, value, words):
    """Freezing names the place, the field, the value and what would be legal."""
    system = bind(program(), Constants())
    record = system.shape.thaw(system.starts[0])
    setattr(record, name, value)
    with pytest.raises(ModelError, match=words):
        system.shape.freeze(record, "test")


class NoKind(Record):
    bare: int


class TwoKinds(Record):
    both: Annotated[int, Flag(), Below(2)]


class WrongInit(Record):
    much: Annotated[int, Below(3), Init(3)]


class WrongLength(Record):
    pair: Annotated[list[int], Each(2, Flag()), Init([1])]


class PlacedInit(Record):
    where: Annotated[int, Location("lamp"), Init(1)]


@pytest.mark.parametrize(
    ("record", "words"),
    [
        (NoKind, "NoKind.bare: expected exactly one kind .*, found 0"),
        (TwoKinds, "TwoKinds.both: .* found 2"),
        (WrongInit, r"WrongInit.much: Init\(3\) is not 0..2"),
        (WrongLength, "WrongLength.pair: Init has 1 values, the field has 2"),
        (PlacedInit, "PlacedInit.where: .* see Actor.start"),
    ],
)
def test_a_wrong_declaration_is_named(record, words):
    """A field without a kind, or with an impossible initial value, is refused by name."""
    with pytest.raises(ModelError, match=words):
        fields(record)
