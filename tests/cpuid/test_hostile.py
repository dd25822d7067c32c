# SPDX-License-Identifier: Apache-2.0
"""Dumps that nobody should have sent: always one clear line, never a crash or a hang."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.cpuid.source import dumps
from xsavvy.cpuid.describe import describe
from xsavvy.cpuid.dump import FORMATS, Source, UnreadableDump, detect, read, read_all
from xsavvy.cpuid.dump.intake import (
    MAX_BYTES,
    MAX_ENTRIES,
    MAX_LINE,
    MAX_PROCESSORS,
    escaped,
)

RAW = "0x{leaf:08x} 0x{sub:02x}: eax=0x0 ebx=0x0 ecx=0x0 edx=0x0\n"
ENTRY = RAW.format(leaf=13, sub=0)
ZERO = RAW.format(leaf=0, sub=0)


def refused(data: str | bytes, name: str = "d") -> str:
    """The message with which a dump is refused."""
    with pytest.raises(UnreadableDump) as caught:
        read_all(data, name)
    message = str(caught.value)
    assert message.isprintable()
    assert len(message) < 500
    return message


def told(data: str | bytes) -> bool:
    """Describe every processor of a dump, or refuse it with printable words."""
    try:
        tables = read_all(data)
    except UnreadableDump as error:
        return str(error).isprintable()
    return all(describe(table).vendor == table.vendor for table in tables)


def test_nothing() -> None:
    """An empty file is called empty."""
    assert refused("") == "d: expected a CPUID dump, found 'an empty file'"
    assert refused(b" \n\n") == "d: expected a CPUID dump, found 'an empty file'"


def test_something_else() -> None:
    """Text of no known form is refused with the forms that there are."""
    message = refused("processor\t: 0\nvendor_id\t: AuthenticAMD\n")
    assert all(each.title in message for each in FORMATS)
    assert message.endswith(r"found 'processor\t: 0'")


def test_binary() -> None:
    """A binary file is called binary, with the line of its first NUL."""
    assert refused(b"\x7fELF\n\x00\x01") == "d:2: expected text, found 'a NUL byte (a binary file)'"
    assert "UTF-16" in refused(b"\xff\xfe\x00\xd8")
    assert refused(bytes(range(1, 256)))


def test_enormous() -> None:
    """A file above the bound is refused before it is decoded."""
    data = ENTRY.encode() * (MAX_BYTES // len(ENTRY) + 1)
    assert refused(data) == f"d: expected a CPUID dump of at most 8 MiB, found '{len(data)} bytes'"


def test_too_many_entries() -> None:
    """One processor has a bounded number of entries."""
    text = "".join(RAW.format(leaf=1, sub=sub) for sub in range(MAX_ENTRIES + 1))
    assert refused(text) == f"d:{MAX_ENTRIES + 1}: expected at most 4096 entries for one processor"


def test_too_many_processors() -> None:
    """A dump has a bounded number of processors."""
    assert refused(ZERO * (MAX_PROCESSORS + 2)) == "d: expected at most 4096 logical processors"


def test_one_long_line() -> None:
    """A line without end is refused with its number and its beginning only."""
    message = refused(ENTRY + "a" * (MAX_LINE + 1))
    assert message.startswith(f"d:2: expected a line of at most {MAX_LINE} characters")


@pytest.mark.parametrize(
    "filler",
    [
        " ",
        "\n",
        ">",
        "\t\n",
        "<cpuid ",
        "<!--",
        "0x",
        "CPUID 0",
        "{",
        "[ ",
        "Gst: ",
        "EAX_IN: 0x",
        "CPUID[0d, 0",
        "basic_cpuid[0",
        "<cpu>",
        '{"props":',
        "State #2, ",
        "# CPUID_VERSION\n",
        "0x0000000d: subleafs:\n",
    ],
)
def test_fillers_cost_no_more_than_their_length(filler: str) -> None:
    """Megabytes of what patterns begin with are refused without backtracking over them."""
    assert refused(filler * ((1 << 20) // len(filler)))


def test_control_characters_do_not_reach_the_terminal() -> None:
    """Neither the file's name nor its text can move the cursor or turn the writing direction."""
    message = refused("0\n" + ENTRY, "a\nb\x1b[1m")
    assert message.startswith(r"a\nb\x1b[1m:1: expected ")
    message = refused(ENTRY + "0x1 \x1b]0;x\x07\u202e\ud800\n")
    assert r"\x1b]0;x\x07\u202e\ud800" in message


def test_the_processor_must_exist() -> None:
    """Asking for the third processor of a dump of one says how many there are."""
    assert read(ZERO + ENTRY, processor=0)
    with pytest.raises(UnreadableDump, match=r"a logical processor below 1, .* found '2'"):
        read(ZERO + ENTRY, processor=2)
    with pytest.raises(UnreadableDump, match="below 1"):
        read(ZERO + ENTRY, processor=-1)


@given(st.binary(max_size=400))
def test_bytes_are_read_or_refused(data: bytes) -> None:
    """Any bytes give tables or one printable line."""
    assert told(data)


FRAGMENTS = st.sampled_from(
    "CPU: CPUID 0x0000000d 0x01: eax=0xf ebx= ecx=0x0 edx=0x1 : - 0000000D: "
    "00000007-00000340-00000340-00000000 [SL 01] [SL <cpudata> <cpuid eax_in='0xd' </cpuid> />"
    ' {"cpuid_modifiers": [] } > | #'.split(" ")
)


@given(st.lists(st.one_of(FRAGMENTS, st.just("\n"), st.text(max_size=3)), max_size=40))
def test_pieces_of_dumps_are_read_or_refused(pieces: list[str]) -> None:
    """Pieces of all forms in any order give tables that can be described, or one line."""
    assert told(" ".join(pieces))


@given(cut=st.floats(0, 1), size=st.integers(0, 30), data=st.data())
@pytest.mark.parametrize("path", dumps("instlatx64", "*SandyBridge2*") + dumps("cpuid-r", "this*"))
def test_damaged_dumps(path: Path, cut: float, size: int, data: st.DataObject) -> None:
    """A real dump with some bytes replaced is read or refused, and never crashes `describe()`."""
    whole = path.read_bytes()[:8000]
    at = int(cut * len(whole))
    damaged = whole[:at] + data.draw(st.binary(max_size=30)) + whole[at + size :]
    assert told(damaged)


def test_escaping_keeps_what_is_printable() -> None:
    """Letters stay, controls become escapes, and what is too long is cut with a sign."""
    assert escaped("é\t\x7f") == r"é\t\x7f"
    assert escaped("\x1b" * 100, limit=10) == r"\x1b\x1b\…"
    assert escaped("abc", limit=3) == "abc"


@pytest.mark.parametrize(
    ("text", "name"),
    [
        (ENTRY, "raw"),
        ("CPUID 0000000D: 00000007-00000340-00000340-00000000\n", "aida"),
        ("<cpudata/>", "xml"),
        ('{"cpuid_modifiers": []}', "firecracker"),
    ],
)
def test_each_format_is_recognised_by_its_text(text: str, name: str) -> None:
    """A format is told by the text, and by one format only."""
    assert detect(Source(text, "d")).name == name
    assert [each.name for each in FORMATS if each.recognises(text)] == [name]
