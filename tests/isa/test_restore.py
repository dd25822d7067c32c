# SPDX-License-Identifier: Apache-2.0
"""Plans of the two restores."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.isa.part import EVERYTHING, SAPPHIRE, ZEN4
from xsavvy.isa import (
    Control,
    Fault,
    Header,
    Reason,
    RestorePlan,
    Vector,
    plan_xrstor,
    plan_xrstors,
)
from xsavvy.isa.components import ALL, AMX, AVX, CET, CET_U, PKRU, PT, SSE, X87, XTILECFG, XTILEDATA

CONTROL = Control(0x602E7, 0x1800)
MASKS = st.integers(0, ALL)


def refused(plan: RestorePlan) -> bool:
    """Whether the header was not accepted."""
    return isinstance(plan.stop, Fault) and plan.stop.reason is Reason.HEADER


# A bit of the header, by number, and whether a standard and a compacted area with it are refused.
BITS = [
    (3, True, True), (8, True, True), (11, True, True), (62, True, True), (2, False, True),
    (63, True, True), (64 + 8, True, True), (64 + 62, True, True),
    (64 + 2, True, False), (128, True, True), (191, True, True), (192, False, True),
    (511, False, True),
]  # fmt: skip


def header_with(bit: int, compacted: int) -> Header:
    """An otherwise legal header, XSTATE_BV and XCOMP_BV 3, with one bit added."""
    value = (0b11 | (0b11 << 64 if compacted else 0)) | 1 << bit
    return Header(
        value & ALL,
        value >> 64 & ALL,
        compacted,
        value >> 63 & 1,
        int(value >> 128 & 0xFFFF_FFFF_FFFF_FFFF == 0),
        int(value >> 192 == 0),
    )


@pytest.mark.parametrize("mask", [0, EVERYTHING], ids=["rfbm=0", "rfbm=all"])
@pytest.mark.parametrize(("bit", "standard", "compacted"), BITS)
def test_fact_1_which_header_bits_are_refused(
    bit: int, standard: bool, compacted: bool, mask: int
) -> None:
    """Fact 1: bytes 8-23 in standard form, 16-63 in compacted form, whatever the request."""
    control = Control(0xE7)
    assert refused(plan_xrstor(ZEN4, control, mask, header_with(bit, 0))) == standard
    assert refused(plan_xrstor(ZEN4, control, mask, header_with(bit, 1))) == compacted


def test_fact_2_bit_63_of_xstate_bv_is_refused() -> None:
    """Fact 2: XSTATE_BV[63] is #GP although XCOMP_BV[63]=1, for both instructions."""
    header = Header(1, 1, 1, xstate_bv_63=1)
    assert refused(plan_xrstor(ZEN4, CONTROL, 1, header))
    assert refused(plan_xrstors(ZEN4, CONTROL, 1, header))


def test_xrstors_wants_the_compacted_form() -> None:
    """XRSTORS refuses a standard area that XRSTOR takes."""
    plan = plan_xrstors(ZEN4, CONTROL, 1, Header(1))
    assert plan.stop == Fault(Vector.GP, Reason.NOT_COMPACTED, 0)
    assert plan_xrstor(ZEN4, CONTROL, 1, Header(1)).stop is None


@pytest.mark.parametrize(
    ("xcomp_bv", "xss", "user", "supervisor"),
    [
        (CET | 7, 0x1800, True, False),
        (CET | 7, 0, True, True),
        (PT | 7, 0x1800, True, True),
        (PKRU | 7, 0x1800, False, False),
        (1 << 13 | 7, 0x1800, True, True),
    ],
)
def test_xcomp_bv_is_checked_against_what_is_enabled(
    xcomp_bv: int, xss: int, user: bool, supervisor: bool
) -> None:
    """XRSTOR takes components of XCR0, XRSTORS of XCR0 and IA32_XSS, even if not in XSTATE_BV."""
    control = Control(0x2E7, xss)
    header = Header(0b111, xcomp_bv, 1)
    assert refused(plan_xrstor(SAPPHIRE, control, 7, header)) == user
    assert refused(plan_xrstors(SAPPHIRE, control, 7, header)) == supervisor


def test_an_area_of_the_host_is_refused_under_a_guests_xcr0() -> None:
    """XCOMP_BV[9] without XCR0[9] is #GP although PKRU is not requested."""
    assert refused(plan_xrstors(SAPPHIRE, Control(0xE7), 7, Header(7, 7 | PKRU, 1)))


def test_fact_7_the_layout_follows_xcomp_bv() -> None:
    """Fact 7: neither RFBM nor XSTATE_BV moves a component of a compacted area."""
    for mask, xstate_bv in ((0x80, 0x80), (0xE7, 0xE7), (0x80, 0xA0)):
        plan = plan_xrstor(ZEN4, Control(0xE7), mask, Header(xstate_bv, 0xE7, 1))
        assert plan.layout is not None
        assert plan.layout[7].offset == 576 + 256 + 64 + 512


def test_fact_25_a_component_without_xcomp_bv_is_initialised() -> None:
    """Fact 25: RFBM[i]=1 with XCOMP_BV[i]=0 is an initialisation, not a fault."""
    plan = plan_xrstor(ZEN4, Control(0xE7), 0xE7, Header(1, 1, 1))
    assert plan.stop is None
    assert (plan.loads, plan.inits) == (1, 0xE6)


