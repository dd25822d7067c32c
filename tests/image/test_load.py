# SPDX-License-Identifier: Apache-2.0
"""Who would take an image, and why not: XRSTOR, XRSTORS, and KVM_SET_XSAVE of many kernels."""

from __future__ import annotations

import struct

import pytest

from tests.image.core import KNOWN, PART
from xsavvy.image.file import Kind, Saved
from xsavvy.image.header import write
from xsavvy.image.load import Verdict, would_load
from xsavvy.image.recover import recover
from xsavvy.image.view import view
from xsavvy.isa import Instruction
from xsavvy.isa.components import AVX, CET_U, PKRU, SSE, X87, XTILECFG, XTILEDATA
from xsavvy.isa.control import Control
from xsavvy.isa.processor import Processor
from xsavvy.kvm import kernel
from xsavvy.kvm.acceptance import set_xsave, supported_xcr0
from xsavvy.kvm.verdict import would_set


def image(
    size: int = 11008, *, xstate_bv: int = 7, xcomp_bv: int = 0, mxcsr: int = 0x1F80,
    compacted: bool = False, reserved: int = 0, kind: Kind = Kind.RAW,
) -> Saved:  # fmt: skip
    """An image that is zero but for its header and MXCSR."""
    area = bytearray(size)
    area[24:28] = struct.pack("<I", mxcsr)
    write(area, xstate_bv=xstate_bv, xcomp_bv=xcomp_bv, compacted=compacted)
    if reserved:
        area[512 + reserved] = 1
    return Saved(bytes(area), kind)


def asked(
    saved: Saved, cpu: str, *, xcr0: int | None = None, xss: int | None = None, xfd: int = 0,
    by: Instruction = Instruction.XRSTOR,
) -> Verdict:  # fmt: skip
    part = PART[cpu]
    control = Control(
        part.xcr0_supported if xcr0 is None else xcr0,
        part.xss_supported if xss is None else xss,
        xfd,
    )
    return would_load(saved, recover(saved, known=KNOWN), part, control, by)


AMX = X87 | XTILECFG | XTILEDATA
REFUSED = [
    ("genoa", image(2440, xstate_bv=PKRU), 0xE7, 0, "#GP(0)",
     "XSTATE_BV names PKRU, which XCR0 does not enable"),
    ("genoa", image(xcomp_bv=1), None, 0, "#GP(0)", "XCOMP_BV is 0x1, and has to be 0 in the standard format"),
    ("genoa", image(reserved=16), None, 0, "#GP(0)", "bytes 16 to 23 of the header are not 0"),
    ("genoa", image(reserved=40, compacted=True, xcomp_bv=7), None, 0, "#GP(0)",
     "bytes 16 to 63 of the header are not 0"),
    ("genoa", image(compacted=True, xcomp_bv=3), None, 0, "#GP(0)", "XSTATE_BV names AVX, which XCOMP_BV does not"),
    ("genoa", image(compacted=True, xcomp_bv=7 | CET_U), None, 0, "#GP(0)",
     "XCOMP_BV names CET_U, which XCR0 does not enable"),
    ("genoa", image(xstate_bv=1 << 63 | 7), None, 0, "#GP(0)", "XSTATE_BV has bit 63"),
    ("haswell", image(xcomp_bv=7, compacted=True), None, 0, "#GP(0)",
     "XCOMP_BV is 0x8000000000000007, and has to be 0 in the standard format"),
    ("haswell", image(mxcsr=0x21F80), None, 0, "#GP(0)", "MXCSR 0x21f80 has 0x20000, which is reserved under 0xffff"),
    ("sapphire-rapids", image(xstate_bv=AMX), None, XTILEDATA, "#NM",
     "IA32_XFD disables XTILEDATA, which XSTATE_BV has"),
    ("sapphire-rapids", image(2816, xstate_bv=AMX), None, 0, "#PF(0)",
     "the image ends at byte 2816, what it names at 11008"),
]  # fmt: skip


