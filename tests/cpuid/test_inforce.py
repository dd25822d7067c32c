# SPDX-License-Identifier: Apache-2.0
"""The XCR0 and IA32_XSS that were in force, told from the sizes."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xsavvy.cpuid.inforce import InForce, in_force, legal_xcr0
from xsavvy.cpuid.presets import PRESETS, Preset
from xsavvy.cpuid.processor import processor, xcr0_supported
from xsavvy.cpuid.table import Leaf, Table
from xsavvy.isa.registers import xcr0_ok

SMALL = ("genoa", "skylake-sp", "tiger-lake", "denverton", "snow-ridge")


def test_this_guest() -> None:
    """A Linux host without shadow stacks for users has both CET components in IA32_XSS."""
    assert in_force(PRESETS["genoa-guest"].table) == (InForce(0xE7, 0x1800),)


def test_sizes_may_have_several_explanations() -> None:
    """Where MPX and PT have the same size together, both pairs are given."""
    assert in_force(PRESETS["cascade-lake"].table) == (InForce(0x2E7, 0x100), InForce(0x2FF, 0))


def test_without_a_compacted_form_xss_is_unknown() -> None:
    """Haswell has no XSAVEC: only XCR0 can be told."""
    assert in_force(PRESETS["haswell"].table) == (InForce(0x7, None),)


@pytest.mark.parametrize("supported", [1, 3, 7, 0x1F, 0x2FF, 0xE02E7, 0x4000_0000_0000_0207])
def test_legal_values_are_those_that_xsetbv_accepts(supported: int) -> None:
    """The values are the accepted subsets of the mask, all of them."""
    bits = [1 << bit for bit in range(63) if supported >> bit & 1]
    subsets = (sum(some) for n in range(len(bits) + 1) for some in itertools.combinations(bits, n))
    assert list(legal_xcr0(supported)) == sorted(v for v in subsets if xcr0_ok(v, supported))


@given(st.sampled_from(SMALL), st.integers(0, 1 << 10), st.integers(0))
def test_what_was_in_force_is_among_the_answers(name: str, choice: int, subset: int) -> None:
    """Sizes computed for some legal pair always lead back to that pair, among others."""
    table = PRESETS[name].table
    part = processor(table)
    values = list(legal_xcr0(part.xcr0_supported))
    xcr0, xss = values[choice % len(values)], subset & part.xss_supported
    sizes = {
        (0xD, 0): table.read(0xD)._replace(ebx=part.standard.extent(xcr0)),
        (0xD, 1): table.read(0xD, 1)._replace(ebx=part.compacted(xcr0 | xss).size),
    }
    found = in_force(table.replaced(sizes))
    assert found
    assert InForce(xcr0, xss) in found
    assert all(part.compacted(x.xcr0 | (x.xss or 0)).size == sizes[0xD, 1].ebx for x in found)


@pytest.mark.parametrize("preset", PRESETS.values(), ids=lambda preset: preset.name)
def test_every_platform_has_an_explanation(preset: Preset) -> None:
    """No real table leaves its sizes unexplained."""
    assert in_force(preset.table)


def test_no_explanation() -> None:
    """A size that no pair gives has no explanation, which is not the same as unknown."""
    table = PRESETS["genoa"].table
    assert in_force(table.replaced({(0xD, 1): table.read(0xD, 1)._replace(ebx=0x370)})) == ()
    assert in_force(table.replaced({(0xD, 9): None})) is None
    assert in_force(Table()) is None


def test_a_hostile_table_does_not_explode() -> None:
    """Sixty components with sizes that never add up alike end as unknown, at once."""
    user = {(0xD, i): Leaf(1 << i % 30, 576, 0, 0) for i in range(2, 63)}
    table = Table({**user, (0xD, 0): Leaf(0xFFFF_FFFF, 600, 0, 0x7FFF_FFFF)})
    assert xcr0_supported(table).bit_count() == 63
    assert in_force(table) is None
    with pytest.raises(ValueError, match="more than 12"):
        legal_xcr0(xcr0_supported(table))
    supervisor = {(0xD, i): Leaf(3 ** (i % 19) + i, 0, 1, 0) for i in range(2, 63)}
    masks = {
        (0xD, 0): Leaf(3, 576, 576, 0),
        (0xD, 1): Leaf(0xF, 0xFFFF_FFF0, 0xFFFF_FFFC, 0x7FFF_FFFF),
    }
    assert in_force(Table({**supervisor, **masks})) is None
