# SPDX-License-Identifier: Apache-2.0
"""The readers of kcpuid, SDE, libcpuid, VirtualBox and logs: numbers where they stand, and unknowns."""

from __future__ import annotations

import pytest

from tests.cpuid import sample
from xsavvy.cpuid.dump import (
    FORMATS,
    Source,
    UnknownFormat,
    UnreadableDump,
    detect,
    format_named,
    read,
    read_all,
)
from xsavvy.cpuid.table import Leaf


def refused(text: str) -> str:
    """The words with which a text is refused."""
    with pytest.raises(UnreadableDump) as caught:
        read_all(text, "d")
    return str(caught.value)


@pytest.mark.parametrize("name", sample.SAMPLES)
def test_a_sample_is_of_one_format(name: str) -> None:
    """Every sample is recognised by its text, and by one format only."""
    text = sample.SAMPLES[name]
    wanted = sample.FORMAT_OF.get(name, name)
    assert detect(Source(text, "d")).name == wanted
    assert [each.name for each in FORMATS if each.recognises(text)] == [wanted]


def test_every_format_has_a_sample() -> None:
    """No format is without a sample."""
    assert {sample.FORMAT_OF.get(name, name) for name in sample.SAMPLES} == {
        each.name for each in FORMATS
    }


def test_a_format_can_be_forced() -> None:
    """A format is taken as given, and a wrong one refuses what it does not find."""
    assert read_all(sample.RAW, form=format_named("raw"))
    with pytest.raises(UnreadableDump, match="at least one CPUID leaf"):
        read_all(sample.RAW, form=format_named("aida"))
    with pytest.raises(UnknownFormat, match="no dump format 'rav'; nearest: raw"):
        format_named("rav")


def test_kcpuid_has_subleaves_below_their_leaf() -> None:
    """A leaf's subleaves follow its heading; what the tool left out is unknown."""
    table = read(sample.KCPUID)
    assert table.vendor == "AuthenticAMD"
    assert table.read(0xD, 12) == Leaf(0x18, 0, 1, 0)
    assert table.find(0xD, 11) is None
    assert not table.whole


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("0x0000000d: EAX=0x1\n", "d:1: expected 'EAX=0x…, EBX=0x…"),
        ("0x0000000d: EAX=0x1, EBX=0x1, ECX=0x1, EDX=q\n", "a register of 32 bits"),
        ("0x00000000: subleafs:\n  0: EAX=0x0, EBX=1, ECX=0x1\n", "d:2: expected 'EAX"),
        ("0x00000000: EAX=0x0, EBX=0x0, ECX=0x0, EDX=0x0\n 1: EAX=0x0", "above a subleaf"),
    ],
)
def test_kcpuid_lines_of_another_form(text: str, words: str) -> None:
    """A line that begins like an entry and is none is named."""
    assert words in refused(text)


def test_a_definition_is_all_there_is() -> None:
    """SDE's file answers for every subleaf: what it lacks is zero, `********` is any subleaf."""
    table = read(sample.SDE)
    assert table.whole
    assert table.read(1).edx == 0xBFEBFBFF
    assert table.read(0xD, 0x13) == Leaf(0x80, 0x3C0, 0, 0)
    assert table.bit(0xD, 9, "eax", 3) is False


def test_a_definition_with_another_line() -> None:
    """A line without an arrow is refused with its number."""
    assert "d:2: expected 'EAX ECX => EAX EBX ECX EDX'" in refused(
        "0000000d 00000000 => 7 340 340 0\n0000000d 1 7 340\n"
    )


def test_libcpuid_has_subleaf_0_alone() -> None:
    """Arrays are leaves or subleaves; zeros that may not have been asked are left out."""
    table = read(sample.LIBCPUID)
    assert list(table) == [(0, 0), (4, 0), (0xD, 0), (0x80000000, 0)]
    assert table.find(0xD, 1) is None


def test_libcpuid_with_an_array_of_another_name() -> None:
    """An array that is not known is refused."""
    text = "basic_cpuid[0]=00000000 00000000 00000000 00000000\nintel_fn99[0]=0 0 0 0\n"
    assert "d:2: expected 'ARRAY[INDEX]=" in refused(text)


def test_virtualbox_says_less_than_cpuid() -> None:
    """Words become registers: exchanged halves are put back, and the flags it hides are unknown."""
    guest, host = read_all(sample.VIRTUALBOX)
    assert guest.read(0xD, 1) == Leaf(0, 0x370, 0, 0)
    assert host.read(0xD, 1) == Leaf(0xF, 0x370, 0x1800, 0)
    assert host.read(0xD, 9) == Leaf(8, 0x980, 0, 0)
    assert host.bit(0xD, 12, "ecx", 0) is True
    assert host.bit(0xD, 12, "ecx", 1) is None


def test_virtualbox_raw_leaves_count_before_words() -> None:
    """A whole log has the registers; words fill in what they lack."""
    guest, host = read_all(sample.VIRTUALBOX_RAW)
    assert guest.read(0xD, 1) == Leaf(0, 0x440, 0, 0)
    assert host.read(0xD, 1) == Leaf(0xF, 0x440, 0x100, 0)
    assert host.read(0xD, 8).eax == 0x80


def test_a_log_of_linux() -> None:
    """Linux prints every subleaf, zeros too; the lines around are passed over."""
    table = read(sample.LOG)
    assert table.read(0xD, 1).ebx == 0x29D0
    assert table.find(0xD, 3) == Leaf(0, 0, 0, 0)
    assert table.find(0xD, 9) is None


def test_a_cpuid_page_is_all_there_is() -> None:
    """A guest that has a CPUID page is told nothing else."""
    table = read(sample.PAGE)
    assert table.whole
    assert table.read(0xD, 1).ecx == 0x1800
    assert table.bit(0xD, 11, "eax", 4) is False


def test_a_log_with_something_else_than_a_number() -> None:
    """A register that is no number is refused with its line."""
    text = "x\nCPUID[0d, 01]: eax=0x1 ebx=zz ecx=0 edx=0\n"
    assert "d:2: expected a number of 32 bits" in refused(text)