@pytest.mark.parametrize(("cpu", "saved", "xcr0", "xfd", "stop", "why"), REFUSED)
def test_xrstor_says_why_not(
    cpu: str, saved: Saved, xcr0: int | None, xfd: int, stop: str, why: str
) -> None:
    """Each fault comes with what it is for, and then nothing becomes anything."""
    found = asked(saved, cpu, xcr0=xcr0, xfd=xfd)
    assert not found.accepts
    assert (found.stop, found.fates) == (stop, ())
    assert why in found.why[0]


def test_xrstor_of_a_legal_image() -> None:
    """Every component is loaded, initialized or kept, and MXCSR is told apart."""
    found = asked(image(2440, xstate_bv=AVX), "genoa")
    fates = {each.component: each.becomes for each in found.fates}
    assert found.accepts
    assert found.sound
    assert (fates["AVX"], fates["X87"], fates["CET_U"], fates["MXCSR"]) == (
        "loaded", "initialized", "kept", "loaded",
    )  # fmt: skip


def test_xrstors_wants_the_compacted_format() -> None:
    """XRSTORS refuses the standard format, and initializes supervisor state that is not there."""
    assert asked(image(2440), "genoa", by=Instruction.XRSTORS).stop == "#GP(0)"
    found = asked(image(832, compacted=True, xcomp_bv=7), "genoa", by=Instruction.XRSTORS)
    assert {each.component: each.becomes for each in found.fates}["CET_U"] == "initialized"


def test_xrstors_names_the_component_whose_value_is_refused() -> None:
    """A shadow stack pointer that is not canonical is a #GP for CET_U."""
    area = bytearray(image(640, xstate_bv=CET_U, xcomp_bv=CET_U, compacted=True).area)
    area[584:592] = (1 << 62).to_bytes(8, "little")
    found = asked(Saved(bytes(area)), "sapphire-rapids", by=Instruction.XRSTORS)
    assert found.stop == "#GP(0)"
    assert found.why[0].startswith("CET_U: a register refuses the value")


def test_an_image_of_another_layout_is_not_sound() -> None:
    """An image of Intel's layout is taken by AMD's processors and read from the wrong bytes."""
    area = bytearray(image(2696, xstate_bv=PKRU | X87).area)
    area[2688] = 0x0C
    found = asked(Saved(bytes(area)), "genoa")
    assert found.accepts
    assert not found.sound
    assert "PKRU: saved at 2688, read at 2432" in found.why


def test_stale_mxcsr_is_refused_by_xrstor_and_not_by_kvm() -> None:
    """An image without state but with text where MXCSR lies faults under XRSTOR, and KVM takes it."""
    saved = image(4096, xstate_bv=0, mxcsr=0x39313638, kind=Kind.KVM)
    assert asked(saved, "genoa").stop == "#GP(0)"
    found = would_set(kernel("v6.18"), saved, recover(saved), PART["genoa"])
    assert found.accepts
    assert any("left over" in each for each in found.why)


# What a kernel's KVM takes: (XSTATE_BV, kernel, guest's XCR0, errno).
KVM = [
    (0x7, "v6.18", None, 0),
    (0x207, "v6.18", None, 0),
    (0x207, "v6.18", 0x7, 0),
    (0x207, "v6.1", 0x7, 22),
    (0x207, "v5.16", 0x7, 0),
    (0x3, "v5.17", 0x0, 22),
    (0x3, "v6.1", 0x0, 0),
    (0x60007, "v6.18", None, 0),
    (0x60007, "v6.18", 0x207, 22),
    (0x60007, "v5.16", None, 22),
    (0x80007, "v7.3", None, 22),
    (0x80007, "v3.12", None, 0),
]


@pytest.mark.parametrize(("xstate_bv", "version", "guest", "errno"), KVM)
def test_kernels_differ_in_what_they_take(
    xstate_bv: int, version: str, guest: int | None, errno: int
) -> None:
    """KVM_SET_XSAVE of each kernel, with the guest's CPUID where that counts."""
    head = image(xstate_bv=xstate_bv).header
    answer = set_xsave(kernel(version), PART["sapphire-rapids"], head, 0x1F80, guest)
    assert answer.errno == errno
    assert bool(answer.why) == bool(errno)


