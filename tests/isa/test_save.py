# SPDX-License-Identifier: Apache-2.0
"""Plans of the four saves."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.isa.part import EVERYTHING, SAPPHIRE, ZEN4
from xsavvy.isa import (
    Control,
    SavePlan,
    Tracking,
    plan_xsave,
    plan_xsavec,
    plan_xsaveopt,
    plan_xsaves,
)
from xsavvy.isa.components import ALL, AMX, AVX, CET, PKRU, SSE, X87, XTILECFG, XTILEDATA

CONTROL = Control(0x602E7, 0x1800)
TILES_OFF = CONTROL._replace(xfd=XTILEDATA)
MASKS = st.integers(0, ALL)


def all_four(control: Control, mask: int, tracking: Tracking, old_bv: int = 0) -> list[SavePlan]:
    """The plans of XSAVE, XSAVEOPT, XSAVEC and XSAVES for one question."""
    return [
        plan_xsave(SAPPHIRE, control, mask, tracking, old_bv),
        plan_xsaveopt(SAPPHIRE, control, mask, tracking, old_bv),
        plan_xsavec(SAPPHIRE, control, mask, tracking),
        plan_xsaves(SAPPHIRE, control, mask, tracking),
    ]


def test_only_xsaves_asks_for_supervisor_components() -> None:
    """A request for everything means XCR0 to three instructions, XCR0 and IA32_XSS to XSAVES."""
    rfbms = [plan.rfbm for plan in all_four(CONTROL, EVERYTHING, Tracking(0))]
    assert rfbms == [0x602E7] * 3 + [0x61AE7]


def test_disabled_components_are_dropped_without_a_fault() -> None:
    """A requested bit outside of XCR0 has no effect."""
    plan = plan_xsave(SAPPHIRE, Control(0b11), 0b111, Tracking(0b111), 0)
    assert plan.stop is None
    assert plan.rfbm == plan.writes == 0b11


def test_fact_6_xcomp_bv_is_the_request() -> None:
    """Fact 6: XCOMP_BV has every requested component, XSTATE_BV and the bytes those in use."""
    plan = plan_xsavec(ZEN4, Control(0xE7), 0xE4, Tracking(0x80))
    assert (plan.xcomp_bv, plan.xstate_bv, plan.writes) == (0xE4, 0x80, 0x80)
    assert plan.layout[7].offset == 576 + 256 + 64 + 512


def test_fact_3_mxcsr_is_written_for_avx_alone() -> None:
    """Fact 3: XSAVE and XSAVEOPT write MXCSR for RFBM[2], XSAVEC and XSAVES do not."""
    plans = all_four(CONTROL, AVX, Tracking(AVX | SSE, mxcsr_initial=False))
    assert [plan.writes_mxcsr for plan in plans] == [1, 1, 0, 0]


def test_fact_4_mxcsr_alone_makes_sse_used_in_compacted_form() -> None:
    """Fact 4: with XMM initial and MXCSR not 1F80H, XSAVE and XSAVEOPT clear XSTATE_BV[1]."""
    plans = all_four(CONTROL, X87 | SSE, Tracking(0, mxcsr_initial=False), old_bv=SSE)
    assert [plan.xstate_bv for plan in plans] == [0, 0, SSE, SSE]
    assert [plan.writes & SSE for plan in plans] == [SSE, 0, SSE, SSE]
    assert [plan.writes_mxcsr for plan in plans] == [1, 1, 1, 1]


def test_fact_12_the_modified_optimisation_spares_no_mxcsr() -> None:
    """Fact 12: XSAVEOPT may leave every component stale, never MXCSR and XSTATE_BV."""
    plan = plan_xsaveopt(SAPPHIRE, CONTROL, 0xE7, Tracking(0xE7, True, 0), 0)
    assert (plan.writes, plan.may_write) == (0, 0xE7)
    assert (plan.writes_mxcsr, plan.xstate_bv) == (1, 0xE7)


def test_the_modified_optimisation_of_xsaves_stops_at_mxcsr() -> None:
    """XSAVES writes XMM and MXCSR though unmodified, while MXCSR is not 1F80H."""
    plan = plan_xsaves(SAPPHIRE, CONTROL, 0xE7, Tracking(0xE7, False, 0))
    assert (plan.writes, plan.writes_mxcsr, plan.xstate_bv) == (SSE, 1, 0xE7)
    plan = plan_xsaves(SAPPHIRE, CONTROL, 0xE7, Tracking(0xE7, True, 0))
    assert (plan.writes, plan.writes_mxcsr, plan.xstate_bv) == (0, 0, 0xE7)


def test_xsavec_knows_no_modified_optimisation() -> None:
    """XMODIFIED makes no difference to XSAVE and XSAVEC."""
    for plan in (
        plan_xsave(SAPPHIRE, CONTROL, 0xE7, Tracking(0xE7, True, 0), 0),
        plan_xsavec(SAPPHIRE, CONTROL, 0xE7, Tracking(0xE7, True, 0)),
    ):
        assert plan.writes == plan.may_write == 0xE7


def test_xfd_hides_tile_data_from_saves() -> None:
    """With XFD[18]=1 no save faults; only XSAVE writes tile data, as initial bytes."""
    plans = all_four(TILES_OFF, AMX, Tracking(AMX), old_bv=AMX)
    assert [plan.stop for plan in plans] == [None] * 4
    assert [plan.xstate_bv for plan in plans] == [XTILECFG] * 4
    assert [plan.writes for plan in plans] == [AMX, XTILECFG, XTILECFG, XTILECFG]
    assert [plan.initial for plan in plans] == [XTILEDATA, 0, 0, 0]


def test_xfd_leaves_a_hole_in_the_compacted_form() -> None:
    """XCOMP_BV keeps the bit that XFD hides, and the area its 8 KiB."""
    plan = plan_xsavec(SAPPHIRE, TILES_OFF, AMX, Tracking(AMX))
    assert plan.xcomp_bv == AMX
    assert plan.extent == 640 + 8192


@pytest.mark.parametrize("mask", [0, 0b1, PKRU, CET, EVERYTHING])
def test_a_stopped_save_plans_nothing(mask: int) -> None:
    """A fault leaves every list of the plan empty."""
    for plan in all_four(CONTROL._replace(ts=True), mask, Tracking(0b111, False)):
        assert plan.stop is not None
        assert plan[4:] == (False, 0, 0, 0, 0, 0, 0)


@given(MASKS, MASKS, MASKS, st.booleans(), MASKS)
def test_every_save_writes_what_its_header_claims(
    mask: int, xinuse: int, old_bv: int, mxcsr_initial: bool, xmodified: int
) -> None:
    """What is claimed and requested may be written, and what must be written may be written."""
    for plan in all_four(CONTROL, mask, Tracking(xinuse, mxcsr_initial, xmodified), old_bv):
        claimed = plan.xstate_bv & plan.rfbm
        assert claimed & ~plan.may_write == 0
        assert plan.writes & ~plan.may_write == 0
        assert plan.may_write & ~plan.rfbm == 0
        assert plan.initial & claimed == 0
        assert plan.extent == plan.layout.extent(plan.rfbm)
