# SPDX-License-Identifier: Apache-2.0
"""Guest models, as people and VMMs write them."""

from __future__ import annotations

import pytest

from xsavvy.cpuid import write_raw
from xsavvy.cpuid.presets import PRESETS
from xsavvy.kvm import kernel
from xsavvy.migrate import BadGuest, Host, guest_of, offered_guest

SPR = Host("sapphire-rapids", PRESETS["sapphire-rapids"].table, kernel("v6.18"))
MODELS = [
    ("plain", 0, 0, ""),
    ("xsave", 0x3, 0, "xsave"),
    ("avx", 0x7, 0, "avx xsave"),
    ("avx,pku", 0x207, 0, "avx pku xsave"),
    ("+avx,+avx512f,-pku", 0xE7, 0, "avx avx512f xsave"),
    ("avx=on,amx-tile=on", 0x60007, 0, "amx_tile avx xfd xsave"),
    ("avx,shstk", 0x7, 0x1800, "avx cet_ss xsave xsaves"),
    ("xcr0=0x207", 0x207, 0, "avx pku xsave"),
    ("xcr0=0x7,xss=0x1800", 0x7, 0x1800, "avx cet_ss xsave xsaves"),
    ("host,-xsave", 0, 0, ""),
    ("host,-avx,-cet,-amx,-pku,-xfd,-xsaves", 0x3, 0, "xgetbv1 xsave xsavec xsaveopt"),
    (
        "max,-cet,amx_tile=off,xfd=off",
        0x2E7,
        0,
        "avx avx512f pku xgetbv1 xsave xsavec xsaveopt xsaves",
    ),
    (
        "-cpu host,-ibt,-xfd",
        0x2E7,
        0x1800,
        "avx avx512f cet_ss pku xgetbv1 xsave xsavec xsaveopt xsaves",
    ),
]


@pytest.mark.parametrize(("text", "xcr0", "xss", "features"), MODELS)
def test_words(text: str, xcr0: int, xss: int, features: str) -> None:
    """Features bring what they need, and take along what needs them."""
    found = guest_of(text, SPR)
    assert (hex(found.xcr0), hex(found.xss)) == (hex(xcr0), hex(xss))
    assert " ".join(sorted(found.features)) == features


def test_host_is_all_that_is_offered() -> None:
    """Without a word more."""
    found = guest_of("host", SPR)
    assert (found.xcr0, found.xss) == (0x602E7, 0x1800)
    assert found.features == offered_guest(SPR).features


CUSTOM = """<cpu mode='custom'><model>qemu64</model><feature policy='require' name='xsave'/>
<feature policy='require' name='avx'/><feature name='svm'/></cpu>"""
HOST_MODEL = """<cpu mode='host-model'><feature policy='disable' name='amx-tile'/>
<feature policy='disable' name='xfd'/></cpu>"""
PASSTHROUGH = (
    """<domain><cpu mode='host-passthrough'><feature policy='forbid' name='pku'/></cpu></domain>"""
)
LIBVIRT = [(CUSTOM, 0x7, 0), (HOST_MODEL, 0x2E7, 0x1800), (PASSTHROUGH, 0x600E7, 0x1800)]


@pytest.mark.parametrize(("text", "xcr0", "xss"), LIBVIRT)
def test_libvirts_element(text: str, xcr0: int, xss: int) -> None:
    """A custom model starts from nothing, the others from what the host offers; other features do not matter."""
    found = guest_of("cpu.xml", SPR, text.encode())
    assert (hex(found.xcr0), hex(found.xss)) == (hex(xcr0), hex(xss))


@pytest.mark.parametrize(
    ("model", "features", "known"),
    [
        ("Skylake-Server-IBRS", "", False),
        ("Skylake-Server-IBRS", "<feature policy='require' name='pku'/>", False),
        ("Haswell", "<feature name='xsave'/><feature name='avx'/>", True),
        ("Haswell", "<feature policy='disable' name='xsave'/>", True),
        ("kvm64-v1", "", True),
        ("Westmere-IBRS", "", True),
        ("", "<feature name='avx'/>", True),
    ],
)
def test_a_model_alone_does_not_say_what_a_guest_has(
    model: str, features: str, known: bool
) -> None:
    """A model with AVX-512 whose features are not written out is refused, not taken for a guest without any."""
    text = f"<domain><cpu mode='custom'><model fallback='forbid'>{model}</model>{features}</cpu></domain>"
    if known:
        assert guest_of("cpu.xml", SPR, text.encode()).xcr0 in {0, 0x7}
        return
    with pytest.raises(BadGuest, match=r"cpu\.xml: the features of model 'Skylake-Server-IBRS'"):
        guest_of("cpu.xml", SPR, text.encode())


def test_a_mask_has_64_bits() -> None:
    """No register holds more."""
    with pytest.raises(BadGuest, match="a mask of 64 bits"):
        guest_of(f"xcr0={1 << 64:#x}", SPR)


def test_a_dump_taken_in_a_guest() -> None:
    """Its leaf 0xD and features are the model."""
    found = guest_of("guest.txt", SPR, write_raw(PRESETS["genoa-guest"].table).encode())
    assert (found.xcr0, found.xss, found.has("pku")) == (0xE7, 0x1800, False)


TEMPLATE = (
    '{"cpuid_modifiers": [{"leaf": "0xd", "subleaf": "0x0", "flags": 1, "modifiers": [{"register": "eax",'
    ' "bitmap": "0bxxxx_xxxx_xxxx_x00x_xxxx_xx0x_xxxx_xxxx"}]}], "msr_modifiers": []}'
)


def test_a_template_changes_what_is_offered() -> None:
    """0 takes a bit, x leaves it as KVM offers it, not as the processor has it."""
    found = guest_of("t.json", SPR, TEMPLATE.encode())
    assert (hex(found.xcr0), hex(found.xss)) == ("0xe7", "0x1800")
    old = Host("old", SPR.table, kernel("v5.10"))
    assert guest_of("t.json", old, TEMPLATE.encode()).xss == 0


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("avx1024", "avx1024"),
        ("", "empty"),
        ("Skylake-Server", "other features"),
        ("xcr0=abc", "xcr0"),
    ],
)
def test_what_is_no_model_is_refused(text: str, message: str) -> None:
    """With what was expected."""
    with pytest.raises(BadGuest, match=message):
        guest_of(text, SPR)
