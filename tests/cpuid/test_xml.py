# SPDX-License-Identifier: Apache-2.0
"""XML dumps of libvirt and RJCP, friendly and hostile."""

from __future__ import annotations

import pytest

from tests.cpuid.source import dump
from xsavvy.cpuid.dump import UnreadableDump, read, read_all
from xsavvy.cpuid.table import Leaf

CPUID = "<cpuid eax_in='0x0d' ecx_in='0x1' eax='0xf' ebx='0xa08' ecx='0x100' edx='0x0'/>"
LIBVIRT = f"<!-- Xeon -->\n<cpudata arch='x86'>\n  {CPUID}\n  <msr index='0x10a'/>\n</cpudata>"
RJCP = (
    '<?xml version="1.0" encoding="utf-8"?>\n<cpuid><processor>\n'
    '<register eax="0000000D" ecx="00000001">0000000F,00000A08,00000100,00000000</register>\n'
    "</processor></cpuid>"
)
ENTRY = {(0xD, 1): Leaf(0xF, 0xA08, 0x100, 0)}


@pytest.mark.parametrize(
    "text", [LIBVIRT, RJCP, "\n" + LIBVIRT, f"<cpudata>{CPUID}{CPUID}</cpudata>"]
)
def test_both_forms_are_read(text: str) -> None:
    """libvirt's attributes and RJCP's lists of registers give the same table; MSRs are no entry."""
    assert dict(read(text)) == ENTRY
    assert dict(read(text.encode())) == ENTRY


def test_processors_of_one_file() -> None:
    """Each `<processor>` is a table of its own."""
    body = RJCP[RJCP.index("<processor>") : RJCP.index("</cpuid>")]
    assert len(read_all(f"<cpuid>{body}{body.replace('F,', '7,')}</cpuid>")) == 2


BOMB = (
    '<?xml version="1.0"?>\n<!DOCTYPE cpudata [<!ENTITY a "aaaaaaaaaa">'
    '<!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>\n<cpudata>&b;</cpudata>'
)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (BOMB, "x:2: expected XML without a document type or entities, found '<!DOCTYPE'"),
        (
            "<!DOCTYPE cpudata SYSTEM 'file:///etc/passwd'><cpudata/>",
            "x:1: expected XML without a document type or entities, found '<!DOCTYPE'",
        ),
        (LIBVIRT[:-4], "x:5: expected well-formed XML, found 'unclosed token'"),
        (LIBVIRT[:60], "x:3: expected well-formed XML, found 'unclosed token'"),
        ("<cpudata>&nbsp;</cpudata>", "x:1: expected well-formed XML, found 'undefined entity'"),
        ("<cpudata>" + "<a>" * 20, "x:1: expected at most 8 nested elements, found 'a'"),
        (LIBVIRT.replace(" ebx='0xa08'", ""), "x:3: expected the attribute ebx"),
        (
            LIBVIRT.replace("0xa08", "0xzz"),
            "x:3: expected ebx: at most 8 hexadecimal digits, found '0xzz'",
        ),
        (
            LIBVIRT.replace("0xa08", "&#10;&#27;[2J"),
            "x:3: expected well-formed XML, found 'reference to invalid character number'",
        ),
        (
            RJCP.replace(",00000000<", "<"),
            "x:3: expected four registers with commas between, found '0000000F,00000A08,00000100'",
        ),
        ("<cpudata arch='x86'/>", "x: expected at least one CPUID leaf"),
    ],
)
def test_bad_xml_is_refused_in_one_line(text: str, message: str) -> None:
    """Entities, broken nesting and bad numbers end the reading with the parser's line."""
    with pytest.raises(UnreadableDump) as caught:
        read(text, "x")
    assert str(caught.value) == message


def test_an_encoding_in_the_declaration_is_not_trusted() -> None:
    """The text is decoded already, so a declared encoding changes nothing."""
    text = RJCP.replace("utf-8", "utf-16")
    assert dict(read(text.encode())) == ENTRY


def test_libvirt_and_cpuid_agree() -> None:
    """libvirt's Xeon 8268 and its re-print in the form of `cpuid -r` are the same."""
    xml = read(dump("libvirt/x86_64-cpuid-Xeon-Platinum-8268.xml"))
    assert xml == read(dump("cpuid-r/8268-from-libvirt.cpuid-r.txt"))
    assert xml.read(0xD, 9) == Leaf(8, 0xA80, 0, 0)


def test_a_register_that_is_repeated_is_told_once() -> None:
    """RJCP's files from dumps without subleaves repeat a leaf with subleaf 0: the first counts."""
    text = (
        '<cpuid type="x86"><processor>'
        '<register eax="00000004" ecx="00000000">1,0,0,0</register>'
        '<register eax="00000004" ecx="00000000">2,0,0,0</register>'
        '<register eax="0000000D" ecx="00000009">0,0,0,0</register>'
        "</processor></cpuid>"
    )
    (table,) = read_all(text)
    assert dict(table) == {(4, 0): Leaf(1, 0, 0, 0)}
