# SPDX-License-Identifier: Apache-2.0
"""From CPUID's answers to the processor that the plans ask about."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cpuid.source import dumps
from xsavvy.cpuid.dump import read
from xsavvy.cpuid.feature import FEATURES, feature, has
from xsavvy.cpuid.presets import PRESETS
from xsavvy.cpuid.processor import (
    IncompleteTable,
    missing_subleaves,
    processor,
    xcr0_supported,
    xss_supported,
)
from xsavvy.cpuid.table import Leaf, Table
from xsavvy.isa.components import AMX, CET, PKRU
from xsavvy.isa.layout import SubLeaf
from xsavvy.isa.processor import Vendor

SAPPHIRE = PRESETS["sapphire-rapids"].table


def test_sapphire_rapids() -> None:
    """A table with everything gives masks, subleaves, instructions and features."""
    part = processor(SAPPHIRE)
    assert part.vendor is Vendor.INTEL
    assert (part.xcr0_supported, part.xss_supported) == (0x602E7, 0xDD00)
    assert part.subleaves[9] == SubLeaf(8, 2688)
    assert part.subleaves[11] == SubLeaf(16, 0, supervisor=True)
    assert part.subleaves[17] == SubLeaf(64, 2752, align64=True)
    assert part.subleaves[18] == SubLeaf(8192, 2816, align64=True, xfd=True)
    assert (part.xsave, part.xsaveopt, part.xsavec, part.xgetbv1, part.xsaves) == (True,) * 5
    assert part.xfd
    assert part.xfd_capable == 1 << 18
    assert (part.pku, part.cet_ss, part.cet_ibt, part.fcs_fds_deprecated) == (True,) * 4
    assert (part.mxcsr_mask, part.xsaveerptr, part.linear_address_bits) == (0xFFFF, False, 57)


def test_zen_4_guest() -> None:
    """AMD has bit 17 in MXCSR, XSAVEERPTR, shadow stacks alone; this guest has no PKU."""
    part = processor(PRESETS["genoa-guest"].table)
    assert part.vendor is Vendor.AMD
    assert (part.xcr0_supported, part.xss_supported) == (0xE7, 0x1800)
    assert (part.mxcsr_mask, part.xsaveerptr, part.linear_address_bits) == (0x2FFFF, True, 48)
    assert (part.cet_ss, part.cet_ibt, part.pku, part.fcs_fds_deprecated) == (1, 0, 0, 0)
    assert (part.standard.size, part.compacted(part.features).size) == (2432, 2472)
    assert [part.standard[index].offset for index in (5, 6, 7)] == [832, 896, 1408]


def test_without_the_feature_bit_nothing_is_there() -> None:
    """Where leaf 1 says no XSAVE, leaf 0xD is not believed."""
    leaf = SAPPHIRE.read(1)
    part = processor(SAPPHIRE.replaced({(1, 0): leaf._replace(ecx=leaf.ecx & ~(1 << 26))}))
    assert (part.xcr0_supported, part.xss_supported) == (0, 0)
    assert not any((part.xsave, part.xsaveopt, part.xsavec, part.xgetbv1, part.xsaves, part.xfd))


def test_leaf_0xd_alone_is_enough() -> None:
    """An excerpt without leaf 1 is a processor with XSAVE."""
    part = processor(SAPPHIRE.selected([0xD]))
    assert part.xsave
    assert part.xcr0_supported == 0x602E7
    assert part.vendor is Vendor.OTHER


def test_xss_needs_xsaves() -> None:
    """Bits of IA32_XSS without XSAVES do not count."""
    leaf = SAPPHIRE.read(0xD, 1)
    table = SAPPHIRE.replaced({(0xD, 1): leaf._replace(eax=leaf.eax & ~(1 << 3))})
    assert xss_supported(table) == 0
    assert processor(table).xss_supported == 0


def test_a_missing_subleaf_is_unknown() -> None:
    """A supported component without subleaf, or with a size of 0, is refused by name."""
    for change in (None, Leaf(0, 2688, 0, 0)):
        table = SAPPHIRE.replaced({(0xD, 9): change})
        assert missing_subleaves(table) == PKRU
        with pytest.raises(IncompleteTable) as caught:
            processor(table)
        assert str(caught.value) == (
            "leaf 0xd lacks the size of PKRU (subleaf 0x9), which XCR0 or IA32_XSS may enable"
        )
    without = SAPPHIRE.replaced({(0xD, index): None for index in (11, 12, 17, 18)})
    assert missing_subleaves(without) == AMX | CET


def test_bit_63_is_never_a_component() -> None:
    """A damaged table with bit 63 set does not get it into a mask."""
    leaf = SAPPHIRE.read(0xD)
    table = SAPPHIRE.replaced({(0xD, 0): leaf._replace(edx=0x8000_0000)})
    assert xcr0_supported(table) == 0x602E7


@pytest.mark.parametrize(
    ("name", "vendor"),
    [
        (b"GenuineIntel", Vendor.INTEL),
        (b"AuthenticAMD", Vendor.AMD),
        (b"HygonGenuine", Vendor.AMD),
        (b"CentaurHauls", Vendor.OTHER),
        (b"            ", Vendor.OTHER),
    ],
)
def test_vendors(name: bytes, vendor: Vendor) -> None:
    """Intel's and AMD's rules follow the vendor's name; a stranger gets neither."""
    ebx, edx, ecx = (int.from_bytes(name[at : at + 4], "little") for at in (0, 4, 8))
    assert processor(Table({(0, 0): Leaf(0, ebx, ecx, edx)})).vendor is vendor


def test_features_are_single_bits_with_names_of_their_own() -> None:
    """No two features share a name or a place."""
    assert len({each.name for each in FEATURES}) == len(FEATURES)
    assert len({each.place for each in FEATURES}) == len(FEATURES)
    with pytest.raises(KeyError):
        feature("no such bit")


@pytest.mark.parametrize("each", FEATURES, ids=lambda each: each.name)
def test_a_feature_follows_its_bit(each: object) -> None:
    """A feature is present with its bit alone, and absent with every other bit."""
    assert isinstance(each, type(FEATURES[0]))
    only = Leaf(0, 0, 0, 0)._replace(**{each.register: 1 << each.bit})
    others = Leaf(*(~register & 0xFFFF_FFFF for register in only))
    assert has(Table({(each.leaf, each.subleaf): only}), each.name)
    assert not has(Table({(each.leaf, each.subleaf): others}), each.name)
    assert not has(Table(), each.name)


@pytest.mark.parametrize("path", dumps("instlatx64"))
def test_a_public_dump_is_a_processor_or_incomplete(path: Path) -> None:
    """Silicon's masks and sizes agree wherever a dump is complete; others are refused."""
    table = read(path.read_bytes(), path.name)
    if missing_subleaves(table):
        with pytest.raises(IncompleteTable):
            processor(table)
        return
    part = processor(table)
    if part.xsave:
        assert part.standard.size == table.read(0xD).ecx
