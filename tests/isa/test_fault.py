# SPDX-License-Identifier: Apache-2.0
"""Every fault of the family with a case that raises it, and which of two wins."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import pytest

from tests.isa.part import OLD_AMD, SAPPHIRE, ZEN4
from xsavvy.isa import (
    Control,
    Exit,
    Fault,
    Header,
    Instruction,
    Operand,
    Processor,
    Reason,
    Stop,
    Tracking,
    Vector,
    plan_xrstor,
    plan_xrstors,
    plan_xsave,
    plan_xsavec,
    plan_xsaveopt,
    plan_xsaves,
)
from xsavvy.isa.components import CET_U, PT, XTILEDATA

BEFORE = Tracking(0b111)
GOOD = Header(0b111, 0b111, 1)
FULL = Control(0xE7, 0x1800)
LIMIT = 576


def stop_of(
    instruction: Instruction,
    part: Processor,
    control: Control,
    operand: Operand,
    header: Header = GOOD,
    mxcsr: int = 0x1F80,
    mask: int = 0x87,
    illegal: int = 0,
) -> Stop:
    """What stops an instruction."""
    match instruction:
        case Instruction.XSAVE:
            return plan_xsave(part, control, mask, BEFORE, 0, operand).stop
        case Instruction.XSAVEOPT:
            return plan_xsaveopt(part, control, mask, BEFORE, 0, operand).stop
        case Instruction.XSAVEC:
            return plan_xsavec(part, control, mask, BEFORE, operand).stop
        case Instruction.XSAVES:
            return plan_xsaves(part, control, mask, BEFORE, operand).stop
        case Instruction.XRSTOR:
            return plan_xrstor(part, control, mask, header, mxcsr, 0, operand).stop
        case Instruction.XRSTORS:
            return plan_xrstors(part, control, mask, header, mxcsr, 0, operand, illegal).stop


def vector(stop: Stop) -> tuple[Vector, Reason]:
    """Vector and reason of a fault."""
    assert isinstance(stop, Fault)
    return stop.vector, stop.reason


ALL_SIX = pytest.mark.parametrize("instruction", Instruction, ids=lambda i: i.value)
SUPERVISOR = pytest.mark.parametrize(
    "instruction", [Instruction.XSAVES, Instruction.XRSTORS], ids=lambda i: i.value
)


@ALL_SIX
def test_nothing_stops_a_good_case(instruction: Instruction) -> None:
    """With everything enabled, aligned and accessible no instruction faults."""
    assert stop_of(instruction, ZEN4, FULL, Operand()) is None


# Each cause, in order of priority: a change to a good case, and what it gives.
Change = Callable[[Control, Operand], tuple[Control, Operand]]
CAUSES: list[tuple[Change, Vector, Reason]] = [
    (lambda c, o: (c._replace(osxsave=False), o), Vector.UD, Reason.OSXSAVE),
    (lambda c, o: (c, o._replace(prefixed=True)), Vector.UD, Reason.ENCODING),
    (lambda c, o: (c._replace(ts=True), o), Vector.NM, Reason.TASK_SWITCHED),
    (lambda c, o: (c, o._replace(address=16)), Vector.GP, Reason.ALIGNMENT),
    (lambda c, o: (c, o._replace(accessible=0)), Vector.PF, Reason.PAYLOAD_PAGE),
]


@ALL_SIX
@pytest.mark.parametrize("first", range(len(CAUSES)))
@pytest.mark.parametrize("second", range(len(CAUSES)))
def test_the_earlier_cause_wins(instruction: Instruction, first: int, second: int) -> None:
    """Of two causes that every instruction knows, the one checked first is reported."""
    control, operand = FULL, Operand()
    for number in {first, second}:
        control, operand = CAUSES[number][0](control, operand)
    _, expected, reason = CAUSES[min(first, second)]
    assert vector(stop_of(instruction, ZEN4, control, operand)) == (expected, reason)


@pytest.mark.parametrize(
    ("instruction", "lacks"),
    [
        (Instruction.XSAVE, {"xsave": False}),
        (Instruction.XRSTOR, {"xsave": False}),
        (Instruction.XSAVEOPT, {"xsaveopt": False}),
        (Instruction.XSAVEC, {"xsavec": False}),
        (Instruction.XSAVES, {"xsaves": False}),
        (Instruction.XRSTORS, {"xsaves": False}),
        (Instruction.XSAVEC, {"xsave": False}),
    ],
)
def test_an_instruction_that_cpuid_lacks(instruction: Instruction, lacks: dict[str, bool]) -> None:
    """Without its CPUID bit an instruction is #UD, whatever else is wrong."""
    part = Processor(xcr0_supported=7, **lacks)  # type: ignore[arg-type]
    worst = Control(7, cpl=3, osxsave=False, ts=True)
    assert vector(stop_of(instruction, part, worst, Operand(1))) == (
        Vector.UD,
        Reason.UNSUPPORTED,
    )