def test_kvm_header_and_mxcsr() -> None:
    """The compacted format, reserved bytes, bit 63 and MXCSR are refused, by kernels that look at them."""
    part, new, old = PART["haswell"], kernel("v6.18"), kernel("v4.11")
    for saved in (
        image(compacted=True, xcomp_bv=7),
        image(reserved=60),
        image(xstate_bv=1 << 63 | 7),
    ):
        assert set_xsave(new, part, saved.header, 0x1F80).errno == 22
    assert set_xsave(old, part, image(reserved=60).header, 0x1F80).errno == 0
    assert set_xsave(new, part, image().header, 0x21F80).why == ("MXCSR 0x21f80 has reserved bits",)
    assert set_xsave(new, part, image(xstate_bv=0).header, 0x21F80).errno == 0
    assert set_xsave(old, part, image().header, 0x21F80).errno == 0


def test_kvm_and_xfd() -> None:
    """Since b45f72177594 a disabled component is dropped; before, the host's next XRSTOR faults."""
    head, part = image(xstate_bv=AMX).header, PART["sapphire-rapids"]
    fixed = set_xsave(kernel("v6.18+b45f72177594"), part, head, 0x1F80, xfd=XTILEDATA)
    assert (fixed.dropped, fixed.faults_later) == (XTILEDATA, 0)
    broken = set_xsave(kernel("v6.18"), part, head, 0x1F80, xfd=XTILEDATA)
    assert (broken.dropped, broken.faults_later) == (0, XTILEDATA)
    saved = image(xstate_bv=AMX)
    for version, word in (
        ("v6.18", "the host's next XRSTOR faults"),
        ("v7.3", "the bits are dropped"),
    ):
        found = would_set(kernel(version), saved, recover(saved, known=KNOWN), part, xfd=XTILEDATA)
        assert found.accepts
        assert not found.sound
        assert word in found.why[0]


def test_kvm_keeps_pkru_apart() -> None:
    """Without its bit PKRU is kept; every other component is initialized."""
    saved = image(4096, xstate_bv=SSE, kind=Kind.KVM)
    found = would_set(kernel("v6.18"), saved, recover(saved), PART["genoa"])
    fates = {each.component: each.becomes for each in found.fates}
    assert (fates["PKRU"], fates["AVX"], fates["SSE"]) == ("kept", "initialized", "loaded")


def test_a_host_without_xsave() -> None:
    """Without XSAVE a host takes x87 and SSE alone; without PKU it gives no guest PKRU.

    SVM gave guests XCR0[9] before it gave them CPUID.PKU (37486135d3a7): `kvm_supported_xcr0()` asks no vendor.
    """
    bare = Processor(xsave=False)
    assert set_xsave(kernel("v6.18"), bare, image(xstate_bv=3).header, 0x1F80).errno == 0
    assert set_xsave(kernel("v6.18"), bare, image(xstate_bv=7).header, 0x1F80).errno == 22
    assert not supported_xcr0(kernel("v6.18"), PART["rome"]) & PKRU
    assert supported_xcr0(kernel("v5.7"), PART["skylake-sp"]) & PKRU
    assert supported_xcr0(kernel("v5.6"), PART["genoa"]) & PKRU
    assert not supported_xcr0(kernel("v4.5"), PART["genoa"]) & PKRU


def test_remarks_on_the_whole() -> None:
    """What XFD, a damaged header and tiles without a configuration mean stands beside the image."""
    for saved, words in (
        (
            image(xstate_bv=0, xcomp_bv=AMX, compacted=True),
            "disabled by IA32_XFD when it was saved",
        ),
        (image(xstate_bv=X87 | XTILEDATA), "a restore faults with #NM"),
        (image(xstate_bv=X87 | XTILEDATA), "TILECFG initial: no tile is configured"),
        (image(xstate_bv=1 << 63), "bit 63, which is never legal"),
        (image(reserved=50), "reserved bytes of the header are not 0"),
        (image(xcomp_bv=7), "bits without bit 63"),
        (image(xcomp_bv=3, compacted=True), "XSTATE_BV names AVX, which XCOMP_BV does not"),
    ):
        assert any(words in each for each in view(saved, recover(saved, known=KNOWN)).remarks), (
            words
        )
