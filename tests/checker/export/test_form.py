# SPDX-License-Identifier: Apache-2.0
"""The neutral form means what the step functions mean: checked state by state, without tools."""

from __future__ import annotations

from random import Random

import pytest

from tests.checker import chance
from tests.checker.export.evaluate import after, after_statements, value
from tests.checker.fx import Size, budget, program
from tests.model.world import system as real
from xsavvy.checker import ModelError, bind, search
from xsavvy.checker.export.form import form
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
