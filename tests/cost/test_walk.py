# SPDX-License-Identifier: Apache-2.0
"""On random walks through every part no step changes a register without an event that says so."""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import NamedTuple

import pytest

from xsavvy.api.running import program_system, program_world
from xsavvy.checker import System
from xsavvy.checker.rule import Rule, successor
from xsavvy.cost import count
from xsavvy.cost.account import CONTENTS, REGISTERS
from xsavvy.cost.count import Meter
from xsavvy.cost.event import Kind, Tally
from xsavvy.cost.exceptions import Instead, instead_of
from xsavvy.model.programs import parse

STEPS = 3000
SAVES = {Kind.XRSTORS, Kind.XRSTOR, Kind.XSAVES}
BORDER = {Kind.VMENTRY, Kind.VMEXIT}
ELSEWHERE = {
    "AMX instruction under XFD": {"hw_xfd_err"},
    "guest's trace advances": {"hw_trace"},
    "XRSTORS of PT state": {"hw_trace", "hw_trace_en"},
    "CPU goes offline and comes back": {"hw_xfd_err", "hw_cet_u", *CONTENTS},
}
"""What the processor does by itself in an event, counted as that event or not at all."""
ONE_INSTRUCTION = (".bounds", ".pkru")
"""How steps of old kernels end that move one more component in the XSAVE or XRSTOR of the step before them."""
COMPUTES = {"kernel_fpu.kernel_fpu.use", "emulate_sse.access"}
"""Steps of the host that compute in XMM registers; every event of the guest or in user mode may."""


class Walk(NamedTuple):
    """Where a walk goes: the worlds of the parts, as many kernels and vendors as change what is executed."""

    part: str
    kernel: str
    platform: str = "sapphire-rapids"
    choices: Mapping[str, str] = {}


WALKS = (
    Walk("run", "v6.19"),
    Walk("run", "v5.1"),
    Walk("run", "v4.5"),
    Walk("run", "v6.18", "genoa"),
    Walk("run", "v6.12", choices={"pkru_write": "xrstor"}),
    Walk("trace", "v6.11"),
    Walk("trace", "v6.11", choices={"pt_switch": "xss_always"}),
    Walk("cet", "v6.18"),
    Walk("cet", "v6.18", choices={"cet_switch": "all_at_entry"}),
    Walk("cet", "v6.18", "genoa"),
    Walk("nested", "v6.19"),
    Walk("nested", "v6.18", "genoa"),
    Walk("protected", "v6.18"),
    Walk("protected", "v6.18", "genoa"),
    Walk("tasks", "v6.18"),
    Walk("tasks", "v5.10"),
    Walk("tasks", "v5.1"),
    Walk("ioctls", "v6.18"),
    Walk("history", "v6.1"),
    Walk("history", "v4.9"),
    Walk("moves", "v6.18"),
    Walk("capabilities", "v6.18"),
)


def world(walk: Walk) -> tuple[System, Meter]:
    """The whole of a part, with every event of it, and what counts its steps."""
    text = f"part: {walk.part}\nkernel: {walk.kernel}\nplatform: {walk.platform}\n"
    program = parse(text + "repeat 1:\n    NMI", walk.part)
    target = program_world(program, None, None, walk.choices, None)
    system = program_system(target, program, None)
    return system, Meter(system, target)


def explained(field: str, rule: Rule, tally: Tally) -> bool:
    """Say whether a change of a register has an event: its own write, an XRSTORS, or the border of the guest."""
    kinds = {event.kind for event in tally}
    moved = bool(kinds & (SAVES | BORDER)) or field in ELSEWHERE.get(rule.name, set())
    moved = moved or rule.name.endswith(ONE_INSTRUCTION)
    if field in CONTENTS:
        return moved or rule.name in COMPUTES or (rule.is_event and rule.actor in {"guest", "vmm"})
    register = REGISTERS[field]
    writes = any(event.kind == register.write for event in tally)
    names = any(event.detail in register.msrs for event in tally)
    return moved or (writes and (register.write != Kind.WRMSR or names))


def unexplained(walk: Walk, seed: int) -> tuple[set[str], int]:
    """Walk at random; return what changed without an event, and how many changes there were."""
    system, meter = world(walk)
    dice = random.Random(seed)  # reproducible, not secret
    slots = [(at, slot.field) for at, slot in enumerate(system.shape.slots)]
    watched = [(at, field) for at, field in slots if field in REGISTERS or field in CONTENTS]
    state, rules, met, silent = system.starts[0], list(system.rules), 0, set()
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
                if not explained(field, rule, tally):
                    silent.add(f"{rule.name}: {field}")
        state = new
    return silent, met


@pytest.mark.parametrize("walk", WALKS, ids=lambda walk: "-".join((*walk[:3], *walk[3].values())))
def test_no_register_changes_for_free(walk: Walk) -> None:
    """Everything may happen in these walks: every event of the part, in any order."""
    silent, met = unexplained(walk, 0)
    assert not silent
    assert met > 20 or walk.part in {"moves", "capabilities"}


def test_a_silent_step_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """A row that calls the load of XCR0 nothing is caught by the walk."""
    nothing = Instead("wrong", "nowhere")

    def wrong(module: str, function: str, *rest: str) -> Instead | None:
        return nothing if function == "load_guest_xcr0" else instead_of(module, function, *rest)

    monkeypatch.setattr(count, "instead_of", wrong)
    silent, _ = unexplained(Walk("run", "v6.19"), 0)
    assert silent == {"vcpu_enter_guest.load_guest_xcr0: hw_xcr0"}
