# SPDX-License-Identifier: Apache-2.0
"""What KVM says that it can do; answered by the facts themselves."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from xsavvy.isa.components import AMX
from xsavvy.kvm import Kernel
from xsavvy.live.kvm import rules
from xsavvy.live.kvm.facts import CAP_XCRS, CAP_XSAVE, CAP_XSAVE2, Facts
from xsavvy.live.kvm.question import Claim, Question

__all__ = ["MSRS", "capabilities"]

MSRS = {"IA32_XSS": 0xDA0, "IA32_XFD": 0x1C4, "IA32_XFD_ERR": 0x1C5, "IA32_U_CET": 0x6A0}


def capabilities(facts: Facts) -> Iterator[Question]:
    """Ask whether capabilities, sizes and lists follow from what the host has enabled."""

    def judge(_answers: Sequence[Any], facts: Facts, kernel: Kernel) -> list[Claim]:
        size = _standard_size(facts)
        offered = rules.offered_xcr0(facts.xcr0, facts)
        return [
            Claim("KVM_CHECK_EXTENSION(KVM_CAP_XSAVE)", 1, facts.extensions[CAP_XSAVE]),
            Claim("KVM_CHECK_EXTENSION(KVM_CAP_XCRS)", 1, facts.extensions[CAP_XCRS]),
            Claim(
                "KVM_CHECK_EXTENSION(KVM_CAP_XSAVE2)", max(4096, size), facts.extensions[CAP_XSAVE2]
            ),
            Claim("KVM_X86_XCOMP_GUEST_SUPP", hex(offered), hex(facts.attribute[1] & ~AMX)),
            Claim("KVM_GET_SUPPORTED_CPUID (0xD,0) XCR0", hex(offered), hex(facts.supported_xcr0)),
            Claim("KVM_GET_SUPPORTED_CPUID (0xD,0).EBX", size, facts.supported[0xD, 0][1]),
            Claim("KVM_GET_SUPPORTED_CPUID (0xD,0).ECX", size, facts.supported[0xD, 0][2]),
            Claim("subleaves of 0xD", _indices(offered | facts.supported_xss), _subleaves(facts)),
            *_listed(facts, kernel),
        ]

    if (0xD, 0) in facts.supported:
        yield Question("capabilities", [["check_extension", CAP_XSAVE]], judge)


def _indices(mask: int) -> list[int]:
    return [index for index in range(2, 63) if mask >> index & 1]


def _subleaves(facts: Facts) -> list[int]:
    return sorted(index for leaf, index in facts.supported if leaf == 0xD and index > 1)


def _standard_size(facts: Facts) -> int:
    """Return how far the standard form reaches, by the subleaves that KVM shows."""
    reach = 576
    for (leaf, index), (eax, ebx, ecx, _) in facts.supported.items():
        if leaf == 0xD and index > 1 and not ecx & 1:
            reach = max(reach, eax + ebx)
    return reach


def _listed(facts: Facts, kernel: Kernel) -> list[Claim]:
    features = facts.supported.get((0xD, 1), (0, 0, 0, 0))[0]
    _, _, ecx7, edx7 = facts.supported.get((7, 0), (0, 0, 0, 0))
    listed = {
        "IA32_XFD": bool(features & 16),
        "IA32_XSS": "c0a5f2989122" in kernel and facts.supported_xss != 0,
        "IA32_U_CET": bool(ecx7 >> 7 & 1 or edx7 >> 20 & 1),
    }
    return [
        Claim(f"{name} in KVM_GET_MSR_INDEX_LIST", told, MSRS[name] in facts.msrs)
        for name, told in listed.items()
    ]
