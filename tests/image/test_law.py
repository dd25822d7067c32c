# SPDX-License-Identifier: Apache-2.0
"""Laws that every save and restore keeps, on arbitrary registers and areas."""

from __future__ import annotations

import dataclasses
import random
from typing import NamedTuple

from hypothesis import given
from hypothesis import strategies as st

from tests.image.strategy import a_mask, an_area, with_supervisor_values
from tests.isa.part import OLD_AMD, SAPPHIRE, ZEN4
from xsavvy.image import Registers, Result, enabled, execute
from xsavvy.isa import Fault, Instruction, Operand, Processor, Reason, SavePlan
from xsavvy.isa.components import ALL, SSE, indices

EVERYTHING = (1 << 64) - 1
SAVES = [i for i in Instruction if i.saves]
RESTORES = [i for i in Instruction if not i.saves]
PAIRS = [
    (Instruction.XSAVE, Instruction.XRSTOR),
    (Instruction.XSAVEOPT, Instruction.XRSTOR),
    (Instruction.XSAVEC, Instruction.XRSTOR),
    (Instruction.XSAVES, Instruction.XRSTORS),
]


class Case(NamedTuple):
    """A processor with something in its registers, an area and a request."""

    part: Processor
    registers: Registers
    area: bytes
    mask: int


def size_of(part: Processor) -> int:
    """Bytes that any area of a processor fits into."""
    return max(part.standard.size, part.compacted(part.features).size)


def loaded(rng: random.Random, part: Processor) -> Registers:
    """Registers that a restore can produce, supervisor components included."""
    registers = Registers.initial(part)
    instruction = Instruction.XRSTORS if part.xsaves else Instruction.XRSTOR
    for _ in range(3):
        area = an_area(rng, part, part.features, size_of(part))
        if part.xsaves:
            area[527] |= 0x80
        with_supervisor_values(rng, part, area)
        registers = execute(part, instruction, registers, area, EVERYTHING).registers
    return registers


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """Arbitrary cases, from a seed: shrinking bytes of an area teaches nothing."""
    rng = random.Random(draw(st.integers(0, 1 << 32)))
    part = rng.choice([ZEN4, SAPPHIRE, OLD_AMD])
    area = an_area(rng, part, part.features, size_of(part))
    mask = rng.choice([a_mask(rng, part.features), rng.getrandbits(64), EVERYTHING])
    return Case(part, loaded(rng, part), bytes(area), mask)


def run(case: Case, instruction: Instruction, **other: object) -> Result:
    """Execute a case's question."""
    given = {"registers": case.registers, "memory": case.area, "operand": Operand()} | other
    registers, memory, operand = given["registers"], given["memory"], given["operand"]
    assert isinstance(registers, Registers)
    assert isinstance(memory, bytes)
    assert isinstance(operand, Operand)
    return execute(case.part, instruction, registers, memory, case.mask, operand=operand)


def visible(registers: Registers, part: Processor) -> bytes:
    """Everything that a program can see of the registers: all components, saved."""
    if part.xsaves:
        blank, instruction = bytes(size_of(part)), Instruction.XSAVES
    else:
        blank, instruction = bytes(size_of(part)), Instruction.XSAVE
    everywhere = dataclasses.replace(registers, xinuse=ALL & part.features)
    return execute(part, instruction, everywhere, blank, EVERYTHING).memory


@given(cases(), st.sampled_from(PAIRS))
def test_restoring_what_was_saved_changes_nothing(
    case: Case, pair: tuple[Instruction, Instruction]
) -> None:
    """Save, then restore the same request: every register is as before, as far as one can see."""
    clean = case._replace(area=bytes(len(case.area)))
    saved = run(clean, pair[0])
    if saved.stop:
        assert not pair[0].supported(case.part)
        return
    back = run(case, pair[1], memory=saved.memory)
    assert back.stop is None
    assert visible(back.registers, case.part) == visible(case.registers, case.part)


@given(cases(), st.sampled_from(PAIRS))
def test_a_saved_state_can_be_restored_elsewhere(
    case: Case, pair: tuple[Instruction, Instruction]
) -> None:
    """Save, restore over initial registers, save again: the requested components are the same."""
    saved = run(case._replace(area=bytes(len(case.area))), pair[0])
    if saved.stop:
        return
    fresh = Registers.initial(case.part)
    there = run(case, pair[1], registers=fresh, memory=saved.memory).registers
    again = run(case._replace(registers=there, area=saved.memory), pair[0])
    assert again.memory == saved.memory


