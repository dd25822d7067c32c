# SPDX-License-Identifier: Apache-2.0
"""Tiny guests: XSETBV and CPUID in a guest, and what is frozen once a guest has run."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from xsavvy.isa.components import SSE, X87
from xsavvy.isa.masks import xcr0_ok
from xsavvy.kvm import Kernel
from xsavvy.kvm.rules import CR4_OSXSAVE
from xsavvy.live.kvm.code import CPUID, XSETBV, program
from xsavvy.live.kvm.facts import Facts
from xsavvy.live.kvm.question import Claim, Question

from .guestcpuid import leaf_d, shown_xcr0, spans

__all__ = ["tiny_guests"]

GP, UD = 13, 6
HLT = 5


def tiny_guests(facts: Facts) -> Iterator[Question]:
    """Ask guests of a few instructions: XSETBV legal and illegal, CPUID after XCR0 was set, a second KVM_SET_CPUID2."""
    own = facts.supported_xcr0
    for value in dict.fromkeys((1, 3, 7, own, 2, 5, own | 1 << 62, 0)):
        yield _xsetbv(own, value, CR4_OSXSAVE)
    yield _xsetbv(own, 3, 0)
    for value in dict.fromkeys((1, 3, 7, own)):
        if value & ~own == 0:
            yield _cpuid_in_guest(own, value, facts)
    yield _frozen(own)


def _xsetbv(guest: int, value: int, cr4: int) -> Question:
    def judge(answers: Sequence[Any], facts: Facts, _kernel: Kernel) -> list[Claim]:
        given = shown_xcr0(answers[1])
        vector = -1 if cr4 and xcr0_ok(value, given & facts.supported_xcr0 | X87) else GP
        if not cr4:
            vector = UD
        kept = value if vector == -1 else 1
        reason, taken, _ = answers[3]
        what = f"guest XSETBV({value:#x}), CR4.OSXSAVE={int(cr4 != 0)}, CPUID {given:#x}"
        return [Claim(what, [HLT, vector, hex(kept)], [reason, taken, hex(answers[4])])]

    calls: list[list[Any]] = [["set_cpuid", leaf_d(guest)], ["get_cpuid"], ["set_cr4", cr4]]
    calls += [["run", program(XSETBV, eax=value & 0xFFFFFFFF, edx=value >> 32)], ["get_xcr0"]]
    return Question("guest", calls, judge)


def _cpuid_in_guest(guest: int, value: int, facts: Facts) -> Question:
    """Ask a guest for the size that CPUID (0xD,0).EBX says after XCR0 was set: a function of XCR0 alone (P23)."""
    size = 576
    for index, (start, length) in spans(facts).items():
        if index > 1 and value >> index & 1:
            size = max(size, start + length)

    def judge(answers: Sequence[Any], _facts: Facts, _kernel: Kernel) -> list[Claim]:
        reason, taken, registers = answers[4]
        seen = registers[1] if registers else None
        return [
            Claim(
                f"CPUID (0xD,0).EBX in a guest with XCR0={value:#x}",
                [HLT, -1, size],
                [reason, taken, seen],
            )
        ]

    entries = leaf_d(guest)
    subleaves = [
        [0xD, index, 1, eax, ebx, ecx, edx]
        for (leaf, index), (eax, ebx, ecx, edx) in sorted(facts.supported.items())
        if leaf == 0xD and index > 1
    ]
    calls: list[list[Any]] = [
        ["set_cpuid", [*entries, *subleaves]],
        ["get_cpuid"],
        ["set_cr4", CR4_OSXSAVE],
    ]
    calls += [["set_xcrs", [[0, value]], 0, 1], ["run", program(CPUID, eax=0xD)]]
    return Question("guest", calls, judge)


def _frozen(guest: int) -> Question:
    """After the first entry only the same CPUID is accepted."""
    entries = leaf_d(guest)
    other = leaf_d(X87 | SSE)
    calls: list[list[Any]] = [
        ["set_cpuid", entries],
        ["run", program(CPUID, eax=0)],
        ["set_cpuid", entries],
        ["set_cpuid", other],
        ["set_cpuid", entries[:-1]],
    ]

    def judge(answers: Sequence[Any], _facts: Facts, _kernel: Kernel) -> list[Claim]:
        return [
            Claim("KVM_SET_CPUID2 after KVM_RUN with the same CPUID", 0, answers[2]),
            Claim("KVM_SET_CPUID2 after KVM_RUN with another one", -22, answers[3]),
            Claim("KVM_SET_CPUID2 after KVM_RUN with fewer entries", -22, answers[4]),
        ]

    return Question("frozen", calls, judge)
