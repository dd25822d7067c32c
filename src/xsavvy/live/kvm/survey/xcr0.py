# SPDX-License-Identifier: Apache-2.0
"""KVM_SET_XCRS: every pair of bits, random masks, and the form of the call."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from typing import Any

from xsavvy.isa.components import AVX, SSE, X87
from xsavvy.kvm import Kernel
from xsavvy.live.kvm import rules
from xsavvy.live.kvm.facts import Facts
from xsavvy.live.kvm.question import Claim, Question

from .guestcpuid import BITS, leaf_d, shown_xcr0

__all__ = ["xcr0_masks"]


def xcr0_masks(facts: Facts, rng: random.Random, masks: int) -> Iterator[Question]:
    """Ask which values of XCR0 are accepted under four CPUIDs, and which forms of the call."""
    directed = [0, *BITS, *(one | other for one in BITS for other in BITS)]
    for guest in dict.fromkeys((facts.supported_xcr0, X87 | SSE | AVX, X87 | SSE, 0)):
        values = [*directed, *(_mask(rng) for _ in range(masks // 4))]
        for start in range(0, len(values), 250):
            yield _xcrs_question(guest, values[start : start + 250])
    yield Question(
        "xcrs",
        [
            ["set_cpuid", leaf_d(facts.supported_xcr0)],
            ["set_xcrs", [[0, 3]], 1, 1],
            ["set_xcrs", [[0, 3]], 0, 17],
            ["set_xcrs", [], 0, 0],
            ["set_xcrs", [[1, 0xFFFF]], 0, 1],
            ["set_xcrs", [[1, 0xFFFF], [0, 3]], 0, 2],
            ["get_xcr0"],
            ["set_xcrs", [[0, 1], [0, 0xFFFF]], 0, 2],
            ["get_xcr0"],
        ],
        lambda answers, _facts, _kernel: [
            Claim("KVM_SET_XCRS with flags", -22, answers[1]),
            Claim("KVM_SET_XCRS with 17 entries", -22, answers[2]),
            Claim("KVM_SET_XCRS without entries", 0, answers[3]),
            Claim("KVM_SET_XCRS of XCR1 alone", 0, answers[4]),
            Claim("KVM_SET_XCRS of XCR1, then XCR0", [0, 3], [answers[5], answers[6]]),
            Claim("KVM_SET_XCRS of XCR0 twice: the first counts", [0, 1], [answers[7], answers[8]]),
        ],
    )


def _mask(rng: random.Random) -> int:
    return sum(bit for bit in BITS if rng.random() < 0.4) | (1 if rng.random() < 0.8 else 0)


def _xcrs_question(guest: int, values: list[int]) -> Question:
    calls: list[list[Any]] = [["set_cpuid", leaf_d(guest)], ["get_cpuid"]]
    for value in values:
        calls += [["set_xcrs", [[0, 1]], 0, 1], ["set_xcrs", [[0, value]], 0, 1], ["get_xcr0"]]

    def judge(answers: Sequence[Any], facts: Facts, kernel: Kernel) -> list[Claim]:
        given = shown_xcr0(answers[1])
        claims = []
        for place, value in enumerate(values):
            expected = rules.set_xcrs_errno(value, given, facts, kernel)
            kept = value if expected == 0 else 1
            seen = [answers[3 + 3 * place], answers[4 + 3 * place]]
            what = f"KVM_SET_XCRS of {value:#x}, guest CPUID {given:#x}"
            claims.append(Claim(what, [-expected, kept], seen))
        return claims

    return Question("xcrs", calls, judge)
