# SPDX-License-Identifier: Apache-2.0
"""Values as people write them."""

from __future__ import annotations

import struct
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xsavvy.image import float80, tile, words
from xsavvy.image.lane import LANES, lanes
from xsavvy.image.value import Context, Register, registers
from xsavvy.isa.components import COMPONENTS, component


def named(index: int, data: bytes, context: Context | None = None) -> dict[str, Register]:
    return {each.name: each for each in registers(index, data, context)}


@pytest.mark.parametrize(
    ("sign_exponent", "significand", "text"),
    [
        (0x3FFF, 1 << 63, "1"),
        (0xBFFE, 1 << 63, "-0.5"),
        (0x4000, 0xC90FDAA22168C235, "3.14159265358979323851"),
        (0x7FFF, 1 << 63, "infinity"),
        (0xFFFF, 0xC000000000000000, "-quiet NaN"),
        (0x7FFF, 0xA000000000000000, "signaling NaN"),
        (0x7FFE, (1 << 64) - 1, "1.18973149535723176502e+4932"),
        (0x0001, 1 << 63, "3.36210314311209350626e-4932"),
        (0x0000, 1, "3.64519953188247460253e-4951"),
        (0x8000, 0, "-0"),
        (0x4000, 1 << 62, "unsupported"),
    ],
)
def test_x87_numbers(sign_exponent: int, significand: int, text: str) -> None:
    """The numbers of the format's corners, as C's long double prints them with 21 digits."""
    assert float80.decimal(struct.pack("<QH", significand, sign_exponent)) == text


@given(st.integers(1 << 63, (1 << 64) - 1), st.integers(1, 0x7FFE))
def test_an_x87_number_can_be_read_back(significand: int, exponent: int) -> None:
    """21 digits are so near to a number that no other is nearer."""
    text = float80.decimal(struct.pack("<QH", significand, exponent))
    exact = Fraction(significand) * Fraction(2) ** (exponent - 16383 - 63)
    assert abs(Fraction(Decimal(text)) - exact) * 2 < exact / significand


@given(st.binary(min_size=160, max_size=160))
def test_any_bytes_are_x87_registers(data: bytes) -> None:
    """Whatever the bytes, there are 14 registers, and what is empty has no number."""
    found = registers(0, data)
    assert len(found) == 14
    assert all((each.note == "empty") == (not each.value) for each in found[6:])


@pytest.mark.parametrize("index", [each.index for each in COMPONENTS])
@given(
    data=st.binary(max_size=1100),
    kind=st.sampled_from(["", *LANES]),
    config=st.binary(min_size=64, max_size=64),
)
def test_any_bytes_of_any_component(index: int, data: bytes, kind: str, config: bytes) -> None:
    """No value of any component is more than the decoders take, at any length."""
    whole = data if component(index).size is None else data.ljust(component(index).size or 0, b"\0")
    for each in registers(index, whole, Context(kind, {1: bytes(256), 2: bytes(256)}, config)):
        assert each.name
        int(each.hex, 16)


def test_lanes_of_a_zmm_register() -> None:
    """ZMM0 is joined from three components and cut into lanes of the kind asked for."""
    lower = {
        1: struct.pack("<4f", 1, 2, 3, 4) + bytes(240),
        2: struct.pack("<4f", 5, 6, 7, 8) + bytes(240),
    }
    data = struct.pack("<8f", *range(9, 17)) + bytes(480)
    found = named(6, data, Context("f32", lower))
    assert found["zmm0"].lanes == tuple(map(str, range(1, 17)))
    assert lanes(b"\xff" * 8, "i64") == ("-1",)
    assert lanes(struct.pack("<2d", 0.1, float("nan")), "f64") == ("0.1", "nan")


