# SPDX-License-Identifier: Apache-2.0
"""xcr0_cpuid_test.c: the XCR0 that KVM supports can be enabled as it is, and nothing else can."""

from __future__ import annotations

from collections.abc import Iterator

from xsavvy.isa.components import AMX, AVX, AVX512, MPX, SSE, X87
from xsavvy.kvm.rules import CR4_OSXSAVE
from xsavvy.live.maintainers.case import GP, OK, Case, OneOf, Step, Table
from xsavvy.live.maintainers.features import Features

from .project import FOLDER, NAME

__all__ = ["XCR0_CPUID"]

ENABLE = Step("MOV CR4", (CR4_OSXSAVE, 0), OK)


def cases(features: Features) -> Iterator[Case]:
    """Give the cases for the components that a KVM supports."""
    supported = features.processor.xcr0_supported
    yield Case("all that is supported can be enabled together", (Step("XCR0 usable", (), 1),))
    for name, alone, needed in (("AVX", AVX, SSE), ("AVX-512", AVX512, SSE | AVX)):
        together = alone | needed
        fewer = tuple(value for value in _subsets(together) if value & alone != alone)
        yield Case(
            f"{name} is supported only with what it needs",
            (Step("XCR0 supported", (together,), OneOf((*fewer, together))),),
        )
    for name, mask in (("MPX", MPX), ("AVX-512", AVX512), ("AMX", AMX)):
        yield Case(
            f"{name} is supported whole or not at all",
            (Step("XCR0 supported", (mask,), OneOf((0, mask))),),
        )
    yield Case(
        "XCR0 is what the VMM has set, here all that is supported",
        (Step("KVM_SET_XCRS", (supported,), 0), ENABLE, Step("XGETBV", (0,), supported)),
    )
    yield Case("XCR0 takes x87 alone", (ENABLE, Step("XSETBV", (0, X87), OK)))
    yield Case("XCR0 takes all that is supported", (ENABLE, Step("XSETBV", (0, supported), OK)))
    for bit in range(64):
        if not supported >> bit & 1:
            value = supported | 1 << bit
            yield Case(f"XCR0 does not take bit {bit}", (ENABLE, Step("XSETBV", (0, value), GP)))


def _subsets(mask: int) -> Iterator[int]:
    value = mask
    while value:
        yield value
        value = (value - 1) & mask
    yield 0


XCR0_CPUID = Table(
    NAME,
    FOLDER + "xcr0_cpuid_test.c",
    "1f2bbbbbda57",
    cases,
    rules=(
        "isa.registers.xcr0_ok", "isa.access.plan_xsetbv", "kvm.ioctls.set_xcrs_errno",
        "kvm.acceptance.supported_xcr0",
    ),
    needs=("XSAVE",),
)  # fmt: skip
