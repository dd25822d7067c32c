# SPDX-License-Identifier: Apache-2.0
"""The CPUID that a guest is given for a question, and what KVM made of it."""

from __future__ import annotations

from typing import Any

from xsavvy.isa.components import (
    AVX,
    BNDCSR,
    BNDREGS,
    HI16_ZMM,
    OPMASK,
    PKRU,
    SSE,
    X87,
    XTILECFG,
    XTILEDATA,
    ZMM_HI256,
)
from xsavvy.live.kvm.facts import Facts

__all__ = ["BITS", "leaf_d", "shown_xcr0", "spans"]

BITS = (
    X87, SSE, AVX, BNDREGS, BNDCSR, OPMASK, ZMM_HI256, HI16_ZMM, 1 << 8, PKRU, 1 << 10, 1 << 11,
    1 << 12, XTILECFG, XTILEDATA, 1 << 19, 1 << 62, 1 << 63,
)  # fmt: skip
"""Bits of XCR0 and of XSTATE_BV that are tried: every component with a name, and two without."""
BASE_LEAVES = [[0, 0, 0, 0xD, 0, 0, 0], [1, 0, 0, 0xA00F11, 0x800, 1 << 26, 0x07808111]]


def leaf_d(xcr0: int, *, xss: int = 0, features: int = 0, xsave: bool = True) -> list[list[int]]:
    """Return a guest's CPUID with these components in leaf 0xD."""
    leaves = [list(each) for each in BASE_LEAVES]
    if not xsave:
        leaves[1][5] = 0
    low, high = xcr0 & 0xFFFFFFFF, xcr0 >> 32
    leaves.append([0xD, 0, 1, low, 0, 0, high])
    if features or xss:
        leaves.append([0xD, 1, 1, features, 0, xss & 0xFFFFFFFF, xss >> 32])
    return leaves


def shown_xcr0(entries: Any) -> int:
    """Return the components of leaf 0xD as KVM_GET_CPUID2 shows them: what the guest is given in truth."""
    found = [e for e in entries if (e[0], e[1]) == (0xD, 0)] if isinstance(entries, list) else []
    return (found[0][6] << 32 | found[0][3]) if found else 0


def spans(facts: Facts) -> dict[int, list[int]]:
    """Return where each component lies: x87 and SSE, and what KVM shows of leaf 0xD."""
    found = {0: [32, 128], 1: [160, 256]}
    for (leaf, index), (eax, ebx, ecx, _) in sorted(facts.supported.items()):
        if leaf == 0xD and index > 1 and not ecx & 1 and ebx + eax <= 4096:
            found[index] = [ebx, eax]
    return found
