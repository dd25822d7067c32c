# SPDX-License-Identifier: Apache-2.0
"""Cases: their written form, and that a seed and a number are a complete record."""

from __future__ import annotations

import pytest

from xsavvy.live.case import Case, decode, encode
from xsavvy.live.generate import Generator
from xsavvy.live.host import Host


@pytest.mark.silicon
def test_the_written_form_keeps_everything(host: Host) -> None:
    """Each generated case is read back as it was."""
    generator = Generator(host, 7)
    for number in range(500):
        case = generator.case(number)
        assert decode(encode(case)) == case


@pytest.mark.silicon
def test_seed_and_number_are_a_record(host: Host) -> None:
    """A case depends on its seed and number only, not on the cases before it."""
    one, other = Generator(host, 3), Generator(host, 3)
    forward = [one.case(number) for number in range(50)]
    backward = [other.case(number) for number in reversed(range(50))]
    assert forward == backward[::-1]
    assert forward != [Generator(host, 4).case(number) for number in range(50)]


@pytest.mark.silicon
def test_cases_reach_every_instruction_and_placement(host: Host) -> None:
    """A thousand cases hold each instruction, each kind of page, misalignment and prefixes."""
    generator = Generator(host, 0)
    cases = [generator.case(number) for number in range(1000)]
    part = host.processor
    wanted = {"xsave", "xsave64", "xrstor", "xrstor64", "xgetbv", "xsetbv", "rdpkru", "wrpkru"}
    wanted |= {"xsaveopt", "xsaveopt64"} if part.xsaveopt else set()
    wanted |= {"xsavec", "xsavec64"} if part.xsavec else set()
    assert wanted | {"xsaves", "xsaves64", "xrstors", "xrstors64"} == {
        case.instruction for case in cases
    }
    assert {(case.first, case.second) for case in cases} >= {
        ("writable", "read-only"),
        ("writable", "absent"),
        ("absent", "writable"),
    }
    assert {case.prefix for case in cases} == {"", "66", "f2", "f3", "lock"}
    assert any(case.offset % 64 for case in cases)
    assert any(case.in_place for case in cases) == part.xsaveopt


@pytest.mark.silicon
def test_a_case_never_requests_what_is_out_of_reach(host: Host) -> None:
    """PKRU and AMX bits of XCR0 are never in EDX:EAX of an instruction with an operand."""
    generator = Generator(host, 11)
    for number in range(1000):
        case = generator.case(number)
        if case.has_operand:
            assert not case.rfbm & host.xcr0 & ~host.reachable


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (b"[]", "a case is a JSON object"),
        (b"{}", "a case needs an 'instruction'"),
        (b'{"instruction": "fxsave"}', "no instruction 'fxsave' here"),
        (b'{"instruction": "xsave", "color": 1}', "a case has no 'color'"),
        (b'{"instruction": "xsave", "rfbm": 3}', "'rfbm' cannot be 3"),
        (b'{"instruction": "xsave", "prefix": "67"}', "no prefix '67' here"),
        (b'{"instruction": "xsave", "first": "torn"}', "a page is one of writable, read-only"),
        (b'{"instruction": "xsave", "memory": {"size": 9000}}', "a number up to 8192, not 9000"),
        (b'{"instruction": "xsave", "memory": {"size": 1, "0x1": "00"}}', "lie beyond an image"),
        (b'{"instruction": "xsave", "offset": "0x2000", "memory": {"size": 1}}', "does not fit"),
    ],
)
def test_a_bad_line_says_what_is_wrong(line: bytes, message: str) -> None:
    """Each way to write a case wrongly has its own message."""
    with pytest.raises(ValueError, match=message):
        decode(line)


def test_a_short_case_is_written_short() -> None:
    """Images are written as runs of bytes that are not zero."""
    image = bytearray(576)
    image[512] = 3
    line = encode(Case("xrstor64", bytes(576), bytes(image), rfbm=3))
    assert len(line) < 150
    assert decode(line).memory == bytes(image)
