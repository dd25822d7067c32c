# SPDX-License-Identifier: Apache-2.0
"""Places of components in an XSAVE area."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tests.isa.part import SAPPHIRE, ZEN4
from xsavvy.isa import Layout, Place, SubLeaf, compacted, standard
from xsavvy.isa.components import XTILECFG, XTILEDATA, indices

LEAVES = st.dictionaries(
    st.integers(2, 62),
    st.builds(SubLeaf, st.integers(1, 300), st.just(0), st.booleans(), st.booleans()),
    max_size=8,
)


def test_fact_24_avx512_lies_elsewhere_on_amd() -> None:
    """Fact 24: standard offsets of components 5, 6 and 7 differ between AMD and Intel."""
    assert [ZEN4.standard[index].offset for index in (5, 6, 7)] == [832, 896, 1408]
    assert [SAPPHIRE.standard[index].offset for index in (5, 6, 7)] == [1088, 1152, 1664]
    assert ZEN4.standard.size == 2432


def test_the_standard_format_has_no_supervisor_component() -> None:
    """Supervisor components, whose sub-leaf has offset 0, have no place in standard form."""
    assert set(ZEN4.standard) == {0, 1, 2, 5, 6, 7}
    assert 11 not in standard(SAPPHIRE.subleaves)


def test_the_compacted_size_is_what_cpuid_says() -> None:
    """XCR0|XSS=0x18e7 on Zen 4 gives 2472 bytes, which is CPUID (0xD, 1) EBX there."""
    assert ZEN4.compacted(0x18E7).size == 0x9A8


def test_tiles_are_aligned_in_the_compacted_format() -> None:
    """A component with the align64 flag starts at a multiple of 64 after the one before."""
    layout = SAPPHIRE.compacted(1 << 9 | XTILECFG | XTILEDATA)
    assert layout == {9: (576, 8), 17: (640, 64), 18: (704, 8192)}


def test_fact_22_a_guest_fpstate_and_a_task_differ_in_layout() -> None:
    """Fact 22: XCOMP_BV 18e7 and 8e7 place CET_U alike and end differently."""
    guest, task = ZEN4.compacted(0x18E7), ZEN4.compacted(0x8E7)
    assert guest[11] == task[11]
    assert (guest.size, task.size) == (2472, 2448)


def test_an_unsupported_component_takes_no_room() -> None:
    """A bit of XCOMP_BV without a sub-leaf has no place and moves nothing."""
    assert ZEN4.compacted(1 << 9 | 1 << 11) == {11: (576, 16)}


def test_an_area_is_never_smaller_than_576_bytes() -> None:
    """Legacy region and header always belong to the area."""
    assert Layout({}).size == 576
    assert ZEN4.standard.extent(0b11) == 576


def test_extent_reaches_to_the_last_component_named() -> None:
    """A request for opmask alone needs 896 bytes in standard form, 640 in compacted form."""
    assert ZEN4.standard.extent(1 << 5) == 896
    assert ZEN4.compacted(1 << 5).extent(1 << 5) == 640
    assert ZEN4.standard.extent(1 << 40) == 576


def test_layouts_are_computed_once() -> None:
    """Asking twice for a compacted layout gives the same object."""
    assert SAPPHIRE.compacted(0b100) is SAPPHIRE.compacted(0b100)


@given(LEAVES, st.integers(0, (1 << 63) - 1))
def test_compacted_components_follow_each_other(leaves: dict[int, SubLeaf], xcomp_bv: int) -> None:
    """Components lie in ascending order without overlap and with gaps only for alignment."""
    layout = compacted(leaves, xcomp_bv)
    assert set(layout) == set(indices(xcomp_bv)) & (set(leaves) | {0, 1})
    reach = 576
    for index, place in layout.items():
        if index > 1:
            gap = place.offset - reach
            assert 0 <= gap < (64 if leaves[index].align64 else 1)
            assert not leaves[index].align64 or place.offset % 64 == 0
            reach = place.end
    assert layout.size == reach


@given(LEAVES, st.integers(0, (1 << 63) - 1), st.integers(2, 62))
def test_a_higher_component_moves_no_lower_one(
    leaves: dict[int, SubLeaf], xcomp_bv: int, index: int
) -> None:
    """Adding a component to XCOMP_BV leaves all components below it where they were."""
    below = {i: place for i, place in compacted(leaves, xcomp_bv).items() if i < index}
    more = compacted(leaves, xcomp_bv | 1 << index)
    assert {i: place for i, place in more.items() if i < index} == below


def test_a_layout_compares_by_its_places() -> None:
    """Two layouts with the same places are equal, and one lists them in order."""
    layout = Layout({5: Place(832, 64), 2: Place(576, 256)})
    assert layout == Layout({2: Place(576, 256), 5: Place(832, 64)})
    assert list(layout) == [2, 5]
    assert layout.mask == 0b100100
