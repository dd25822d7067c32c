# SPDX-License-Identifier: Apache-2.0
"""The table of CPUID's answers."""

from __future__ import annotations

import pytest
from hypothesis import given

from tests.cpuid.source import tables
from xsavvy.cpuid.table import ZERO, Leaf, Table, registers_text

GENUINE = Leaf(0x20, 0x756E6547, 0x6C65746E, 0x49656E69)


def test_an_absent_entry_is_none_or_zero_as_asked() -> None:
    """`find()` tells an absent entry from a zero one, `read()` answers as a processor does."""
    table = Table({(0xD, 1): ZERO})
    assert table.find(0xD, 1) == ZERO
    assert table.find(0xD, 2) is None
    assert table.read(0xD, 2) == ZERO


def test_the_vendor_is_spelled_from_leaf_0() -> None:
    """The vendor's name stands in EBX, EDX, ECX, and is empty without leaf 0."""
    assert Table({(0, 0): GENUINE}).vendor == "GenuineIntel"
    assert Table().vendor == ""


def test_a_hostile_vendor_name_is_escaped() -> None:
    """A vendor name with a terminal's escape sequence comes out as printable text."""
    table = Table({(0, 0): Leaf(0, 0x4A325B1B, 0, 0xFF)})
    assert table.vendor.isprintable()
    assert table.vendor.startswith("\\x1b[2J\\xff")


def test_the_brand_needs_all_three_leaves() -> None:
    """The name of a processor is joined from three leaves, cut at NUL, stripped and escaped."""
    entries = {
        (0x80000002, 0): Leaf(0x20202020, 0x20444D41, 0x43595045, 0x1B1B1B1B),
        (0x80000003, 0): Leaf(0x41004141, 0, 0, 0),
        (0x80000004, 0): ZERO,
    }
    assert Table(entries).brand == r"AMD EPYC\x1b\x1b\x1b\x1bAA"
    del entries[0x80000004, 0]
    assert Table(entries).brand == ""


@pytest.mark.parametrize(
    ("key", "leaf"),
    [((-1, 0), ZERO), ((0, 1 << 32), ZERO), ((0, 0), Leaf(1 << 32, 0, 0, 0))],
)
def test_numbers_beyond_32_bits_are_refused(key: tuple[int, int], leaf: Leaf) -> None:
    """A leaf, a subleaf and a register have 32 bits."""
    with pytest.raises(ValueError, match="is not 32 bits"):
        Table({key: leaf})


def test_order_does_not_matter() -> None:
    """Two tables with the same entries are equal, hash alike and list them alike."""
    first = Table([((1, 0), ZERO), ((0, 0), GENUINE)])
    second = Table({(0, 0): GENUINE, (1, 0): ZERO})
    assert first == second
    assert hash(first) == hash(second)
    assert list(first) == [(0, 0), (1, 0)]
    assert first != Table({(0, 0): GENUINE})


def test_the_caller_keeps_no_hold_on_a_table() -> None:
    """Changing the mapping that made a table does not change the table."""
    entries = {(1, 0): ZERO}
    table = Table(entries)
    entries[2, 0] = ZERO
    assert list(table) == [(1, 0)]


def test_a_change_makes_another_table() -> None:
    """`replaced()` sets and removes entries in a copy."""
    table = Table({(1, 0): ZERO, (2, 0): ZERO})
    changed = table.replaced({(1, 0): GENUINE, (2, 0): None})
    assert dict(changed) == {(1, 0): GENUINE}
    assert dict(table) == {(1, 0): ZERO, (2, 0): ZERO}


@given(tables)
def test_selecting_every_leaf_is_the_identity(table: Table) -> None:
    """A table restricted to all of its leaves is itself; to none, it is empty."""
    assert table.selected(leaf for leaf, _ in table) == table
    assert not table.selected(())


@given(tables)
def test_subleaves_are_those_of_the_keys(table: Table) -> None:
    """`subleaves()` lists what the mapping holds, ascending."""
    for leaf in {leaf for leaf, _ in table}:
        found = table.subleaves(leaf)
        assert list(found) == sorted(found)
        assert all((leaf, sub) in table for sub in found)


def test_text_of_registers_has_a_fixed_length_of_meaning() -> None:
    """Twelve bytes become twelve characters or escapes of four."""
    assert registers_text(0x41414141, 0x42424242, 0x43434343) == "AAAABBBBCCCC"
    assert registers_text(0, 0, 0) == r"\x00" * 12


def test_a_bit_outside_a_mask_is_unknown() -> None:
    """A table that knows some bits of a register answers None for the others, and for what it lacks."""
    table = Table({(7, 0): Leaf(0, 1, 0, 0)}, known={(7, 0): Leaf(0, 0b11, 0, 0)})
    assert [table.bit(7, 0, "ebx", bit) for bit in range(3)] == [True, False, None]
    assert table.bit(13, 0, "eax", 0) is None
    assert table != Table({(7, 0): Leaf(0, 1, 0, 0)})
    with pytest.raises(ValueError, match="a bit outside its mask"):
        Table({(7, 0): Leaf(0, 4, 0, 0)}, known={(7, 0): Leaf(0, 0b11, 0, 0)})


def test_what_a_whole_table_lacks_is_zero() -> None:
    """A table that is all that is answered knows the absent subleaves of its leaves: they are zero."""
    table = Table({(13, 0): Leaf(0x207, 0, 0, 0)}, whole=True)
    assert table.bit(13, 9, "eax", 0) is False
    assert table.find(13, 9) is None
    assert table.bit(7, 0, "ecx", 3) is None
