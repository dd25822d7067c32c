# SPDX-License-Identifier: Apache-2.0
"""The neutral form means what the step functions mean: checked state by state, without tools."""

from __future__ import annotations

from random import Random
from typing import Annotated

import pytest

from tests.checker import chance
from tests.checker.export.evaluate import after, after_statements, value
from tests.checker.fx import Size, budget, program
from tests.model.world import system as real
from xsavvy.checker import Below, Each, Event, Flag, ModelError, Program, Record, bind, search
from xsavvy.checker.export.form import form
from xsavvy.checker.export.order import body
from xsavvy.checker.rule import successor


def agree(system, most: int) -> int:
    """Compare every rule in up to `most` reachable states; return how many were compared."""
    model = form(system)
    actions = {action.index: action for action in model.actions}
    known = dict.fromkeys(system.starts)
    waiting = list(known)
    while waiting and len(known) < most:
        state = waiting.pop()
        ended = system.program.terminal is not None and bool(
            system.program.terminal(system.shape.thaw(state), system.constants)
        )
        for law, item in zip(model.laws, system.program.properties, strict=True):
            holds = bool(item.holds(system.shape.thaw(state), system.constants))
            assert bool(value(law.test, state)) == holds
        for demand in model.demands:
            assert value(demand.test, state)
        for rule in system.rules:
            new = None if ended else successor(system.shape, rule, state, system.constants)
            action = actions.get(rule.index)
            assert (None if action is None else after(action, state)) == new, rule.name
            if new is None:
                continue
            assert after_statements(action, state) == new, rule.name
            if new not in known:
                known[new] = None
                waiting.append(new)
    return len(known)


@pytest.mark.parametrize("part", range(4))
def test_random_programs(part: int) -> None:
    """In every state of a random program the form enables and does what the functions do."""
    compared = 0
    for seed in range(part * 30, part * 30 + 30):
        _, space = chance.load(Random(seed))
        try:
            system = bind(space["PROGRAM"], space["Constants"], space["STARTS"])
            search(system, max_states=3000)
        except ModelError:
            continue
        compared += agree(system, 150)
    assert compared > 100


def test_the_protocol() -> None:
    """The benchmark protocol with two components and a budget."""
    assert agree(bind(program(2), Size(2), [budget(2)]), 600) >= 600


@pytest.mark.parametrize(
    ("scenario", "kernel", "platform"),
    [
        ("pkru-xinuse", "v6.18", "sapphire-rapids"),
        ("xss", "v6.12", "genoa"),
        ("xfd-on-demand", "v6.18", "sapphire-rapids"),
        ("fpu", "v5.18", "sapphire-rapids"),
    ],
)
def test_real_scenarios(scenario: str, kernel: str, platform: str) -> None:
    """States of real scenarios, some hundred steps deep."""
    assert agree(real(scenario, kernel, platform), 200) >= 200


class Shifted(Record):
    amount: Annotated[int, Below(4), "bits"]
    one: Annotated[int, Below(8), "a value"]
    two: Annotated[int, Below(8), "another"]


def shift_if_possible(s, k):
    by = s.amount - 2
    if by >= 0:
        value = (s.one << by | s.two << by) & 7
        s.one = value ^ 1
        s.two = value ^ 2
    s.amount = (s.amount + 1) & 3


def test_what_has_no_value_is_not_computed_beforehand() -> None:
    """A shift by a negative number stays on the way that never comes there."""
    event = Event("shift", "a", shift_if_possible, source="-")
    system = bind(Program(Shifted, (), (event,)), Size())
    model = form(system)
    (action,) = model.actions
    named = body(action.updates).named
    assert all(part.op != "<<" for node in named for part in node.walk())
    assert list(action.demands) == []
    assert agree(system, 100) == search(system).states


class Marked(Record):
    level: Annotated[int, Below(4), "what to mark"]
    marks: Annotated[list[int], Each(2, Flag()), "two marks"]
    usable: Annotated[int, Flag(), "whether there is a mark for the level"]


def mark_if_usable(s, k):
    if s.usable:
        s.marks[s.level] ^= 1
    s.level = (s.level + 1) & 3
    s.usable = s.level < 2


def test_what_is_demanded_on_one_way_is_not_on_the_other() -> None:
    """An index only has to be in range where it is used."""
    event = Event("mark", "a", mark_if_usable, source="-")
    system = bind(Program(Marked, (), (event,)), Size())
    (action,) = form(system).actions
    assert action.demands
    assert agree(system, 100) == search(system).states
