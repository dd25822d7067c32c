# SPDX-License-Identifier: Apache-2.0
"""The x87 component in bytes."""

from __future__ import annotations

import dataclasses
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.isa.part import OLD_AMD, SAPPHIRE, ZEN4
from xsavvy.image import X87, legacy
from xsavvy.isa import Processor

FIP, FDP = 0x1122_3344_5566_7788, 0x99AA_BBCC_DDEE_FF00
AREAS = st.binary(min_size=576, max_size=576)
PARTS = st.sampled_from([ZEN4, SAPPHIRE, OLD_AMD])


def area(
    fcw: int = 0x37F, fsw: int = 0, ftw: int = 0, fop: int = 0, fip: int = 0, fdp: int = 0
) -> bytes:
    """An area with x87 words in it and nothing else."""
    return struct.pack("<HHBBHQQ", fcw, fsw, ftw, 0, fop, fip, fdp) + bytes(552)


def words(image: bytes | bytearray) -> tuple[int, ...]:
    """FCW, FSW, FTW, byte 5, FOP, FIP, FDP."""
    return struct.unpack_from("<HHBBHQQ", image)


def stored(x87: X87, part: Processor, wide: bool = True, over: bytes = b"\xaa" * 576) -> bytearray:
    """What a save makes of an area."""
    target = bytearray(over)
    legacy.store(target, x87, part, wide)
    return target


PENDING = area(0x37E, 0x8081, 0xFF, 0x123, FIP, FDP)
QUIET = area(0x37F, 0x0001, 0xFF, 0x123, FIP, FDP)


@pytest.mark.parametrize(
    ("fcw", "fsw", "loaded"),
    [
        (0x37F, 0x8080, 0x0000),
        (0x37E, 0x0001, 0x8081),
        (0x37F, 0x0001, 0x0001),
        (0x37E, 0x8080, 0x0000),
        (0x340, 0x003F, 0x80BF),
        (0x37E, 0x7800, 0x7800),
    ],
)
def test_fact_9_error_summary_is_recomputed(fcw: int, fsw: int, loaded: int) -> None:
    """Fact 9: ES and B follow from flags and masks, whatever the image says."""
    assert words(legacy.load(area(fcw, fsw), ZEN4, True, X87()).image)[1] == loaded


@pytest.mark.parametrize(
    ("fcw", "loaded"), [(0xFFFF, 0x1F7F), (0x0000, 0x0040), (0xE0BE, 0x007E), (0x37F, 0x37F)]
)
def test_fact_9_fcw_bit_6_is_forced(fcw: int, loaded: int) -> None:
    """Fact 9: FCW keeps 12 bits and always has bit 6."""
    assert words(legacy.load(area(fcw), ZEN4, True, X87()).image)[0] == loaded


def test_fact_9_pointers_are_stored_as_zero_but_held() -> None:
    """Fact 9: without FSW.ES Zen 4 stores FOP, FIP and FDP as 0 and still has them."""
    quiet = legacy.load(QUIET, ZEN4, True, X87())
    assert words(quiet.image)[4:] == (0x123, 0xFF22_3344_5566_7788, 0xFFAA_BBCC_DDEE_FF00)
    assert words(stored(quiet, ZEN4)) == (0x37F, 1, 0xFF, 0, 0, 0, 0)
    unmasked = X87(struct.pack("<HH", 0x37E, 0x8081) + quiet.image[4:])
    assert words(stored(unmasked, ZEN4))[4:] == words(quiet.image)[4:]


def test_pointers_without_an_exception_stay_on_intel() -> None:
    """Intel stores and loads the pointers whatever FSW.ES is."""
    quiet = legacy.load(QUIET, SAPPHIRE, True, X87())
    assert words(stored(quiet, SAPPHIRE))[4:] == words(quiet.image)[4:]
    assert words(quiet.image)[4] == 0x123


def test_pointers_leak_on_amd_without_xsaveerptr() -> None:
    """Without XSAVEERPTR and FSW.ES, a save leaves memory and a load leaves registers alone."""
    other = legacy.load(PENDING, OLD_AMD, True, X87())
    assert words(other.image)[4] == 0x123
    after = legacy.load(area(fop=0x55, fip=0x1111, fdp=0x2222), OLD_AMD, True, other)
    assert words(after.image)[4:] == words(other.image)[4:]
    assert words(stored(after, OLD_AMD))[4:] == (
        0xAAAA,
        0xAAAA_AAAA_AAAA_AAAA,
        0xAAAA_AAAA_AAAA_AAAA,
    )


