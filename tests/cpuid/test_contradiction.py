# SPDX-License-Identifier: Apache-2.0
"""Leaf 0xD against itself: silent on silicon, specific on what is wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cpuid.source import dumps
from xsavvy.cpuid.contradiction import contradictions
from xsavvy.cpuid.dump import read
from xsavvy.cpuid.presets import PRESETS
from xsavvy.cpuid.table import Leaf, Table

SAPPHIRE = PRESETS["sapphire-rapids"].table
GENOA = PRESETS["genoa"].table


def changed(table: Table, leaf: int, subleaf: int, **registers: int) -> Table:
    """A table with some registers of one entry replaced."""
    return table.replaced({(leaf, subleaf): table.read(leaf, subleaf)._replace(**registers)})


CASES = {
    "xsave-hidden": changed(GENOA, 1, 0, ecx=0x81202000),
    "legacy-bits": Table({(13, 0): Leaf(1, 576, 576, 0)}),
    "illegal-xcr0": changed(SAPPHIRE, 13, 0, eax=0x402E7),
    "xss-without-xsaves": changed(SAPPHIRE, 13, 1, eax=0x17, ebx=0x2A40),
    "both-registers": changed(SAPPHIRE, 13, 1, ecx=0xDD04),
    "no-size": SAPPHIRE.replaced({(13, 9): Leaf(0, 0, 0, 0)}),
    "missing-subleaf": Table(SAPPHIRE.replaced({(13, 9): None}), whole=True),
    "wrong-kind": changed(SAPPHIRE, 13, 11, ecx=0),
    "supervisor-offset": changed(SAPPHIRE, 13, 11, ebx=0xA80),
    "overlap": changed(SAPPHIRE, 13, 9, ebx=0xA40),
    "largest-size": changed(SAPPHIRE, 13, 0, ecx=0x2AC0),
    "current-size": changed(GENOA, 13, 1, ebx=0x371),
    "current-standard-size": changed(GENOA, 13, 0, ebx=0x341),
    "unaligned-size": changed(SAPPHIRE, 13, 1, ebx=0x29C8),
    "size-without-xsavec": changed(PRESETS["haswell"].table, 13, 1, ebx=0x340),
    "xfd-missing": changed(SAPPHIRE, 13, 1, eax=0xF),
}


@pytest.mark.parametrize("rule", CASES)
def test_each_rule_finds_its_case(rule: str) -> None:
    """A table made wrong in one place has a finding of that rule, in one printable line."""
    found = [each for each in contradictions(CASES[rule]) if each.rule == rule]
    assert found
    assert found[0].sentence.startswith("leaf 0xd subleaf 0x")
    assert found[0].sentence.isprintable()
    assert found[0].leaf == 0xD


@pytest.mark.parametrize("rule", ["wrong-kind", "supervisor-offset", "largest-size", "xfd-missing"])
def test_one_mistake_is_one_finding(rule: str) -> None:
    """A mistake that touches one rule is reported once."""
    assert [each.rule for each in contradictions(CASES[rule])] == [rule]


def test_a_finding_says_what_and_where() -> None:
    """The sentence has the subleaf, the register, the number and what it should be."""
    (found,) = contradictions(CASES["largest-size"])
    assert (found.subleaf, found.register, found.found, found.expected) == (
        0,
        "ecx",
        10944,
        "11008",
    )
    assert (
        found.sentence
        == "leaf 0xd subleaf 0x0 ECX=0x2ac0: the last component of XCR0 ends at 11008"
    )


def test_alignment_counts_in_the_compacted_size() -> None:
    """A size that forgets AMX's alignment, as some hypervisors report it, is found."""
    table = Table({
        (13, 0): Leaf(0x600E7, 0x2B00, 0x2B00, 0),
        (13, 1): Leaf(0x1B, 0x29D0, 0x1800, 0),
        (13, 2): Leaf(0x100, 0x240, 0, 0),
        (13, 5): Leaf(0x40, 0x440, 0, 0),
        (13, 6): Leaf(0x200, 0x480, 0, 0),
        (13, 7): Leaf(0x400, 0x680, 0, 0),
        (13, 11): Leaf(0x10, 0, 1, 0),
        (13, 12): Leaf(0x18, 0, 1, 0),
        (13, 17): Leaf(0x40, 0xAC0, 2, 0),
        (13, 18): Leaf(0x2000, 0xB00, 6, 0),
    })  # fmt: skip
    (found,) = contradictions(table)
    assert (found.rule, found.found, found.expected) == ("unaligned-size", 0x29D0, "0x2a00")
    assert "alignment of XTILECFG and XTILEDATA" in found.sentence
    assert contradictions(changed(table, 13, 1, ebx=0x2A00)) == ()


def test_both_apx_and_mpx_overlap() -> None:
    """MPX and APX cannot both be there: they claim the same bytes."""
    apx = PRESETS["granite-rapids-apx"].table
    mpx = {(13, 3): Leaf(64, 960, 0, 0), (13, 4): Leaf(64, 1024, 0, 0)}
    both = changed(apx.replaced(mpx), 13, 0, eax=0xE02FF)
    assert "overlap" in {each.rule for each in contradictions(both)}


def test_nothing_is_no_contradiction() -> None:
    """A table without XSAVE and an empty table have nothing to contradict."""
    assert contradictions(Table()) == ()


# A processor whose name and leaf 0xD came out damaged: XSAVE is set, and XCR0 may hold nothing.
DAMAGED = "GenuineIotel00306C3_Haswell_CPUID5.txt"


@pytest.mark.parametrize(
    "path",
    [*dumps("instlatx64"), *dumps("libcpuid", "*.test"), *dumps("libvirt", "x86_64-cpuid-*.sig")],
)
def test_silicon_has_no_contradiction(path: Path) -> None:
    """No public dump of silicon contradicts itself; some leave subleaves out."""
    path = path.with_suffix(".xml") if path.suffix == ".sig" else path
    table = read(path.read_bytes(), path.name)
    found = {each.rule for each in contradictions(table)}
    assert found == ({"legacy-bits"} if path.name == DAMAGED else set())