@pytest.mark.parametrize(
    ("mask", "header", "loads", "inits"),
    [
        (SSE, Header(0), 1, 0),
        (AVX, Header(0), 1, 0),
        (X87, Header(7), 0, 0),
        (SSE, Header(2, 2, 1), 1, 0),
        (SSE, Header(0, 2, 1), 0, 1),
        (AVX, Header(4, 6, 1), 0, 0),
        (0, Header(7, 7, 1), 0, 0),
    ],
)
def test_fact_3_loads_of_mxcsr(mask: int, header: Header, loads: int, inits: int) -> None:
    """Fact 3: standard form asks RFBM alone, compacted form RFBM[1] and XSTATE_BV[1]."""
    good = plan_xrstor(ZEN4, Control(0xE7), mask, header)
    assert (good.loads_mxcsr, good.inits_mxcsr) == (loads, inits)
    bad = plan_xrstor(ZEN4, Control(0xE7), mask, header, mxcsr=1 << 16)
    assert (bad.stop is not None) == bool(loads)
    if loads:
        assert bad.stop == Fault(Vector.GP, Reason.MXCSR, 0)


def test_fact_9_mxcsr_17_loads_on_amd_only() -> None:
    """Fact 9: MXCSR bit 17 is legal on AMD and #GP on Intel."""
    assert plan_xrstor(ZEN4, Control(7), 2, Header(2), mxcsr=1 << 17).stop is None
    stop = plan_xrstor(SAPPHIRE, Control(7), 2, Header(2), mxcsr=1 << 17).stop
    assert stop == Fault(Vector.GP, Reason.MXCSR, 0)


def test_xfd_stops_a_load_and_reports_it() -> None:
    """Loading disabled tile data is #NM with XFD_ERR[18]; XFD_ERR names nothing else."""
    off = CONTROL._replace(xfd=XTILEDATA)
    for plan in (plan_xrstor, plan_xrstors):
        stopped = plan(SAPPHIRE, off, EVERYTHING, Header(AMX | 7, AMX | 7, 1))
        assert stopped.stop == Fault(Vector.NM, Reason.XFD, xfd_err=XTILEDATA)
        for mask, xstate_bv in ((EVERYTHING, XTILECFG | 7), (7 | XTILECFG, AMX | 7)):
            done = plan(SAPPHIRE, off, mask, Header(xstate_bv, AMX | 7, 1))
            assert done.stop is None
            assert done.loads & XTILEDATA == 0


def test_ts_keeps_xfd_err() -> None:
    """#NM for CR0.TS comes first and leaves XFD_ERR alone."""
    off = CONTROL._replace(xfd=XTILEDATA, ts=True)
    stop = plan_xrstor(SAPPHIRE, off, EVERYTHING, Header(AMX, AMX, 1)).stop
    assert stop == Fault(Vector.NM, Reason.TASK_SWITCHED)


def test_illegal_supervisor_values_matter_when_loaded() -> None:
    """A value that a register refuses is #GP only if its component is requested and claimed."""
    header = Header(CET_U, CET, 1)
    stop = plan_xrstors(SAPPHIRE, CONTROL, CET, header, illegal=CET_U).stop
    assert stop == Fault(Vector.GP, Reason.PAYLOAD, 0)
    assert plan_xrstors(SAPPHIRE, CONTROL, 7, header, illegal=CET_U).stop is None
    assert plan_xrstors(SAPPHIRE, CONTROL, CET, Header(0, CET, 1), illegal=CET_U).stop is None


def test_a_header_without_more_is_a_legal_standard_one() -> None:
    """What is not said of a header is zero; MXCSR is legal and nothing in use unless said."""
    assert Header(3) == (3, 0, 0, 0, 1, 1)
    for plan in (
        plan_xrstor(ZEN4, CONTROL, 7, Header(3)),
        plan_xrstor(ZEN4, CONTROL, 0, Header(3)),
    ):
        assert plan.stop is None
        assert plan.xinuse == plan.loads


def test_a_stopped_restore_plans_nothing() -> None:
    """A fault leaves every list of the plan empty, from the first check to the last."""
    for plan in (
        plan_xrstor(ZEN4, CONTROL._replace(osxsave=False), 7, Header(7)),
        plan_xrstors(ZEN4, CONTROL, 7, Header(7)),
        plan_xrstor(ZEN4, CONTROL, 7, Header(1 << 40)),
        plan_xrstor(ZEN4, CONTROL, 7, Header(7), mxcsr=1 << 31),
        plan_xrstors(SAPPHIRE, CONTROL, CET, Header(CET, CET, 1), illegal=CET_U),
    ):
        assert plan.stop is not None
        assert plan[4:] == (0, 0, 0, 0, 0, 0)


@given(MASKS, MASKS, MASKS, st.integers(0, 1))
def test_restores_partition_the_request(
    mask: int, xstate_bv: int, xinuse: int, compacted: int
) -> None:
    """An accepted restore loads or initialises each requested component and tracks it so."""
    header = Header(xstate_bv & CONTROL.xcr0, CONTROL.xcr0 if compacted else 0, compacted)
    plan = plan_xrstor(SAPPHIRE, CONTROL, mask, header, xinuse=xinuse)
    assert plan.stop is None
    assert plan.loads ^ plan.inits == plan.loads | plan.inits == mask & CONTROL.xcr0
    assert plan.xinuse == (xinuse & ~plan.rfbm) | plan.loads
    assert plan.xmodified == ALL & ~plan.rfbm
