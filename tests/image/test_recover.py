# SPDX-License-Identifier: Apache-2.0
"""Where a foreign image has its components, and how sure that is."""

from __future__ import annotations

import pytest

from tests.image.core import KNOWN, PART
from xsavvy.image.file import Kind, Saved, read_bytes
from xsavvy.image.header import write
from xsavvy.image.recover import Candidate, Certainty, recover


def image(
    cpu: str, xstate_bv: int, *, size: int = 0, kind: Kind = Kind.RAW, xcr0: int = 0, mask: int = 0,
    fill: int = 0, compacted: bool = False,
) -> Saved:  # fmt: skip
    """An image of a processor with `fill` in every byte of its saved components."""
    part = PART[cpu]
    layout = part.compacted(xstate_bv) if compacted else part.standard
    area = bytearray(size or layout.size)
    for index, place in layout.items():
        if xstate_bv >> index & 1:
            area[place.offset : place.end] = bytes([fill]) * place.size
    area[28:32] = mask.to_bytes(4, "little")
    area[464:472] = xcr0.to_bytes(8, "little")
    write(area, xstate_bv=xstate_bv, xcomp_bv=xstate_bv if compacted else 0, compacted=compacted)
    return Saved(bytes(area), kind)


@pytest.mark.parametrize(
    ("cpu", "xstate_bv", "offset"),
    [
        ("genoa", 0x2E7, 2432),
        ("skylake-sp", 0x2FF, 2688),
        ("rome", 0x207, 832),
        ("milan", 0x207, 2432),
    ],
)
def test_the_size_decides(cpu: str, xstate_bv: int, offset: int) -> None:
    """A raw area has the size of one layout alone, and PKRU lies where that layout has it."""
    found = recover(image(cpu, xstate_bv), known=KNOWN)
    assert found.certainty is Certainty.FITS
    assert cpu in found.fits
    assert found.layout[9].offset == offset


def test_a_kvm_blob_has_no_size_of_its_own() -> None:
    """In 4096 bytes MXCSR_MASK tells AMD, and what the other layouts leave over tells the rest."""
    by_mask, by_rest = "MXCSR_MASK is", "the other layouts leave data outside of any component"
    for cpu, mask, why in (
        ("genoa", 0x2FFFF, by_mask),
        ("ice-lake", 0xFFFF, by_mask),
        ("genoa", 0, by_rest),
    ):
        saved = image(cpu, 0xE7, size=4096, kind=Kind.KVM, xcr0=0xE7, mask=mask, fill=0x11)
        found = recover(saved, known=KNOWN)
        assert found.certainty is Certainty.LIKELY
        assert found.why.startswith(why)
        assert cpu in found.fits
        assert found.layout[6].offset == PART[cpu].standard[6].offset


def test_without_traces_it_is_a_guess() -> None:
    """Where nothing tells two layouts apart, the caller is asked for the CPU."""
    saved = image("genoa", 0x200, size=4096, kind=Kind.KVM, xcr0=0x2E7)
    found = recover(saved, known=KNOWN)
    assert found.certainty is Certainty.GUESS
    assert found.why.endswith("name the CPU")
    given = recover(saved, Candidate("genoa", PART["genoa"]), KNOWN)
    assert (given.certainty, given.layout[9].offset) == (Certainty.GIVEN, 2432)


def test_what_the_given_cpu_lacks_has_no_place() -> None:
    """A CPU that has not all components of the image places the others."""
    found = recover(image("genoa", 0x207), Candidate("haswell", PART["haswell"]))
    assert found.certainty is Certainty.PARTLY
    assert 9 not in found.layout
    assert found.layout[2].offset == 576
    assert found.why == "haswell has no PKRU"


def test_a_compacted_layout_follows_from_xcomp_bv() -> None:
    """Offsets of a compacted image are those of its XCOMP_BV, with XTILEDATA aligned to 64."""
    found = recover(image("sapphire-rapids", 0x60207, compacted=True), known=KNOWN)
    assert found.certainty is Certainty.FITS
    assert [found.layout[index].offset for index in (2, 9, 17, 18)] == [576, 832, 896, 960]
    assert "sandy-bridge" not in recover(image("haswell", 7, compacted=True), known=KNOWN).fits


