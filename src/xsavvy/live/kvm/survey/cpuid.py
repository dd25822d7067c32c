# SPDX-License-Identifier: Apache-2.0
"""KVM_SET_CPUID2: what is accepted, and what comes back."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from xsavvy.isa.components import AVX, OPMASK, SSE, X87, XTILECFG, XTILEDATA
from xsavvy.kvm import Kernel
from xsavvy.live.kvm.facts import Facts
from xsavvy.live.kvm.question import Claim, Question

from .guestcpuid import leaf_d, shown_xcr0

__all__ = ["guest_cpuid"]


def guest_cpuid(facts: Facts) -> Iterator[Question]:
    """Ask which CPUID is accepted, and whether it comes back as it was set."""
    own = facts.supported_xcr0
    cases = [
        ("everything that KVM offers", leaf_d(own), 0),
        ("x87 and SSE alone", leaf_d(X87 | SSE), 0),
        ("components that the host lacks", leaf_d(0x2FF), 0),
        ("AVX-512 in part", leaf_d(X87 | SSE | AVX | OPMASK), 0),
        ("no x87", leaf_d(SSE), 0),
        ("TILECFG without TILEDATA", leaf_d(X87 | SSE | XTILECFG), 0),
        ("TILEDATA without a permission", leaf_d(X87 | SSE | XTILECFG | XTILEDATA), -1),
        ("nothing at all", [], 0),
        ("48 address bits", [[0x80000008, 0, 0, 0x3030, 0, 0, 0]], 0),
        ("57 address bits", [[0x80000008, 0, 0, 0x3930, 0, 0, 0]], 0),
        ("47 address bits", [[0x80000008, 0, 0, 0x2F30, 0, 0, 0]], -22),
        ("257 entries", [[each, 0, 0, 0, 0, 0, 0] for each in range(257)], -7),
        ("256 entries", [[each, 0, 0, 0, 0, 0, 0] for each in range(256)], 0),
    ]
    for text, entries, expected in cases:

        def judge(
            answers: Sequence[Any],
            _facts: Facts,
            _kernel: Kernel,
            text: str = text,
            entries: list[list[int]] = entries,
            expected: int = expected,
        ) -> list[Claim]:
            claims = [Claim(f"KVM_SET_CPUID2 with {text}", expected, answers[0])]
            if expected == 0 and answers[0] == 0 and entries:
                kept = hex(shown_xcr0(answers[1]))
                claims.append(Claim(f"KVM_GET_CPUID2 after {text}", hex(shown_xcr0(entries)), kept))
            return claims

        yield Question("cpuid", [["set_cpuid", entries], ["get_cpuid"]], judge)
