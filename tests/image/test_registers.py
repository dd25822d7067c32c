# SPDX-License-Identifier: Apache-2.0
"""The register file."""

from __future__ import annotations

import dataclasses

from hypothesis import given
from hypothesis import strategies as st

from tests.isa.part import PARTS, SAPPHIRE, ZEN4
from xsavvy.image import X87, Registers
from xsavvy.image.registers import initial
from xsavvy.isa.components import ALL


def test_everything_is_initial_at_first() -> None:
    """A fresh register file has no component in use and all in their initial configuration."""
    for part in PARTS:
        fresh = Registers.initial(part)
        assert fresh.xinuse == 0
        assert fresh.mxcsr == 0x1F80
        assert part.features & ~fresh.in_initial(part) == 0
        assert set(fresh.extended) == set(part.subleaves)
        assert fresh.by_value(part) == fresh


def test_initial_configurations_are_zero_but_two() -> None:
    """Of the extended components only HDC and HWP start with something else than zeros."""
    nonzero = [index for index in range(2, 63) if initial(index, 8) != bytes(8)]
    assert nonzero == [13, 16]
    assert initial(16, 8).hex() == "01ff008000000000"
    assert initial(40, 3) == bytes(3)


def test_fact_8_xinuse_may_be_set_for_zeros() -> None:
    """Fact 8: zeros may count as in use (an interrupt is enough), data may never count as not."""
    fresh = Registers.initial(ZEN4)
    assert dataclasses.replace(fresh, xinuse=0xE7).xinuse_is_legal(ZEN4)
    loaded = dataclasses.replace(fresh, xmm=b"\1" + bytes(255))
    assert not loaded.xinuse_is_legal(ZEN4)
    assert loaded.by_value(ZEN4).xinuse == 0b10


def test_mxcsr_is_told_apart_from_xmm() -> None:
    """XINUSE[1] speaks of XMM alone; a plan is told of MXCSR beside it."""
    odd = dataclasses.replace(Registers.initial(ZEN4), mxcsr=0x1FA0).by_value(ZEN4)
    assert odd.xinuse == 0
    assert odd.tracking() == (0, False, ALL)


@given(st.sets(st.sampled_from([0, 1, *SAPPHIRE.subleaves])))
def test_in_use_by_value_is_what_differs(changed: set[int]) -> None:
    """`by_value` sets exactly the bits of components whose bytes differ from the initial ones."""
    fresh = Registers.initial(SAPPHIRE)
    data = {i: bytes([i + 1]) + d[1:] if i in changed else d for i, d in fresh.extended.items()}
    made = Registers(
        X87(b"\x7e" + fresh.x87.image[1:]) if 0 in changed else fresh.x87,
        0x1F80,
        b"\1" * 256 if 1 in changed else fresh.xmm,
        data,
    )
    expected = sum(1 << index for index in changed) & SAPPHIRE.features
    assert made.by_value(SAPPHIRE).xinuse == expected
    assert made.by_value(SAPPHIRE).xinuse_is_legal(SAPPHIRE)
