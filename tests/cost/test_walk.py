# SPDX-License-Identifier: Apache-2.0
"""On random walks no step changes a register without an event that says so."""

from __future__ import annotations

import random

import pytest

from xsavvy.api.running import program_system, program_world
from xsavvy.checker.rule import successor
from xsavvy.cost.account import REGISTERS
from xsavvy.cost.count import Meter
from xsavvy.cost.event import Kind, Tally
from xsavvy.cost.workload import workloads

STEPS = 3000
SAVES = {Kind.XRSTORS, Kind.XRSTOR, Kind.XSAVES}
BORDER = {Kind.VMENTRY, Kind.VMEXIT}
ELSEWHERE = {
    "AMX instruction under XFD": {"hw_xfd_err"},
    "guest's trace advances": {"hw_trace"},
    "XRSTORS of PT state": {"hw_trace", "hw_trace_en"},
}
"""What the processor does by itself in an event of the guest, counted as that event or not at all."""


def explained(field: str, name: str, tally: Tally) -> bool:
    """Say whether a change of a register has an event: its own write, an XRSTORS, or the border of the guest."""
    kinds = {event.kind for event in tally}
    register = REGISTERS[field]
    writes = any(event.kind == register.write for event in tally)
    own = writes and (
        register.write != Kind.WRMSR or any(event.detail in register.msrs for event in tally)
    )
    return own or bool(kinds & (SAVES | BORDER)) or field in ELSEWHERE.get(name, set())


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(
    "name", ["xfd-toggle", "ipi-heavy", "pt-on", "cet-tasks", "td-exits", "nested-xfd"]
)
def test_no_register_changes_for_free(name: str, seed: int) -> None:
    """Everything may happen in these walks: every event of the part, in any order."""
    program = workloads()[name].program
    world = program_world(program, None, None, {}, None)
    system = program_system(world, program, None)
    meter = Meter(system, world)
    dice = random.Random(seed)  # reproducible, not secret
    slots = [(at, slot.field) for at, slot in enumerate(system.shape.slots)]
    watched = [(at, field) for at, field in slots if field in REGISTERS]
    state, rules, met = system.starts[0], list(system.rules), 0
    for _ in range(STEPS):
        dice.shuffle(rules)
        rules.sort(key=lambda rule: rule.is_event and dice.random() < 0.5)
        for rule in rules:
            new = successor(system.shape, rule, state, system.constants)
            if new is not None and new != state:
                break
        else:
            state = system.starts[0]
            continue
        tally = meter.of(rule, state)
        for at, field in watched:
            if new[at] != state[at]:
                met += 1
                assert explained(field, rule.name, tally), (rule.name, field, tally)
        state = new
    assert met > 20
