# SPDX-License-Identifier: Apache-2.0
"""C enumerations of components: right numbers are silent, counted-on ones are found."""

from __future__ import annotations

import pytest

from xsavvy.cpuid.enumeration import enumeration_findings, recognises_enumeration

# The shape of criu's compel/arch/x86/src/lib/include/uapi/asm/fpu.h, in other words.
COUNTED_ON = """
enum xfeature {
    XFEATURE_FP, XFEATURE_SSE, /* legacy, and above: */ XFEATURE_YMM, XFEATURE_BNDREGS,
    XFEATURE_BNDCSR, XFEATURE_OPMASK, XFEATURE_ZMM_Hi256, XFEATURE_Hi16_ZMM, XFEATURE_PT,
    XFEATURE_PKRU, XFEATURE_HDC, // last
    XFEATURE_MAX,
};
#define XFEATURE_MASK_PT (1 << XFEATURE_PT)
#define XFEATURE_MASK_SUPERVISOR (XFEATURE_MASK_PT | XFEATURE_HDC)
"""
RIGHT = """
enum xfeature {
    XFEATURE_FP = 0, XFEATURE_SSE, XFEATURE_YMM, XFEATURE_PKRU = 9, XFEATURE_PASID,
    XFEATURE_CET_USER, XFEATURE_CET_KERNEL, XFEATURE_HDC, XFEATURE_XTILE_CFG = 0x11,
    XFEATURE_XTILE_DATA,
};
#define XFEATURE_MASK_FP (1 << XFEATURE_FP)
"""


def test_a_number_that_was_counted_on() -> None:
    """A list that goes on with HDC after PKRU gives it PASID's number; a mask has the number as a bit."""
    found = list(enumeration_findings(COUNTED_ON))
    assert [(each.rule, each.found, each.expected) for each in found] == [
        ("component-number", 10, "13"),
        ("number-as-mask", 10, "1 << 13"),
    ]
    assert "HDC state is component 13" in found[0].sentence


def test_right_numbers_are_silent() -> None:
    """An enumeration with the processor's numbers has no finding."""
    assert recognises_enumeration(RIGHT)
    assert list(enumeration_findings(RIGHT)) == []


@pytest.mark.parametrize(
    "text",
    ["", "enum color { RED, GREEN };", "enum x { XFEATURE_FP, XFEATURE_SSE };", "enum x { A = f(1) };",
     "/*" * 200_000, "enum {" * 50_000, "#define MASK " + "\\\n" * 50_000],
    ids=range(7),
)  # fmt: skip
def test_other_text_is_not_taken_for_one(text: str) -> None:
    """Text without four components is no enumeration, and costs no more than its length."""
    assert not recognises_enumeration(text)
    assert list(enumeration_findings(text)) == []