@pytest.mark.parametrize(
    ("bits", "pointer", "extended"),
    [
        (57, 0xDEAD_8000_0000_0000, 0x00AD_8000_0000_0000),
        (57, 0x0123_4567_89AB_CDEF, 0xFF23_4567_89AB_CDEF),
        (57, 0x00FF_FFFF_FFFF_FFFF, 0x00FF_FFFF_FFFF_FFFF),
        (48, 0x0000_8000_0000_0000, 0xFFFF_8000_0000_0000),
        (48, 0xFFFF_7FFF_0000_1234, 0x0000_7FFF_0000_1234),
    ],
)
def test_fact_10_pointers_are_sign_extended(bits: int, pointer: int, extended: int) -> None:
    """Fact 10: FIP and FDP are sign-extended from the implemented width, never refused."""
    part = dataclasses.replace(SAPPHIRE, linear_address_bits=bits)
    loaded = legacy.load(area(fip=pointer, fdp=pointer), part, True, X87())
    assert words(loaded.image)[5:] == (extended, extended)


FORMS = [
    (False, False, "8877665544330000", "00ffeeddccbb0000"),
    (False, True, "8877665500000000", "00ffeedd00000000"),
    (True, False, "8877665500000000", "00ffeedd00000000"),
    (True, True, "88776655443322ff", "00ffeeddccbbaaff"),
]


@pytest.mark.parametrize(("load_wide", "store_wide", "fip", "fdp"), FORMS)
def test_the_two_forms_of_the_pointers(
    load_wide: bool, store_wide: bool, fip: str, fdp: str
) -> None:
    """The 32-bit form carries selectors, the 64-bit form carries upper halves, as on Zen 4."""
    loaded = legacy.load(PENDING, ZEN4, load_wide, X87())
    target = stored(loaded, ZEN4, store_wide)
    assert (target[8:16].hex(), target[16:24].hex()) == (fip, fdp)


def test_selectors_may_be_deprecated() -> None:
    """A processor that deprecates FCS and FDS stores them as 0."""
    part = dataclasses.replace(SAPPHIRE, fcs_fds_deprecated=True)
    loaded = legacy.load(PENDING, part, False, X87())
    assert stored(loaded, part, False)[8:16].hex() == "8877665500000000"
    assert stored(loaded, SAPPHIRE, False)[8:16].hex() == "8877665544330000"


@pytest.mark.parametrize("words_alone", [{"fop": 0x12}, {"fip": 0x1234}, {"fdp": 0x1234}])
def test_pointers_alone_leave_x87_initial_on_amd(words_alone: dict[str, int]) -> None:
    """FOP, FIP or FDP alone leave XINUSE[0]=0 on Zen 4 and set it on Intel (inferred)."""
    image = area(**words_alone)
    assert legacy.is_initial(legacy.load(image, ZEN4, True, X87()), ZEN4)
    assert not legacy.is_initial(legacy.load(image, SAPPHIRE, True, X87()), SAPPHIRE)


@pytest.mark.parametrize(
    ("image", "initial"),
    [
        (area(), True),
        (area(fcw=0x33F), True),
        (area(fcw=0xE37F), True),
        (area(fsw=0x8080), True),
        (area(fsw=0x3800), False),
        (area(ftw=1), False),
        (area(fcw=0x27F), False),
        (area()[:5] + b"\7" + area()[6:], True),
        (area()[:42] + b"\xff" * 6 + area()[48:], True),
        (area()[:41] + b"\1" + area()[42:], False),
    ],
)
def test_what_counts_as_initial(image: bytes, initial: bool) -> None:
    """Ignored bits do not count, any register or flag does."""
    assert legacy.is_initial(legacy.load(image, ZEN4, True, X87()), ZEN4) == initial


@given(AREAS, PARTS, st.booleans())
def test_loading_normalises_once(image: bytes, part: Processor, wide: bool) -> None:
    """Loading what a load made gives the same registers."""
    once = legacy.load(image, part, wide, X87())
    again = legacy.load(bytearray(once.image) + bytes(416), part, True, once)
    assert again.image == once.image
    assert len(once.image) == 160
    assert once.image[24:32] == bytes(8)


@given(AREAS, AREAS, PARTS, st.booleans())
def test_stores_touch_the_x87_bytes_alone(
    image: bytes, over: bytes, part: Processor, wide: bool
) -> None:
    """MXCSR (24-31) and everything from byte 160 stay, byte 5 and the padding become 0."""
    target = stored(legacy.load(image, part, wide, X87()), part, wide, over)
    assert target[24:32] == over[24:32]
    assert target[160:] == over[160:]
    assert target[5] == 0
    assert all(target[at : at + 6] == bytes(6) for at in range(42, 160, 16))
