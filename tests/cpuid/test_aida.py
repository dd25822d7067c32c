# SPDX-License-Identifier: Apache-2.0
"""AIDA64's text, as InstLatX64 and libcpuid keep it."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given

from tests.cpuid.source import dump, dumps, tables
from xsavvy.cpuid.dump import UnreadableDump, read, read_all
from xsavvy.cpuid.table import Leaf, Table

HEADER = "------[ CPUID Registers / Logical CPU #0 ]------\n\nallcpu: Package 0 / Core 0: Valid\n\n"
LINE = "CPUID 0000000D: 000602E7-00002B00-00002B00-00000000 [SL 00] [x87]\n"


def written(table: Table) -> str:
    """A table as AIDA64 would print it."""
    lines = [
        f"CPUID {leaf:08X}: " + "-".join(f"{r:08X}" for r in registers) + f" [SL {sub:02X}] [note]"
        for (leaf, sub), registers in table.items()
    ]
    return HEADER + "\n".join(lines) + "\n\nL1 Data Cache: 32 KB\n"


@given(tables)
def test_tagged_entries_are_read_back(table: Table) -> None:
    """Every entry with its subleaf in brackets comes back as it was."""
    assert read(written(table)) == table


@pytest.mark.parametrize(
    "line",
    [
        LINE,
        LINE.replace("\n", "\r\n"),
        LINE.lower().replace("cpuid", "CPUID").replace("[sl", "[SL"),
        "CPU#000 AffMask: 0x0000000000000001\n" + LINE,
        "CPUID Manufacturer: GenuineIntel\nCPUID Registers (CPU #1):\n" + LINE,
        "CPUID Revision    : 000806F8h\nCPUID CPU Name     : x\n" + LINE,
        LINE.replace("[x87]", "[L2: 512 KB] / L3: 0 KB]"),
        LINE + "MSR 000001FC: 0000-0000-0030-1CC3 [S200]\nMSR 00000017: < FAILED >\n",
    ],
)
def test_decoration_is_passed_over(line: str) -> None:
    """Notes, headings, MSRs and the words before the registers say nothing."""
    assert dict(read(line)) == {(0xD, 0): Leaf(0x602E7, 0x2B00, 0x2B00, 0)}


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("CPUID 0000000D: 000602E7-0000", "'CPUID LEAF: EAX-EBX-ECX-EDX', each 8"),
        ("CPUID 0000000D: 000602E7-00002B00-00002B00-0000000", "'CPUID LEAF: EAX-EBX-ECX-EDX'"),
        ("CPUID 0000000D: 000602E7-00002B00-00002B00-000000000", "'CPUID LEAF: EAX-EBX-ECX-EDX'"),
        ("CPUID 0000000D =000602E7-00002B00-00002B00-00000000", "'CPUID LEAF: EAX-EBX-ECX-EDX'"),
        ("CPUID 0000000D: 000602G7-00002B00-00002B00-00000000", "a register of 32 bits"),
        ("CPUID 0000000G: 000602E7-00002B00-00002B00-00000000", "a leaf"),
        ("CPUID 0000000E: 0-0-0-0", "'CPUID LEAF: EAX-EBX-ECX-EDX'"),
        ("CPUID 0000000E: 00000000-00000000-00000000-00000000 [SL XX]", "a subleaf after 'SL'"),
        ("CPUID 0000000D: 000602E7-00002B00-00002B00-00000001 [SL 00]", "the same registers as"),
        ("CPUID 000", "'CPUID LEAF: EAX-EBX-ECX-EDX'"),
    ],
)
def test_a_wrong_line_names_what_was_expected(line: str, expected: str) -> None:
    """A CPUID line of another form is refused with its number and the right form."""
    with pytest.raises(UnreadableDump) as caught:
        read(HEADER + LINE + line + "\n", "dump.txt")
    assert caught.value.line == 6
    assert caught.value.expected.startswith(expected)
    assert str(caught.value).startswith("dump.txt:6: expected ")


def entries(*lines: str) -> dict[int, Leaf]:
    """The subleaves of leaf 0xD of a dump whose lines have no tags."""
    table = read("".join(f"CPUID 0000000D: {line}\n" for line in lines))
    return {sub: table.read(0xD, sub) for sub in table.subleaves(0xD)}


XCR0 = "00000007-00000340-00000340-00000000"
ONE = "00000001-00000000-00000000-00000000"
AVX = "00000100-00000240-00000000-00000000"


def test_untagged_subleaves_are_in_order() -> None:
    """Without tags the lines of a leaf are its subleaves 0, 1, 2."""
    assert entries(XCR0, ONE, AVX) == {
        0: Leaf(7, 0x340, 0x340, 0),
        1: Leaf(1, 0, 0, 0),
        2: Leaf(0x100, 0x240, 0, 0),
    }


def test_an_untagged_component_is_not_taken_for_subleaf_1() -> None:
    """Where subleaf 1 was left out, AVX's offset gives AVX away."""
    assert sorted(entries(XCR0, AVX)) == [0, 2]


