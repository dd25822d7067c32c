# SPDX-License-Identifier: Apache-2.0
"""Values that registers accept."""

from __future__ import annotations

from collections.abc import Callable
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.isa.part import SAPPHIRE, ZEN4
from xsavvy.isa import registers
from xsavvy.isa.components import AMX, APX, LWP, PT, XTILECFG, XTILEDATA


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (0x0, 0), (0x1, 1), (0x2, 0), (0x3, 1), (0x4, 0), (0x5, 0), (0x6, 0), (0x7, 1),
        (0x1B, 0), (0x27, 0), (0x67, 0), (0xA7, 0), (0xE3, 0), (0xE7, 1), (0x207, 1), (0x2E7, 1),
        (0x107, 0), (0x807, 0), (0x60007, 1), (0x20007, 0), (0x40007, 0), (0x602E7, 1),
        (1 << 62 | 7, 0),
    ],
)  # fmt: skip
def test_xcr0_on_sapphire_rapids(value: int, expected: int) -> None:
    """XCR0 takes whole groups of supported user components and always x87."""
    assert registers.xcr0_ok(value, SAPPHIRE.xcr0_supported) == expected


@pytest.mark.parametrize(
    ("value", "expected"), [(0x1B, 1), (0x1F, 1), (0x0B, 0), (0x13, 0), (0x17, 0)]
)
def test_bound_registers_come_in_pairs(value: int, expected: int) -> None:
    """MPX's two components are enabled together; they do not need AVX."""
    assert registers.xcr0_ok(value, 0x21F) == expected


def test_components_without_company() -> None:
    """PKRU, APX and LWP may be enabled beside x87 alone."""
    for each in (1 << 9, APX, LWP):
        assert registers.xcr0_ok(1 | each, 1 | each) == 1


def _legal(bits: frozenset[int]) -> bool:
    """The same rule told another way: every member brings what it needs."""
    needs = {1: {0}, 2: {0, 1}, 3: {0, 4}, 4: {0, 3}, 17: {0, 18}, 18: {0, 17}, 9: {0}}
    needs |= {i: {0, 1, 2, 5, 6, 7} for i in (5, 6, 7)}
    return 0 in bits and all(needs.get(bit, set()) <= bits for bit in bits)


def test_xcr0_agrees_with_a_table_of_needs() -> None:
    """For every subset of the known components the rule equals a table of what needs what."""
    known = (0, 1, 2, 3, 4, 5, 6, 7, 9, 17, 18)
    supported = sum(1 << bit for bit in known)
    for size in range(len(known) + 1):
        for bits in combinations(known, size):
            value = sum(1 << bit for bit in bits)
            assert registers.xcr0_ok(value, supported) == _legal(frozenset(bits)), hex(value)


@given(st.integers(0, (1 << 63) - 1), st.integers(0, (1 << 63) - 1))
def test_xss_takes_any_subset(value: int, supported: int) -> None:
    """IA32_XSS knows no groups: exactly the subsets of the supported bits are legal."""
    assert registers.xss_ok(value, supported) == (value | supported == supported)


def test_xss_of_zen_4_has_cet_alone() -> None:
    """Processor trace and all but the two CET bits are refused on AMD."""
    assert registers.xss_ok(0x1800, ZEN4.xss_supported) == 1
    assert registers.xss_ok(PT, ZEN4.xss_supported) == 0


@pytest.mark.parametrize("rule", [registers.xfd_ok, registers.xfd_err_ok])
def test_xfd_names_capable_components_only(rule: Callable[[int, int], int]) -> None:
    """IA32_XFD and XFD_ERR take tile data and 0; tile configuration is refused."""
    assert [rule(value, SAPPHIRE.xfd_capable) for value in (0, XTILEDATA, XTILECFG, AMX)] == [
        1, 1, 0, 0,
    ]  # fmt: skip
    assert rule(XTILEDATA, ZEN4.xfd_capable) == 0


def test_protection_keys_are_32_bits() -> None:
    """PKRU and IA32_PKRS take any 32 bits and nothing above."""
    for check in (registers.pkru_ok, registers.pkrs_ok):
        assert check(0) == check(0xFFFF_FFFF) == 1
        assert check(1 << 32) == 0


def test_cr4_bits_need_their_feature() -> None:
    """CR4.OSXSAVE, PKE and CET are refused without the feature and may always be clear."""
    for check in (registers.cr4_osxsave_ok, registers.cr4_pke_ok):
        assert [check(bit, has) for bit, has in ((0, 0), (0, 1), (1, 0), (1, 1))] == [1, 1, 0, 1]


def test_cet_and_write_protection_go_together() -> None:
    """Neither can CR4.CET be set with CR0.WP=0, nor CR0.WP be cleared with CR4.CET=1."""
    assert registers.cr4_cet_ok(1, 0, 1) == 0
    assert registers.cr4_cet_ok(1, 1, 1) == 1
    assert registers.cr4_cet_ok(0, 0, 1) == 1
    assert registers.cr0_wp_ok(0, 1) == 0
    assert registers.cr0_wp_ok(1, 1) == registers.cr0_wp_ok(0, 0) == 1


@pytest.mark.parametrize(
    ("value", "shadow_stack", "tracking", "expected"),
    [
        (0, 0, 0, 1), (0x3, 1, 1, 1), (0x1, 1, 0, 1), (0x1, 0, 1, 0), (0x4, 0, 1, 1),
        (0x4, 1, 0, 0), (0x40, 1, 1, 0), (0x80, 1, 1, 0), (0x100, 1, 1, 0), (0x200, 1, 1, 0),
        (0x803, 1, 1, 1), (0x400, 1, 1, 1), (0xC00, 1, 1, 0), (1 << 47, 1, 1, 0),
        (1 << 63, 1, 1, 0), (0xFFFF_8000_0000_0000, 1, 1, 1), (0x7000, 1, 1, 1), (0x7000, 1, 0, 0),
    ],
)  # fmt: skip
def test_u_cet_values(value: int, shadow_stack: int, tracking: int, expected: int) -> None:
    """IA32_U_CET refuses reserved bits, bits without their feature, and bad bitmap addresses."""
    assert registers.cet_ok(value, shadow_stack, tracking, 48) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [(0, 1), (1, 0), (2, 0), (4, 1), (8, 1), (1 << 47, 0), (0xFFFF_8000_0000_0000, 1)],
)
def test_shadow_stack_pointer_values(value: int, expected: int) -> None:
    """A shadow stack pointer is canonical and a multiple of 4."""
    assert registers.ssp_ok(value, 48) == expected


@given(st.integers(0, (1 << 64) - 1), st.sampled_from([48, 57]))
def test_canonical_means_sign_extended(address: int, width: int) -> None:
    """An address is canonical when sign extension from the implemented width gives it back."""
    signed = address - (1 << 64) if address >> 63 else address
    fits = -(1 << width - 1) <= signed < 1 << width - 1
    assert registers.canonical_ok(address, width) == fits