def test_the_size_of_a_compacted_image_decides() -> None:
    """Rome's PKRU of 64 bytes is told by where the area ends, in the compacted format, too."""
    found = recover(image("rome", 0x207, compacted=True), known=KNOWN)
    assert (found.fits, found.layout[9].size) == (("rome",), 64)


def test_a_component_of_no_known_cpu() -> None:
    """Components that no processor has together are placed only as far as all agree."""
    area = bytearray(8192)
    write(area, xstate_bv=1 << 62 | 1 << 9 | 1 << 2)
    found = recover(Saved(bytes(area)), known=KNOWN)
    assert found.certainty is Certainty.PARTLY
    assert found.layout[2].offset == 576
    assert 9 not in found.layout


def test_a_compacted_image_stops_at_what_has_no_size() -> None:
    """Behind a component whose size is not known nothing has a known place."""
    area = bytearray(4096)
    write(area, xstate_bv=0, xcomp_bv=1 << 2 | 1 << 30 | 1 << 62, compacted=True)
    found = recover(Saved(bytes(area)), known=KNOWN)
    assert found.certainty is Certainty.PARTLY
    assert sorted(found.layout) == [2]


def test_what_is_not_saved_needs_no_place() -> None:
    """Layouts that differ only in what is initial are no reason to guess; that then has no place."""
    found = recover(image("genoa", 0x7, size=4096, kind=Kind.KVM, xcr0=0xE7), known=KNOWN)
    assert found.certainty is Certainty.FITS
    assert sorted(found.layout) == [0, 1, 2]


SIZES = [
    (0x2FF, 2696, "skylake-sp", 1152),
    (0x2E7, 2440, "genoa", 896),
    (0xE7, 2688, "knights-landing", 1152),
    (0xE7, 2432, "genoa", 896),
    (0x602E7, 11008, "sapphire-rapids", 1152),
    (0x1F, 1088, "skylake-client", None),
    (0x207, 896, "rome", None),
    (0x7, 832, "haswell", None),
]


@pytest.mark.parametrize(("xcr0", "size", "cpu", "zmm"), SIZES)
def test_a_kernel_s_mask_and_the_size_tell_the_layout(
    xcr0: int, size: int, cpu: str, zmm: int | None
) -> None:
    """The pairs that debuggers know by heart, and those that they do not (tiles, Rome's PKRU)."""
    found = recover(image(cpu, xcr0, size=size, kind=Kind.ELF, xcr0=xcr0), known=KNOWN)
    assert found.certainty is Certainty.FITS
    assert cpu in found.fits
    assert (found.layout[6].offset if 6 in found.layout else None) == zmm


def test_a_signal_frame() -> None:
    """The area of a signal frame ends where the frame says, and its mask lies 8 bytes later."""
    area = bytearray(image("genoa", 0x2E7).area) + b"EPXF" + bytes(100)
    area[464:468], area[472:474] = b"SXPF", (0x2E7).to_bytes(2, "little")
    area[480:484] = (2440).to_bytes(4, "little")
    (saved,) = read_bytes(bytes(area))
    assert (len(saved.area), saved.xcr0, saved.by_a_kernel) == (2440, 0x2E7, True)
    assert "genoa" in recover(saved, known=KNOWN).fits


def test_behind_what_the_given_cpu_lacks_nothing_has_a_place() -> None:
    """In the compacted format a component of unknown size moves all that follow it."""
    area = bytearray(2048)
    write(area, xstate_bv=0, xcomp_bv=1 << 2 | 1 << 3 | 1 << 5, compacted=True)
    found = recover(Saved(bytes(area)), Candidate("genoa", PART["genoa"]))
    assert found.certainty is Certainty.PARTLY
    assert sorted(found.layout) == [2]


@pytest.mark.parametrize("value", [0x6, 0x3, 0x807, 1 << 63 | 7])
def test_a_mask_that_cannot_be_xcr0_is_not_believed(value: int) -> None:
    """At byte 464 a mask without x87, without what is saved, or with supervisor state is no XCR0."""
    assert image("haswell", 0x7, xcr0=value).xcr0 == 0
    assert image("haswell", 0x7, xcr0=0x7).xcr0 == 7