def test_untagged_components_follow_the_masks() -> None:
    """Components of XCR0 and IA32_XSS take the lines in order of their bits."""
    masks = "00000207-00000340-00000A88-00000000"
    features = "0000000F-00000340-00000100-00000000"
    trace = "00000080-00000000-00000001-00000000"
    keys = "00000008-00000A80-00000000-00000000"
    found = entries(masks, features, AVX, trace, keys)
    assert sorted(found) == [0, 1, 2, 8, 9]
    assert found[8].ecx == 1
    assert found[9].ebx == 0xA80


def test_untagged_components_that_do_not_fit_stay_unknown() -> None:
    """Two lines for one component cannot be told apart: none is guessed."""
    assert sorted(entries(XCR0, ONE, AVX, AVX)) == [0, 1]


def test_other_untagged_leaves_count_up() -> None:
    """Leaf 4 without tags has its caches as subleaves 0, 1, ..."""
    text = "".join(f"CPUID 00000004: 0000000{n}-00000000-00000000-00000000\n" for n in (1, 2, 3))
    assert [read(text).read(4, n).eax for n in range(3)] == [1, 2, 3]


@pytest.mark.parametrize("path", [*dumps("instlatx64"), *dumps("libcpuid", "*.test")])
def test_every_public_dump_is_read(path: Path) -> None:
    """Each dump gives all its processors, alike in leaf 0xD, with a vendor's name."""
    tables = read_all(path.read_bytes(), path.name)
    assert len({table.selected([0xD]) for table in tables}) == 1
    assert all(len(table.vendor) == 12 for table in tables)
    leaf_0 = sum(
        line.startswith("CPUID 00000000:") for line in path.read_text("latin-1").split("\n")
    )
    assert len(tables) == leaf_0


def test_two_converters_agree() -> None:
    """The XML that RJCP made of InstLatX64's Rome dump holds the same leaf 0xD."""
    text = dump("instlatx64/AuthenticAMD0830F10_K17_Rome_CPUID2.txt")
    other = dump("rjcp-xml/AuthenticAMD0830F10_K17_Rome_CPUID2.xml")
    assert len(read_all(text)) == len(read_all(other)) == 48
    for first, second in zip(read_all(text), read_all(other), strict=True):
        assert first.selected([0xD, 1, 7]) == second.selected([0xD, 1, 7])


def test_an_old_dump_without_headings_is_split() -> None:
    """The K10 dump has nothing between its processors; leaf 0 tells them apart."""
    tables = read_all(dump("instlatx64/AuthenticAMD0100F42_K10_DenebTWKR_CPUID.txt"))
    assert [table.read(1).ebx >> 24 for table in tables] == [0, 1, 2, 3]


@pytest.mark.parametrize("between", [": ", " :", "  \t", " "])
def test_a_leaf_is_set_apart_in_several_ways(between: str) -> None:
    """Dumps of several years have a colon, a colon after a space, or spaces alone."""
    lines = [f"CPUID {leaf}{between}00000001-00000002-00000003-00000004" for leaf in
             ("00000000", "00000001", "00000000", "00000001")]  # fmt: skip
    tables = read_all("\n".join(lines))
    assert [list(table) for table in tables] == [[(0, 0), (1, 0)]] * 2
    assert tables[0].read(1) == Leaf(1, 2, 3, 4)


def test_zeros_for_a_component_say_nothing() -> None:
    """Some versions end leaf 0xD with zeros for a component that is there: it stays unknown."""
    text = (
        "CPUID 0000000D: 00000207-00000340-00000988-00000000 [SL 00]\n"
        "CPUID 0000000D: 00000000-00000000-00000000-00000000 [SL 01]\n"
        "CPUID 0000000D: 00000000-00000000-00000000-00000000 [SL 09]\n"
    )
    (table,) = read_all(text)
    assert list(table) == [(13, 0), (13, 1)]