@SUPERVISOR
def test_fact_13_supervisor_instructions_need_cpl_0(instruction: Instruction) -> None:
    """Fact 13: at CPL 3 it is #GP(0), not #UD, before alignment and after CR0.TS."""
    for operand in (Operand(), Operand(8)):
        stop = stop_of(instruction, ZEN4, FULL._replace(cpl=3), operand)
        assert stop == Fault(Vector.GP, Reason.PRIVILEGE, 0)
        stop = stop_of(instruction, ZEN4, FULL._replace(cpl=3, ts=True), operand)
        assert stop == Fault(Vector.NM, Reason.TASK_SWITCHED)


@pytest.mark.parametrize(
    "instruction", [i for i in Instruction if not i.supervisor], ids=lambda i: i.value
)
def test_user_instructions_work_at_cpl_3(instruction: Instruction) -> None:
    """Privilege does not matter to the four user instructions."""
    assert stop_of(instruction, ZEN4, FULL._replace(cpl=3), Operand()) is None


@SUPERVISOR
def test_a_hypervisor_may_withhold_xsaves(instruction: Instruction) -> None:
    """With ENABLE_XSAVES=0 a VMX guest gets #UD, before the check of privilege."""
    guest = FULL._replace(non_root=True, enable_xsaves=False, cpl=3)
    assert vector(stop_of(instruction, SAPPHIRE, guest, Operand()))[1] is Reason.ENABLE_XSAVES
    outside = guest._replace(non_root=False, cpl=0)
    assert stop_of(instruction, SAPPHIRE, outside, Operand()) is None


@SUPERVISOR
def test_a_hypervisor_may_intercept_requested_supervisor_components(
    instruction: Instruction,
) -> None:
    """A guest exits if a requested component is in IA32_XSS and in the XSS-exiting bitmap."""
    guest = FULL._replace(non_root=True, xss_exiting=CET_U)
    asked = stop_of(instruction, SAPPHIRE, guest, Operand(8), mask=CET_U)
    assert asked == Exit(Reason.XSS_EXITING)
    for other in (guest._replace(xss_exiting=PT), guest._replace(xss=0)):
        stop = stop_of(instruction, SAPPHIRE, other, Operand(8), mask=CET_U)
        assert vector(stop)[1] is Reason.ALIGNMENT
    stop = stop_of(instruction, SAPPHIRE, guest, Operand(8), mask=0b1)
    assert vector(stop)[1] is Reason.ALIGNMENT
    lazy = guest._replace(ts=True)
    stop = stop_of(instruction, SAPPHIRE, lazy, Operand(8), mask=CET_U)
    assert vector(stop)[1] is Reason.TASK_SWITCHED


@SUPERVISOR
def test_privilege_comes_before_an_exit(instruction: Instruction) -> None:
    """A guest's user mode gets #GP, not an exit."""
    guest = FULL._replace(non_root=True, xss_exiting=CET_U, cpl=3)
    assert vector(stop_of(instruction, SAPPHIRE, guest, Operand(), mask=CET_U)) == (
        Vector.GP,
        Reason.PRIVILEGE,
    )


@SUPERVISOR
def test_amd_cannot_intercept_xsaves(instruction: Instruction) -> None:
    """On AMD neither ENABLE_XSAVES nor an exiting bitmap exists."""
    guest = FULL._replace(non_root=True, enable_xsaves=False, xss_exiting=CET_U)
    assert stop_of(instruction, ZEN4, guest, Operand(), mask=CET_U | 1) is None


class Image(NamedTuple):
    """What a restore finds in memory, and XFD."""

    operand: Operand = Operand()
    header: Header = Header(0b111 | CET_U, 0b111 | CET_U, 1)
    mxcsr: int = 0x1F80
    illegal: int = 0
    xfd: int = 0


# Each cause that a compacted restore finds in memory, in order of priority.
Spoil = Callable[[Image], Image]
FOUND: list[tuple[Spoil, Vector, Reason]] = [
    (lambda i: i._replace(operand=Operand(accessible=512)), Vector.PF, Reason.HEADER_PAGE),
    (lambda i: i._replace(header=Header(0x87, 1, 1)), Vector.GP, Reason.HEADER),
    (lambda i: i._replace(xfd=0b1), Vector.NM, Reason.XFD),
    (lambda i: i._replace(operand=Operand(accessible=LIMIT)), Vector.PF, Reason.PAYLOAD_PAGE),
    (lambda i: i._replace(mxcsr=1 << 16), Vector.GP, Reason.MXCSR),
    (lambda i: i._replace(illegal=CET_U), Vector.GP, Reason.PAYLOAD),
]
PAIRS = [(a, b) for a in range(6) for b in range(a, 6) if (a, b) != (0, 3)]  # one limit only


