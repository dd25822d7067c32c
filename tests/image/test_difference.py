# SPDX-License-Identifier: Apache-2.0
"""Images compared by meaning."""

from __future__ import annotations

from tests.image.core import PART
from xsavvy.image import legacy
from xsavvy.image.difference import Difference, Side, differences
from xsavvy.image.file import Saved
from xsavvy.image.header import write
from xsavvy.image.recover import Certainty, Recovered
from xsavvy.isa.components import AVX, PKRU, SSE, X87
from xsavvy.isa.layout import LEGACY_PLACES, Layout


def side(cpu: str, xstate_bv: int, *, pkru: int = 0, ymm: int = 0, noise: int = 0) -> Side:
    """A standard image in a processor's layout; `noise` is what lies where nothing is saved."""
    layout = PART[cpu].standard
    area = bytearray([noise]) * layout.size
    area[:32] = legacy.INITIAL[:24] + (0x1F80).to_bytes(4, "little") + bytes(4)
    if xstate_bv & X87:
        area[32:160] = bytes(128)
    for index, value in ((2, ymm), (9, pkru)):
        if xstate_bv >> index & 1:
            place = layout[index]
            area[place.offset : place.end] = value.to_bytes(place.size, "little")
    area[512:576] = bytes(64)
    write(area, xstate_bv=xstate_bv)
    return Side(Saved(bytes(area)), Recovered(layout, Certainty.GIVEN, ""))


def test_a_cleared_bit_equals_the_initial_configuration() -> None:
    """PKRU saved as 0, PKRU not saved, and either with noise around are the same."""
    images = [side("genoa", X87 | PKRU), side("genoa", X87), side("genoa", 0, noise=0xAA)]
    for one in images:
        for other in images:
            assert differences(one, other) == []


def test_layouts_and_formats_do_not_count() -> None:
    """The same PKRU at the offsets of Intel, AMD and Rome is no difference."""
    sides = [side(cpu, PKRU | AVX, pkru=0xC, ymm=5) for cpu in ("genoa", "skylake-sp", "rome")]
    assert differences(sides[0], sides[1]) == differences(sides[1], sides[2]) == []


def test_a_difference_is_a_register() -> None:
    """What differs is named with both values, as people write them."""
    found = differences(side("genoa", PKRU, pkru=0xC), side("skylake-sp", 0))
    assert found == [
        Difference(
            "PKRU",
            "pkru",
            "0x0000000c",
            "0x00000000",
            "key 1: access denied",
            "no key denies anything",
        )
    ]
    found = differences(side("genoa", AVX, ymm=1 << 128), side("genoa", AVX))
    assert [(each.register, int(each.one, 16)) for each in found] == [("ymm1", 1)]


def test_mxcsr_is_compared() -> None:
    """MXCSR differs where one image vouches for another value."""
    one = side("genoa", SSE, noise=0)
    area = bytearray(one.saved.area)
    area[24] = 0xA0
    (found,) = differences(one, Side(Saved(bytes(area)), one.recovered))
    assert (found.component, found.one, found.other) == ("MXCSR", "0x00001f80", "0x00001fa0")


def test_what_has_no_place_cannot_be_compared() -> None:
    """A component without a known place is a difference that says so."""
    known = side("genoa", PKRU)
    lost = Side(known.saved, Recovered(Layout(LEGACY_PLACES), Certainty.PARTLY, ""))
    (found,) = differences(known, lost)
    assert found.note == "the second image has it at no known place, or cut off"
