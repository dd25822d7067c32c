# SPDX-License-Identifier: Apache-2.0
"""The table of state components."""

from __future__ import annotations

import pytest

from tests.isa.part import SAPPHIRE, ZEN4
from xsavvy.isa import Processor, components
from xsavvy.isa.components import COMPONENTS, SUPERVISOR, USER, Kind, component, indices, names


def test_each_component_has_a_mask_constant_of_its_name() -> None:
    """`components.PKRU` is the bit of the component named PKRU, and so for every one."""
    for each in COMPONENTS:
        assert getattr(components, each.name) == each.mask == 1 << each.index


def test_the_table_goes_from_x87_to_apx_and_lwp() -> None:
    """Components 0 to 19 and 62 are known, in ascending order."""
    assert [each.index for each in COMPONENTS] == [*range(20), 62]


def test_user_and_supervisor_share_no_bit() -> None:
    """XCR0 and IA32_XSS never enable the same component."""
    assert USER & SUPERVISOR == 0
    assert names(SUPERVISOR) == (
        "PT", "PASID", "CET_U", "CET_S", "HDC", "UINTR", "LBR", "HWP",
    )  # fmt: skip


def test_only_supervisor_components_hold_msrs() -> None:
    """A component holds MSRs exactly when IA32_XSS enables it."""
    for each in COMPONENTS:
        assert bool(each.msrs) == (each.kind is Kind.SUPERVISOR)


def test_s_cet_is_in_no_component() -> None:
    """IA32_S_CET (0x6A2) is not XSAVE-managed, although a component is called CET_S."""
    held = {msr.number for each in COMPONENTS for msr in each.msrs}
    assert 0x6A2 not in held
    assert {0x6A0, 0x6A4, 0x6A5, 0x6A6, 0x6A7} <= held


def test_every_msr_is_in_one_component() -> None:
    """No MSR is listed twice."""
    held = [msr.number for each in COMPONENTS for msr in each.msrs]
    assert len(held) == len(set(held))


@pytest.mark.parametrize("part", [ZEN4, SAPPHIRE])
def test_processors_have_the_architectural_sizes(part: Processor) -> None:
    """Leaf 0xD of real parts agrees with sizes that the architecture fixes."""
    for index, leaf in part.subleaves.items():
        size = component(index).size
        assert size in (None, leaf.size)
        assert leaf.supervisor == (component(index).kind is Kind.SUPERVISOR)


def test_tile_data_alone_is_capable_of_xfd() -> None:
    """IA32_XFD can name XTILEDATA and nothing else today."""
    assert [each.name for each in COMPONENTS if each.xfd_capable] == ["XTILEDATA"]
    assert SAPPHIRE.xfd_capable == components.XTILEDATA
    assert ZEN4.xfd_capable == 0


def test_an_unknown_component_is_refused_with_the_known_ones() -> None:
    """Asking for bit 40 names the components that there are."""
    with pytest.raises(KeyError, match="no state component 40; there are 0, 1, 2"):
        component(40)


def test_indices_and_names_are_in_ascending_order() -> None:
    """A mask is listed lowest bit first, unknown bits by number."""
    assert indices(1 << 62 | 0b101) == (0, 2, 62)
    assert names(1 << 62 | 0b101 | 1 << 20) == ("X87", "AVX", "bit 20", "LWP")
    assert names(0) == ()