@pytest.mark.parametrize(("first", "second"), PAIRS)
def test_fact_11_the_order_of_what_a_restore_finds(first: int, second: int) -> None:
    """Fact 11: page of the header, header, XFD, rest of the pages, MXCSR, values."""
    image = FOUND[second][0](FOUND[first][0](Image()))
    control = Control(0x2E7, 0x1800, image.xfd)
    stop = stop_of(
        Instruction.XRSTORS,
        SAPPHIRE,
        control,
        image.operand,
        image.header,
        image.mxcsr,
        0b111 | CET_U,
        image.illegal,
    )
    assert vector(stop) == FOUND[first][1:]


def test_fact_11_illegal_mxcsr_loses_to_an_unmapped_payload() -> None:
    """Fact 11: a standard restore too reports the page before MXCSR; the header comes first."""
    operand = Operand(accessible=600)
    stop = stop_of(Instruction.XRSTOR, ZEN4, FULL, operand, Header(7), 1 << 16)
    assert vector(stop) == (Vector.PF, Reason.PAYLOAD_PAGE)
    stop = stop_of(Instruction.XRSTOR, ZEN4, FULL, operand, Header(1 << 9), 1 << 16)
    assert vector(stop) == (Vector.GP, Reason.HEADER)


@pytest.mark.parametrize(
    ("address", "error_code", "stop_at"), [(0x1000, 6, 3), (0x1000, 2, 0)], ids=["user", "kernel"]
)
def test_fact_11_cr2_is_the_last_byte(address: int, error_code: int, stop_at: int) -> None:
    """Fact 11: a save that runs out of memory names its last byte, with the mode's error code."""
    operand = Operand(address, accessible=640)
    control = FULL._replace(cpl=stop_at)
    stop = stop_of(Instruction.XSAVE, ZEN4, control, operand, mask=1 << 7)
    assert stop == Fault(Vector.PF, Reason.PAYLOAD_PAGE, error_code, address + 2431)


def test_fact_11_extents_follow_the_request() -> None:
    """Fact 11: initial components need their memory too; a compacted restore only what it loads."""
    initial = Tracking(0)
    for instruction, need in (("XSAVE", 896), ("XSAVEOPT", 896), ("XSAVEC", 640), ("XSAVES", 640)):
        plan = {
            "XSAVE": lambda: plan_xsave(ZEN4, FULL, 0x20, initial, 0),
            "XSAVEOPT": lambda: plan_xsaveopt(ZEN4, FULL, 0x20, initial, 0),
            "XSAVEC": lambda: plan_xsavec(ZEN4, FULL, 0x20, initial),
            "XSAVES": lambda: plan_xsaves(ZEN4, FULL, 0x20, initial),
        }[instruction]()
        assert plan.extent == need
    assert plan_xrstor(ZEN4, FULL, 0x20, Header(0)).extent == 896
    assert plan_xrstor(ZEN4, FULL, 0x20, Header(0, 0x20, 1)).extent == 576
    assert plan_xrstor(ZEN4, FULL, 0x20, Header(0x20, 0x24, 1)).extent == 896


def test_a_save_without_request_still_writes_its_header() -> None:
    """RFBM=0 on a read-only page is a page fault with the present bit."""
    for instruction in (Instruction.XSAVE, Instruction.XSAVEC):
        operand = Operand(writable=0)
        stop = stop_of(instruction, ZEN4, FULL._replace(cpl=3), operand, mask=0)
        assert stop == Fault(Vector.PF, Reason.PAYLOAD_PAGE, 7, 0)
    assert stop_of(Instruction.XRSTOR, ZEN4, FULL, Operand(writable=0)) is None


def test_compacted_areas_need_xsavec() -> None:
    """A processor without XSAVEC refuses XCOMP_BV[63]=1 as a reserved bit."""
    control = Control(7)
    assert vector(stop_of(Instruction.XRSTOR, OLD_AMD, control, Operand())) == (
        Vector.GP,
        Reason.HEADER,
    )


def test_causes_are_told_in_words() -> None:
    """A fault and an exit describe themselves on one line."""
    fault = Fault(Vector.NM, Reason.XFD, xfd_err=XTILEDATA)
    assert fault.describe() == "#NM: IA32_XFD disables a component that would be loaded"
    assert Exit(Reason.XSS_EXITING).describe().startswith("exit: the hypervisor")
    assert len({reason.value for reason in Reason}) == len(Reason)
