# SPDX-License-Identifier: Apache-2.0
"""`cpuid -r` text, read and written."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.cpuid.source import dump, leaves, tables
from xsavvy.cpuid.dump import UnreadableDump, read, read_all, write_raw
from xsavvy.cpuid.table import Leaf, Table

LINE = "   0x0000000d 0x01: eax=0x0000000f ebx=0x000009a8 ecx=0x00001800 edx=0x00000000\n"
SECOND = "   0x0000000d 0x02: eax=0x00000100 ebx=0x00000240 ecx=0x00000000 edx=0x00000000\n"
SHAPE = "'0xLEAF 0xSUBLEAF: eax=0x… ebx=0x… ecx=0x… edx=0x…'"
SAME = "the same registers as in line 1 for leaf 0xd subleaf 0x1 of the same processor"
ENTRY = Leaf(0xF, 0x9A8, 0x1800, 0)


@given(tables)
def test_what_is_written_is_read_back(table: Table) -> None:
    """Writing a table and reading the text gives the table."""
    assert read(write_raw(table)) == table


@given(st.lists(st.tuples(tables, leaves), min_size=2, max_size=4))
def test_processors_stay_apart(pairs: list[tuple[Table, Leaf]]) -> None:
    """Each logical processor under its own header becomes its own table."""
    wanted = [table.replaced({(0, 0): leaf}) for table, leaf in pairs]
    text = "".join(
        write_raw(table).replace("CPU:", f"CPU {number}:") for number, table in enumerate(wanted)
    )
    assert list(read_all(text)) == wanted


def test_leaf_0_starts_a_processor() -> None:
    """Without headers a second leaf 0 begins the next processor."""
    line = "0x00000000 0x00: eax=0x1 ebx=0x0 ecx=0x0 edx=0x0\n"
    assert len(read_all(line + LINE + line + LINE)) == 2


@pytest.mark.parametrize(
    "text",
    [
        LINE,
        "CPU:\n" + LINE,
        "CPU 17:\n" + LINE,
        LINE.replace("\n", "\r\n"),
        LINE.rstrip("\n"),
        "\ufeff" + LINE,
        LINE.upper().replace("0X", "0x"),
        "\n\n" + LINE + "\n",
        "# a comment\nHello, here is my dump:\n" + LINE + "-- \nMe\n",
        "> " + LINE,
        ">> > " + LINE,
        LINE.replace(" edx=", "\nedx="),
        "> " + LINE.replace(" edx=", "\n> edx="),
        LINE.replace(" ecx=", "\n      ecx=").replace(" edx=", "\n edx="),
        LINE + LINE,
    ],
    ids=str.split,
)
def test_forms_that_people_send(text: str) -> None:
    """Headers, line ends, quoting, wrapping, prose and a harmless repetition are understood."""
    assert dict(read(text)) == {(0xD, 1): ENTRY}


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "latin-1"])
def test_encodings(encoding: str) -> None:
    """A dump that a Windows shell redirected (UTF-16) reads as well as UTF-8 and Latin-1."""
    text = "M\u00fcller's machine\nCPU:\n" + LINE
    assert read(text.encode(encoding)).read(0xD, 1) == ENTRY


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            LINE + SECOND[:40],
            f"<dump>:2: expected {SHAPE}, found '0x0000000d 0x02: eax=0x00000100 ebx=0'",
        ),
        (
            LINE + SECOND.replace("0x00000100", "0x0000010g"),
            "<dump>:2: expected eax of 32 bits: at most 8 hexadecimal digits, found '0x0000010g'",
        ),
        (
            LINE + SECOND.replace("0x00000100", "0x100000100"),
            "<dump>:2: expected eax of 32 bits: at most 8 hexadecimal digits, found '0x100000100'",
        ),
        (
            LINE + SECOND.replace("0x0000000d", "0x1000000000"),
            "<dump>:2: expected a leaf: at most 8 hexadecimal digits, found '0x1000000000'",
        ),
        (
            LINE + LINE.replace("9a8", "9a0"),
            f"<dump>:2: expected {SAME}, found '0000000f 000009a0 00001800 00000000'",
        ),
    ],
    ids=["truncated", "no hexadecimal", "33 bits", "leaf of 37 bits", "contradiction"],
)
def test_a_wrong_line_is_named(text: str, message: str) -> None:
    """A line that begins like an entry and is none ends the reading with file, line and reason."""
    with pytest.raises(UnreadableDump) as caught:
        read(text)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    "line",
    [
        SECOND.replace("edx=0x00000000", ""),
        SECOND.replace("edx=", "eax="),
        SECOND.replace(":", "", 1),
        SECOND.replace("0x02", "2"),
        SECOND.replace("0x0000000d", "0x"),
        SECOND.replace("0x0000000d", "0d"),
        SECOND.rstrip("\n") + " extra=1\n",
        "   eax=0x00000100 ebx=0x00000240\n",
        "   0",
    ],
    ids=str.strip,
)
def test_half_an_entry_is_refused(line: str) -> None:
    """A register too few, twice or with a stranger is an error in that line, never a guess."""
    with pytest.raises(UnreadableDump) as caught:
        read(LINE + line)
    assert caught.value.line == 2


def test_this_machine_is_read() -> None:
    """The dump of a Zen 4 virtual machine gives its leaf 0xD."""
    table = read(dump("cpuid-r/this-machine.cpuid-r.txt"))
    assert (table.vendor, table.brand) == ("AuthenticAMD", "AMD EPYC")
    assert table.read(0xD) == Leaf(0xE7, 0x980, 0x980, 0)
    assert table.read(0xD, 1) == Leaf(0xF, 0x9A8, 0x1800, 0)
    assert table.subleaves(0xD) == (0, 1, 2, 5, 6, 7, 11, 12)


@pytest.mark.parametrize("name", ["this-machine", "8268-from-libvirt"])
def test_writing_gives_the_same_text(name: str) -> None:
    """A table is written exactly as `cpuid -1 -r` printed it."""
    data = dump(f"cpuid-r/{name}.cpuid-r.txt")
    assert write_raw(read(data)).encode() == data
