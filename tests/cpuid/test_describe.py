# SPDX-License-Identifier: Apache-2.0
"""What `xsavvy cpu` tells."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given

from tests.cpuid.source import dump, tables
from xsavvy.cpuid.describe import CpuDescription, describe, signature
from xsavvy.cpuid.dump import read
from xsavvy.cpuid.inforce import InForce
from xsavvy.cpuid.presets import PRESETS, Preset
from xsavvy.cpuid.processor import processor
from xsavvy.cpuid.table import Leaf, Table


def test_this_machine() -> None:
    """Offsets, sizes and masks are those that this machine's silicon and kernel showed."""
    cpu = describe(read(dump("cpuid-r/this-machine.cpuid-r.txt")))
    assert (cpu.vendor, cpu.brand) == ("AuthenticAMD", "AMD EPYC")
    assert (cpu.family, cpu.model, cpu.stepping) == (25, 17, 1)
    assert (cpu.xcr0, cpu.xss) == (0xE7, 0x1800)
    assert (cpu.hypervisor, cpu.virtualization) == (True, None)
    offsets = {row.name: row.offset for row in cpu.components}
    assert (offsets["OPMASK"], offsets["ZMM_HI256"], offsets["HI16_ZMM"]) == (832, 896, 1408)
    assert (cpu.sizes.standard, cpu.sizes.standard_reported) == (2432, 2432)
    assert (cpu.sizes.compacted, cpu.sizes.current_compacted_reported) == (2472, 2472)
    assert cpu.in_force == (InForce(0xE7, 0x1800),)
    assert cpu.contradictions == ()


def test_sapphire_rapids_rows() -> None:
    """Each component has its register, both offsets, its alignment and XFD."""
    cpu = describe(PRESETS["sapphire-rapids"].table)
    rows = {row.name: row for row in cpu.components}
    assert list(rows)[:3] == ["X87", "SSE", "AVX"]
    assert [row.index for row in cpu.components] == sorted(row.index for row in cpu.components)
    tiles = rows["XTILEDATA"]
    assert (tiles.kind, tiles.register, tiles.size, tiles.offset) == ("user", "XCR0", 8192, 2816)
    assert (tiles.align64, tiles.xfd) == (True, True)
    assert tiles.compacted_offset == 11776 - 8192
    keys, stacks = rows["PKRU"], rows["CET_U"]
    assert (keys.offset, keys.compacted_offset, keys.align64, keys.xfd) == (
        2688,
        2560,
        False,
        False,
    )
    assert (stacks.kind, stacks.register, stacks.offset) == ("supervisor", "IA32_XSS", None)
    assert stacks.compacted_offset == 2560 + 8 + 8
    assert cpu.virtualization == "vmx"
    assert cpu.xss_names == ("PT", "PASID", "CET_U", "CET_S", "UINTR", "LBR")


@pytest.mark.parametrize("preset", PRESETS.values(), ids=lambda preset: preset.name)
def test_rows_agree_with_the_processor(preset: Preset) -> None:
    """The table that people see and the layouts that plans use are the same numbers."""
    cpu, part = describe(preset.table), processor(preset.table)
    packed = part.compacted(part.features)
    for row in cpu.components:
        assert (row.compacted_offset, row.size) == packed[row.index]
        if row.kind == "user":
            assert (row.offset, row.size) == part.standard[row.index]
    assert cpu.sizes.standard == part.standard.size
    assert cpu.sizes.compacted == packed.size
    assert cpu.sizes.compacted_user == part.compacted(part.xcr0_supported).size
    assert sum(1 << row.index for row in cpu.components) == part.features


def test_instructions() -> None:
    """The instructions of the family follow their bits."""
    assert describe(PRESETS["haswell"].table).instructions == (
        *("XSAVE", "XRSTOR", "XSETBV", "XGETBV", "XSAVEOPT"),
    )
    assert describe(PRESETS["genoa"].table).instructions[-5:] == (
        *("XGETBV(1)", "XSAVES", "XRSTORS", "RDPKRU", "WRPKRU"),
    )
    assert describe(Table()).instructions == ()


def test_what_is_missing_is_none() -> None:
    """An unknown size makes the sums that need it and the places behind it unknown, no others."""
    cpu = describe(PRESETS["genoa"].table.replaced({(0xD, 9): None}))
    rows = {row.name: row for row in cpu.components}
    assert rows["HI16_ZMM"].compacted_offset == 1408
    keys = rows["PKRU"]
    assert (keys.size, keys.offset, keys.compacted_offset, keys.xfd) == (None, None, None, None)
    assert rows["CET_U"].size == 16
    assert rows["CET_U"].compacted_offset is None
    assert (cpu.sizes.standard, cpu.sizes.compacted, cpu.sizes.standard_reported) == (
        *(None, None, 2440),
    )
    assert cpu.contradictions == ()
    assert [each.subleaf for each in cpu.unknown] == [9]
    assert cpu.in_force is None


def test_a_missing_leaf_leaves_its_features_open() -> None:
    """A feature is present, absent, or unknown where the leaf is missing."""
    cpu = describe(PRESETS["genoa"].table.selected([0xD, 7]))
    present = {row.name: row.present for row in cpu.features}
    assert (present["xsavec"], present["xfd"], present["svm"]) == (True, False, None)
    assert cpu.family is None


def test_an_unknown_component_is_named_by_its_bit() -> None:
    """A bit that nobody has defined yet gets a row all the same."""
    genoa = PRESETS["genoa"].table
    leaf = genoa.read(0xD)
    table = genoa.replaced({
        (0xD, 0): leaf._replace(eax=leaf.eax | 1 << 20, ecx=0x9C8),
        (0xD, 20): Leaf(64, 0x988, 0, 0),
    })  # fmt: skip
    row = describe(table).components[-1]
    assert (row.name, row.title, row.size, row.offset) == ("bit 20", "unknown state", 64, 0x988)


@pytest.mark.parametrize(
    ("eax", "expected"),
    [(0x806F8, (6, 0x8F, 8)), (0xA10F11, (25, 17, 1)), (0xF4A, (15, 4, 10)), (0x543, (5, 4, 3))],
)
def test_signature(eax: int, expected: tuple[int, int, int]) -> None:
    """Family, model and stepping come from leaf 1 by the manual's rule for extended fields."""
    assert signature(Table({(1, 0): Leaf(eax, 0, 0, 0)})) == expected


@given(tables)
def test_every_table_can_be_described(table: Table) -> None:
    """Whatever a dump holds, the description is made and survives JSON."""
    cpu = describe(table)
    assert msgspec.json.decode(msgspec.json.encode(cpu), type=CpuDescription) == cpu


@given(tables)
def test_strange_numbers_in_leaf_0xd(table: Table) -> None:
    """Arbitrary registers in leaf 0xD are described, too."""
    entries = {(0xD, number): leaf for number, leaf in enumerate(table.values())}
    assert describe(Table(entries)).sizes.standard_reported == entries[0xD, 0].ecx
