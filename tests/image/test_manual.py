# SPDX-License-Identifier: Apache-2.0
"""`execute` against the operation sections told a second time."""

from __future__ import annotations

import random

import pytest

from tests.image.manual import GeneralProtection, Machine, NotAvailable
from tests.image.strategy import a_mask, an_area, an_xcr0, with_supervisor_values
from tests.isa.part import SAPPHIRE, ZEN4
from xsavvy.image import X87, Registers, execute
from xsavvy.isa import Control, Instruction, Processor, Vector
from xsavvy.isa.components import XTILEDATA

CASES = 700
EVERYTHING = (1 << 64) - 1


def registers_of(machine: Machine) -> Registers:
    """The machine's registers in the form that `execute` takes."""
    return Registers(
        X87(machine.data[0]),
        machine.mxcsr,
        machine.data[1],
        {i: data for i, data in machine.data.items() if i > 1},
        sum(1 << i for i in machine.xinuse),
    )


def a_machine(rng: random.Random, part: Processor, size: int) -> Machine:
    """A machine with something loaded."""
    machine = Machine(part, part.xcr0_supported, part.xss_supported)
    while True:
        try:
            area = an_area(rng, part, part.xcr0_supported, size)
            machine.xrstor(bytes(area), EVERYTHING)
        except GeneralProtection:
            continue
        break
    for index in (11, 12):
        machine.data[index] = rng.randbytes(part.subleaves[index].size)
        machine.xinuse.add(index)
    machine.xcr0 = an_xcr0(rng, part)
    machine.xss = a_mask(rng, 0x1800)
    machine.xfd = rng.choice([0, XTILEDATA]) if part.xfd else 0
    return machine


def told(
    machine: Machine, instruction: Instruction, area: bytes, mask: int
) -> tuple[bytes, Vector | None, int]:
    """What the manual says: memory, exception, XFD_ERR; the machine changes."""
    try:
        match instruction:
            case Instruction.XSAVE | Instruction.XSAVEOPT:
                opt = instruction is Instruction.XSAVEOPT
                return machine.xsave(area, mask, opt), None, 0
            case Instruction.XSAVEC | Instruction.XSAVES:
                return machine.xsavec(area, mask, instruction.supervisor), None, 0
            case _:
                machine.xrstor(area, mask, instruction.supervisor)
                return area, None, 0
    except GeneralProtection:
        return area, Vector.GP, 0
    except NotAvailable as fault:
        return area, Vector.NM, int(fault.args[0])


@pytest.mark.parametrize("instruction", Instruction, ids=lambda i: i.value)
@pytest.mark.parametrize("part", [ZEN4, SAPPHIRE], ids=["zen4", "sapphire"])
def test_execute_agrees_with_the_manual(part: Processor, instruction: Instruction) -> None:
    """Fault, every byte of memory, every register and XINUSE agree on random cases."""
    rng = random.Random(f"{instruction.value} {part.vendor.value}")
    size = max(part.standard.size, part.compacted(part.features).size)
    seen = set()
    for case in range(CASES):
        if case % 7 == 0:
            machine = a_machine(rng, part, size)
        control = Control(machine.xcr0, machine.xss, machine.xfd)
        area = an_area(rng, part, control.features, size)
        with_supervisor_values(rng, part, area)
        mask = rng.choice([EVERYTHING, a_mask(rng, control.features), rng.getrandbits(64)])
        result = execute(part, instruction, registers_of(machine), area, mask, control)
        memory, vector, xfd_err = told(machine, instruction, bytes(area), mask)
        assert (result.fault and result.fault.vector) == vector
        assert result.memory == memory
        after = registers_of(machine)
        assert result.registers == after.with_xfd_err(xfd_err)
        seen.add(vector)
    faults = set() if instruction.saves else {Vector.GP}
    if part.xfd and not instruction.saves:
        faults.add(Vector.NM)
    assert seen == {None, *faults}
