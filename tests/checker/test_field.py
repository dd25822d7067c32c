# SPDX-License-Identifier: Apache-2.0
"""Kinds of fields: what is legal, how it is shown, what is refused."""

from __future__ import annotations

from enum import IntEnum

import pytest

from tests.checker.lamp import Colour
from xsavvy.checker import Below, Choice, Each, Flag, Location, Mask, ModelError


@pytest.mark.parametrize(
    ("kind", "legal"),
    [
        (Flag(), {0, 1}),
        (Below(3), {0, 1, 2}),
        (Choice(Colour), {0, 1, 4}),
        (Mask(5), {0, 1, 4, 5}),
        (Mask(5, always=1), {1, 5}),
        (Mask(4, always=1), {1, 5}),
    ],
    ids=repr,
)
def test_a_kind_knows_its_values(kind, legal):
    """Exactly the legal values are legal; a negative number never is."""
    assert {value for value in range(-3, 9) if kind.legal(value)} == legal
    assert kind.default == min(legal)
    assert kind.top == max(legal)


def test_values_are_shown_as_people_read_them():
    """Names of an enum are in lower case, masks in hex, the rest in decimal."""
    assert Choice(Colour).show(4) == "amber"
    assert Mask(0x200).show(0x200) == "0x200"
    assert (Flag().show(1), Below(12).show(10)) == ("1", "10")


def test_a_choice_starts_with_its_least_value():
    """A choice whose members do not include 0 starts with the least one."""
    odd = IntEnum("odd", {"ONE": 1, "THREE": 3})
    assert Choice(odd).default == 1
    assert not Choice(odd).dense


def test_a_choice_of_two_classes_has_the_members_of_both():
    """A record that extends another's choice names its own members alone."""
    kind = Choice(Colour, IntEnum("more", {"BLUE": 9}))
    assert kind.values == (*Choice(Colour).values, 9)
    assert (kind.show(4), kind.show(9), kind.show(10)) == ("amber", "blue", "10")
    assert kind.legal(9)
    assert not Choice(Colour).legal(9)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Below(0), "at least 1"),
        (lambda: Each(0, Flag()), "at least 1"),
        (lambda: Each(2, Location("lamp")), "must be Flag, Below, Choice or Mask"),
        (lambda: Mask(-1), "negative"),
        (lambda: Mask(1 << 63), r"below 2\*\*63"),
        (lambda: Below((1 << 63) + 1), r"below 2\*\*63"),
        (lambda: Choice(IntEnum("empty", {})), "no members"),
        (lambda: Choice(IntEnum("cold", {"ICE": -1})), "negative"),
        (lambda: Choice(Colour, IntEnum("again", {"RED": Colour.RED})), "in both"),
    ],
)
def test_an_impossible_kind_is_refused(make, words):
    """A kind without a legal value says what is wrong with it."""
    with pytest.raises(ModelError, match=words):
        make()