def test_tiles_are_matrices_of_their_configuration() -> None:
    """A tile has the rows and columns that TILECFG gives it; the rest of its bytes is not shown."""
    config = bytearray(64)
    config[0], config[48], config[16] = 1, 2, 8
    data = bytearray(8192)
    data[0:8], data[64:72], data[128] = struct.pack("<2i", 1, -2), struct.pack("<2i", 3, 4), 9
    found = named(18, bytes(data), Context("", {}, bytes(config)))
    assert found["tmm0"].rows == (("1", "-2"), ("3", "4"))
    assert found["tmm1"].value == "not configured"
    shown = named(17, bytes(config))
    assert shown["tmm0"].value == "2 rows of 8 bytes"
    assert shown["palette"].value == "8 tiles of 1,024 bytes"


def test_tiles_without_a_configuration_have_no_form() -> None:
    """With palette 0, with an illegal configuration, or without one, a tile is bytes that say so."""
    data = b"\1" + bytes(8191)
    assert named(18, data)["tmm0"].note == "no configuration says its form"
    assert named(18, data, Context("", {}, bytes(64)))["tmm1"].note == "zero"
    wrong = bytearray(64)
    wrong[0], wrong[49] = 1, 17
    assert "tmm1 has 17 rows" in tile.configuration(bytes(wrong)).illegal
    assert "tmm1 has 17 rows" in named(18, data, Context("", {}, bytes(wrong)))["tmm0"].note
    for place, value, word in (
        (0, 2, "palette 2"),
        (16, 65, "0 rows of 65 bytes, more"),
        (3, 1, "reserved byte"),
        (50, 4, "is 0 alone"),
    ):
        broken = bytearray(64)
        broken[0] = 1
        broken[place] = value
        assert word in tile.configuration(bytes(broken)).illegal


def test_msrs_have_their_names() -> None:
    """Supervisor components are MSRs by name; what no name fits is one piece."""
    cet = named(11, struct.pack("<QQ", 3, 0x7000))
    assert cet["IA32_U_CET"].note == "SH_STK_EN WR_SHSTK_EN"
    assert cet["IA32_PL3_SSP"].hex == "0x0000000000007000"
    assert named(10, struct.pack("<Q", 1 << 31 | 5))["IA32_PASID"].note == "PASID 0x5, valid"
    assert len(named(8, bytes(128))) == 9
    assert len(named(15, bytes(808))) == 101
    assert named(40, b"\1\2")["bytes"].hex == "0x0201"


def test_bounds_are_stored_inverted() -> None:
    """BND registers show the bounds that the program set."""
    found = named(3, struct.pack("<QQ", 0x1000, ~0x1FFF & (1 << 64) - 1) + bytes(48))
    assert found["bnd0"].value == "0x1000 to 0x1fff"
    assert set(named(4, bytes(64))) == {"bndcfgu", "bndstatus"}
    assert set(named(19, bytes(128))) == {f"r{number}" for number in range(16, 32)}


def test_tags_are_of_physical_registers() -> None:
    """With TOP=6 ST0 is R6, so its tag stands in bits 12 and 13, and R0 is ST2."""
    data = bytearray(160)
    data[2:4], data[4] = (6 << 11).to_bytes(2, "little"), 0b0100_0001
    data[64 + 7], data[64 + 8 : 64 + 10] = 0x80, b"\xff\x3f"
    found = named(0, bytes(data))
    assert found["ftw"].value == "tags 0xdffc"
    assert (found["st0"].note, found["st2"].value, found["st1"].note) == ("zero", "1", "empty")


def test_words_of_control_registers() -> None:
    """FCW, FSW and MXCSR say what their bits ask for."""
    assert words.fcw(0x0C7B) == "masked: IM DM OM UM PM, precision 24 bits, round toward zero"
    assert words.fcw(0x0540) == "no exception masked, precision reserved, round down"
    assert words.fsw(0x7800) == "TOP=7 C3"
    assert words.mxcsr(0x12_E000 & 0x3FFFF) == "no exception masked, round toward zero, FTZ, MM"
    assert words.mxcsr(1 << 20 | 0x1F80).endswith("reserved bits 0x100000")