@given(cases(), st.sampled_from(SAVES))
def test_saving_twice_is_saving_once(case: Case, instruction: Instruction) -> None:
    """A second save into the same area changes no byte."""
    once = run(case, instruction)
    twice = run(case, instruction, memory=once.memory)
    assert twice.memory == once.memory


@given(cases(), st.sampled_from(RESTORES))
def test_restoring_twice_is_restoring_once(case: Case, instruction: Instruction) -> None:
    """A second restore from the same area changes no register."""
    once = run(case, instruction)
    twice = run(case, instruction, registers=once.registers)
    assert twice.registers == once.registers


@given(cases(), st.sampled_from(list(Instruction)), st.integers(0, 3000))
def test_a_fault_changes_nothing(case: Case, instruction: Instruction, mapped: int) -> None:
    """Whatever stops an instruction, memory and registers are as before."""
    result = run(case, instruction, operand=Operand(accessible=mapped))
    if result.stop:
        assert result.memory == case.area
        assert result.registers == case.registers


@given(cases(), st.sampled_from(SAVES))
def test_a_save_changes_no_register(case: Case, instruction: Instruction) -> None:
    """Saving leaves the register file alone, XINUSE included."""
    assert run(case, instruction).registers == case.registers


@given(cases(), st.sampled_from(RESTORES))
def test_a_restore_changes_no_memory(case: Case, instruction: Instruction) -> None:
    """Restoring leaves the area alone."""
    assert run(case, instruction).memory == case.area


@given(cases(), st.sampled_from(SAVES))
def test_a_save_touches_only_what_its_plan_names(case: Case, instruction: Instruction) -> None:
    """Bytes outside written components, MXCSR and the two bitmaps keep their values."""
    result = run(case, instruction)
    plan = result.plan
    assert isinstance(plan, SavePlan)
    named = set(range(512, 528 if plan.compacted else 520))
    for index in indices(plan.writes):
        named |= set(range(plan.layout[index].offset, plan.layout[index].end))
    named -= set(range(24, 32))
    named |= set(range(24, 32)) if plan.writes_mxcsr else set()
    changed = {at for at, (a, b) in enumerate(zip(case.area, result.memory, strict=True)) if a != b}
    assert changed <= named
    assert all(at < plan.extent for at in changed)


@given(cases(), st.sampled_from(RESTORES))
def test_unrequested_components_stay(case: Case, instruction: Instruction) -> None:
    """A restore leaves components outside RFBM, their XINUSE bits and, mostly, MXCSR alone."""
    result = run(case, instruction)
    before, after, rfbm = case.registers, result.registers, result.plan.rfbm
    assert (before.xinuse ^ after.xinuse) & ~rfbm == 0
    for index, data in before.extended.items():
        if not rfbm >> index & 1:
            assert after.extended[index] == data
    if not rfbm & 1:
        assert after.x87 == before.x87
    if not rfbm & SSE:
        assert after.xmm == before.xmm
    if not rfbm & 0b110:
        assert after.mxcsr == before.mxcsr


@given(cases())
def test_xinuse_stays_legal(case: Case) -> None:
    """No restore leaves XINUSE clear for a component that is not initial."""
    for instruction in RESTORES:
        assert run(case, instruction).registers.xinuse_is_legal(case.part)


@given(cases(), st.sampled_from(list(Instruction)))
def test_one_byte_less_than_the_extent_faults(case: Case, instruction: Instruction) -> None:
    """The extent is exact: with so many bytes there is no page fault, with one less there is."""
    plan = run(case, instruction).plan
    if plan.extent <= 576:
        return
    enough = run(case, instruction, operand=Operand(accessible=plan.extent))
    assert enough.plan.stop == plan.stop
    less = run(case, instruction, operand=Operand(accessible=plan.extent - 1))
    assert isinstance(less.stop, Fault)
    if plan.stop is None:
        assert less.stop.reason is Reason.PAYLOAD_PAGE
        assert less.stop.address == plan.extent - 1


def test_the_default_control_enables_everything() -> None:
    """Without a control, what the processor supports is enabled at CPL 0."""
    control = enabled(SAPPHIRE)
    assert (control.features, control.cpl, control.xfd) == (SAPPHIRE.features, 0, 0)
