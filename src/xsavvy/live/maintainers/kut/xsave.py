# SPDX-License-Identifier: Apache-2.0
"""x86/xsave.c: CR4.OSXSAVE, XGETBV and XSETBV."""

from __future__ import annotations

from collections.abc import Iterator

from xsavvy.isa.components import AVX, SSE, X87
from xsavvy.kvm.rules import CR4_OSXSAVE
from xsavvy.live.maintainers.case import GP, OK, UD, Case, Step, Table
from xsavvy.live.maintainers.features import Features

from .project import NAME, REVISION

__all__ = ["XSAVE"]

FPSSE = X87 | SSE
ALIAS = 0x1234_5678 << 32
"""Bits of RCX that XGETBV and XSETBV ignore; the test takes the time stamp counter's."""
ENABLE = Step("MOV CR4", (CR4_OSXSAVE, 0), OK)


def cases(features: Features) -> Iterator[Case]:
    """Give the cases for a guest with or without XSAVE."""
    yield Case(
        "with CR4.OSXSAVE=0 CPUID does not show it and the instructions are invalid",
        (
            Step("MOV CR4", (0, CR4_OSXSAVE)),
            Step("CPUID OSXSAVE", (), 0),
            Step("XGETBV", (0,), UD),
            Step("XSETBV", (0, FPSSE), UD),
        ),
    )
    if not features.has("XSAVE"):
        yield Case(
            "without XSAVE, CR4.OSXSAVE cannot be set", (Step("MOV CR4", (CR4_OSXSAVE, 0), GP),)
        )
        return
    yield from _with_xsave(features)


def _with_xsave(features: Features) -> Iterator[Case]:
    supported = features.processor.xcr0_supported
    yield Case("x87 and SSE are always supported", (Step("XCR0 supported", (FPSSE,), FPSSE),))
    yield Case(
        "CPUID shows CR4.OSXSAVE as it is",
        (
            ENABLE,
            Step("CPUID OSXSAVE", (), 1),
            Step("MOV CR4", (0, CR4_OSXSAVE), OK),
            Step("CPUID OSXSAVE", (), 0),
        ),
    )
    legal = [X87, FPSSE] + ([FPSSE | AVX] if supported & AVX else [])
    for value in legal:
        yield Case(
            f"XCR0={value:#x} is accepted and read back, also if RCX[63:32] is not 0",
            (
                ENABLE,
                Step("XSETBV", (ALIAS, value), OK),
                Step("XGETBV", (ALIAS,), value),
                Step("XGETBV", (0,), value),
                Step("XSETBV", (0, value), OK),
                Step("XGETBV", (0,), value),
            ),
        )
    illegal = [0, SSE] + ([AVX, X87 | AVX] if supported & AVX else [])
    for value in illegal:
        yield Case(f"XCR0={value:#x} is refused", (ENABLE, Step("XSETBV", (0, value), GP)))
    for index in range(1, 64):
        yield Case(f"there is no XCR{index}", (ENABLE, *_refused(index)))
        if index < 32:
            yield Case(f"there is no XCR{1 << index:#x}", (ENABLE, *_refused(1 << index)))


def _refused(index: int) -> Iterator[Step]:
    """XGETBV(1) reads XINUSE where the processor has it, so that nothing is asserted of it."""
    if index != 1:
        yield Step("XGETBV", (index,), GP)
    yield Step("XSETBV", (index, X87), GP)
    yield Step("XSETBV", (index, FPSSE), GP)


XSAVE = Table(
    NAME,
    "x86/xsave.c",
    REVISION,
    cases,
    rules=(
        "isa.access.plan_xgetbv",
        "isa.access.plan_xsetbv",
        "isa.registers.xcr0_ok",
        "kvm.registers.cr4_errno",
        "kvm.registers.cpuid_osxsave",
    ),
    left_out=(
        (
            "VMOVDQA and VMOVNTDQ{A} between all pairs of YMM registers, native and emulated by KVM",
            "no rule here says what KVM's emulator does to a register's value; natively it is a move",
        ),
    ),
)
