# SPDX-License-Identifier: Apache-2.0
"""Binding: the order of rules, start states, constants, and what is refused."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

import pytest

from tests.checker import lamp
from xsavvy.checker import (
    REST,
    Actor,
    Context,
    DialectError,
    Event,
    Flag,
    Location,
    ModelError,
    Record,
    bind,
)


def test_rules_stand_in_order_of_declaration():
    """Steps first, then events; each with its values in order, then the interrupted actors."""
    system = bind(lamp.program(), lamp.Constants())
    assert [(rule.index, rule.name, rule.values) for rule in system.rules] == [
        (0, "cycle.green", ()),
        (1, "cycle.count", ()),
        (2, "cycle.red", ()),
        (3, "touch", (0,)),
        (4, "touch", (1,)),
    ]


def two_greens(s, k):
    s.colour = lamp.Colour.GREEN
    s.where = "cycle.red"


def broken(s, k):
    s.count = k.most + 5


def unchanged(s, k):
    pass


def test_each_start_sets_up_one_state():
    """Starts may name a location; two that set up the same state count once."""
    system = bind(lamp.program(), lamp.Constants(), (two_greens, unchanged, two_greens))
    first, second = (system.shape.thaw(state) for state in system.starts)
    assert (first.colour, first.where, second.where) == (1, 3, 1)


def test_a_field_that_nothing_writes_is_constant():
    """It has its value in every start, and takes no bits."""
    system = bind(lamp.program(), lamp.Constants())
    names = [system.shape.slots[i].name for i in system.fixed]
    assert names == ["label"]


def change_label(s, k):
    s.label = 3


def test_a_field_that_starts_differ_in_is_no_constant():
    """Two starts with different values keep the field in the state."""
    system = bind(lamp.program(), lamp.Constants(), (unchanged, change_label))
    assert not system.fixed


def uses_missing(s, k):
    s.cuont = 1


def uses_constant(s, k):
    return k.mots


def writes_place(s, k):
    s.where = 1


def writes_context(s, k):
    s.context = 1


def whole_list(s, k):
    return s.bulbs


def no_list(s, k):
    return s.count[0]


def one_parameter(s):
    return 1


def says_nothing(s, k):
    pass


def outside(s, k):
    s.count = s.count % 2


@pytest.mark.parametrize(
    ("edit", "words"),
    [
        ({"effect": uses_missing}, "uses field 'cuont', which Lamp lacks; nearest: count"),
        ({"when": uses_constant}, "the constants have no 'mots'; nearest: most"),
        ({"effect": writes_place}, "'where' is kept by the checker; use to= or moves="),
        ({"effect": writes_context}, "'context' is kept by the checker"),
        ({"when": whole_list}, "uses list 'bulbs' whole; write bulbs[i]"),
        ({"when": no_list}, "indexes 'count', which is not a list"),
        ({"effect": one_parameter}, "one_parameter() has 1 parameters, not 2"),
        ({"when": says_nothing}, "says_nothing() must return a value on every path"),
        ({"when": lamp.count}, "count() must not write 'count'"),
    ],
)
def test_a_function_that_does_not_fit_is_named(edit, words):
    """The message names the step, the function, and what it should be."""
    with pytest.raises(ModelError) as caught:
        bind(lamp.program().replaced("cycle.red", **edit), lamp.Constants())
    assert words in str(caught.value)
    assert str(caught.value).startswith("cycle.red")


def test_code_outside_the_dialect_is_named_with_its_step():
    """The message has file and line, and the step whose effect it is."""
    with pytest.raises(DialectError, match=r"test_bind\.py:\d+: % is not .* \(in cycle\.red\)"):
        bind(lamp.program().replaced("cycle.red", effect=outside), lamp.Constants())


class Bare(Record):
    where: Annotated[int, Flag()]
    other: Annotated[int, Location("other")]


class Lost(lamp.Lamp):
    lost: Annotated[int, Context("nobody")]


EVENT = Event("call", "x", lamp.nothing, source="test")


@pytest.mark.parametrize(
    ("program", "words"),
    [
        (
            lambda: lamp.program(actors=(Actor("lamp", "whree", lamp.runs, ()),)),
            "actor 'lamp': no field 'whree'; nearest: where",
        ),
        (
            lambda: lamp.program(record=Bare, actors=(Actor("lamp", "where", lamp.runs, ()),)),
            "field 'where' is 0..1; annotate it with Location('lamp')",
        ),
        (lambda: lamp.program(record=Lost), "no Location field of actor 'nobody'; valid: lamp"),
        (
            lambda: lamp.program().with_event(replace(EVENT, interrupts=("lmap",))),
            "event 'call': no actor 'lmap'; nearest: lamp",
        ),
        (
            lambda: lamp.program().with_event(replace(EVENT, at=(REST,))),
            "at, masked_by and to need an actor in interrupts",
        ),
        (
            lambda: replace(lamp.program(), events=(EVENT, EVENT)),
            "two entries named 'call'",
        ),
    ],
)
def test_a_program_that_does_not_fit_is_named(program, words):
    """Names that do not exist are refused with the nearest valid ones."""
    with pytest.raises(ModelError) as caught:
        bind(program(), lamp.Constants())
    assert words in str(caught.value)


def test_an_illegal_start_is_named():
    """A start that leaves an illegal value is told by its function's name."""
    with pytest.raises(ModelError, match="start broken: count = 7"):
        bind(lamp.program(), lamp.Constants(), (broken,))


class Text:
    most = "two"


def test_a_constant_must_be_a_number():
    """Constants that step functions read are ints, bools or tuples of ints."""
    with pytest.raises(ModelError, match="constant 'most' must be an int, a bool or a tuple"):
        bind(lamp.program(), Text())


def test_an_actor_may_be_absent():
    """A record may have a place for an actor that this program does without."""
    system = bind(lamp.program(actors=(), events=()), lamp.Constants())
    assert system.rules == ()
    assert system.shape.thaw(system.starts[0]).context == 0
