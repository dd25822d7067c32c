# SPDX-License-Identifier: Apache-2.0
"""Plans of XGETBV, XSETBV, RDPKRU and WRPKRU."""

from __future__ import annotations

import dataclasses

import pytest

from tests.isa.part import SAPPHIRE, ZEN4
from xsavvy.isa import (
    Control,
    Exit,
    Fault,
    Reason,
    Stop,
    Tracking,
    Vector,
    plan_rdpkru,
    plan_wrpkru,
    plan_xgetbv,
    plan_xsetbv,
)
from xsavvy.isa.components import SSE, XTILEDATA

CONTROL = Control(0x602E7)
BARE = dataclasses.replace(SAPPHIRE, xsave=False, xgetbv1=False, pku=False)


def reason(stop: Stop) -> tuple[Vector, Reason]:
    """Vector and reason of a fault."""
    assert isinstance(stop, Fault)
    return stop.vector, stop.reason


def test_xgetbv_reads_xcr0() -> None:
    """ECX=0 gives XCR0 at every privilege level, in a guest without an exit."""
    for control in (CONTROL, CONTROL._replace(cpl=3, non_root=True, ts=True)):
        assert plan_xgetbv(SAPPHIRE, control, 0, Tracking(0)) == (None, 0x602E7)


def test_fact_4_xgetbv_1_counts_mxcsr() -> None:
    """Fact 4: ECX=1 gives XCR0 and XINUSE, and bit 1 while MXCSR is not 1F80H."""
    assert plan_xgetbv(ZEN4, Control(0xE7), 1, Tracking(0x1805)).value == 0x5
    assert plan_xgetbv(ZEN4, Control(0xE7), 1, Tracking(0x5, False)).value == 0x5 | SSE


def test_xgetbv_1_does_not_show_what_xfd_disables() -> None:
    """Tile data under XFD reads as not in use (inferred)."""
    off = CONTROL._replace(xfd=XTILEDATA)
    assert plan_xgetbv(SAPPHIRE, off, 1, Tracking(XTILEDATA | 1)).value == 1


def test_xgetbv_faults() -> None:
    """#UD without XSAVE or OSXSAVE, #GP for ECX=2 and for ECX=1 without the feature."""
    off = CONTROL._replace(osxsave=False)
    plain = dataclasses.replace(SAPPHIRE, xgetbv1=False)
    cases = [
        (BARE, CONTROL, 0, (Vector.UD, Reason.UNSUPPORTED)),
        (SAPPHIRE, off, 2, (Vector.UD, Reason.OSXSAVE)),
        (SAPPHIRE, CONTROL, 2, (Vector.GP, Reason.ECX)),
        (plain, CONTROL, 1, (Vector.GP, Reason.ECX)),
    ]
    for part, control, ecx, expected in cases:
        assert reason(plan_xgetbv(part, control, ecx, Tracking(0)).stop) == expected


def test_xsetbv_writes_legal_values() -> None:
    """A legal value is written, an illegal one is #GP."""
    assert plan_xsetbv(SAPPHIRE, CONTROL, 0, 0x7) == (None, 0x7)
    assert reason(plan_xsetbv(SAPPHIRE, CONTROL, 0, 0x5).stop) == (Vector.GP, Reason.VALUE)
    assert reason(plan_xsetbv(SAPPHIRE, CONTROL, 0, 1 << 63 | 7).stop)[1] is Reason.VALUE


# The causes of XSETBV in order of priority, each as a change of control and ECX.
XSETBV = [
    ({"osxsave": False}, 0, Reason.OSXSAVE),
    ({"cpl": 3}, 0, Reason.PRIVILEGE),
    ({"non_root": True}, 0, Reason.XSETBV_EXITING),
    ({}, 1, Reason.ECX),
    ({}, 0, Reason.VALUE),
]


@pytest.mark.parametrize("first", range(5))
@pytest.mark.parametrize("second", range(5))
def test_the_earlier_cause_stops_xsetbv(first: int, second: int) -> None:
    """OSXSAVE, privilege, exit, ECX, value: of two causes the earlier is reported."""
    control = CONTROL
    for number in {first, second}:
        control = control._replace(**XSETBV[number][0])  # type: ignore[arg-type]
    ecx = max(XSETBV[first][1], XSETBV[second][1])
    stop = plan_xsetbv(SAPPHIRE, control, ecx, 0x5).stop
    assert isinstance(stop, Fault | Exit)
    assert stop.reason is XSETBV[min(first, second)][2]


def test_xsetbv_needs_the_instruction() -> None:
    """Without XSAVE, XSETBV is #UD before anything else."""
    stop = plan_xsetbv(BARE, CONTROL._replace(cpl=3), 1, 0).stop
    assert reason(stop) == (Vector.UD, Reason.UNSUPPORTED)


def test_xsetbv_always_exits_from_a_vmx_guest() -> None:
    """The intercept is a choice on AMD and unconditional on Intel."""
    guest = Control(7, non_root=True, xsetbv_exits=False)
    assert plan_xsetbv(ZEN4, guest, 0, 7) == (None, 7)
    assert plan_xsetbv(SAPPHIRE, guest, 0, 7).stop == Exit(Reason.XSETBV_EXITING)
    assert plan_xsetbv(ZEN4, guest._replace(xsetbv_exits=True), 0, 7).stop is not None


def test_pkru_is_read_and_written() -> None:
    """RDPKRU reads and WRPKRU writes all 32 bits at every privilege level."""
    user = CONTROL._replace(cpl=3, osxsave=False)
    assert plan_rdpkru(SAPPHIRE, user, 0, 0x5555_5554) == (None, 0x5555_5554)
    assert plan_wrpkru(SAPPHIRE, user, 0, 0, 0xFFFF_FFFC) == (None, 0xFFFF_FFFC)


def test_pkru_faults_in_order() -> None:
    """No PKU, CR4.PKE=0, ECX, then EDX of WRPKRU."""
    off = CONTROL._replace(pke=False)
    cases = [
        (BARE, off, 1, 1, (Vector.UD, Reason.UNSUPPORTED)),
        (SAPPHIRE, off, 1, 1, (Vector.UD, Reason.PKE)),
        (SAPPHIRE, CONTROL, 1, 1, (Vector.GP, Reason.ECX)),
    ]
    for part, control, ecx, edx, expected in cases:
        assert reason(plan_rdpkru(part, control, ecx, 0).stop) == expected
        assert reason(plan_wrpkru(part, control, ecx, edx, 0).stop) == expected
    assert reason(plan_wrpkru(SAPPHIRE, CONTROL, 0, 1, 0).stop) == (Vector.GP, Reason.EDX)
