# SPDX-License-Identifier: Apache-2.0
"""The CPUID that a guest is given for a question, and what KVM made of it."""

from __future__ import annotations

from typing import Any

from xsavvy.cpuid.processor import processor
from xsavvy.cpuid.table import Leaf, Table
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
from xsavvy.live.maintainers import Features

__all__ = ["BITS", "features_of", "leaf_d", "shown_xcr0", "spans", "suite_entries"]

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


# What the maintainers' suites give a guest: all that KVM supports.

XSAVE_BIT = 1 << 26
PLACES = {
    "XSAVE": (1, 0, 5, 26), "PCID": (1, 0, 5, 17), "VMX": (1, 0, 5, 5), "SMX": (1, 0, 5, 6),
    "FSGSBASE": (7, 0, 4, 0), "SMEP": (7, 0, 4, 7), "SMAP": (7, 0, 4, 20), "UMIP": (7, 0, 5, 2),
    "PKU": (7, 0, 5, 3), "SHSTK": (7, 0, 5, 7), "LA57": (7, 0, 5, 16), "PKS": (7, 0, 5, 31), "IBT": (7, 0, 6, 20),
    "XSAVES": (0xD, 1, 3, 3), "XFD": (0xD, 1, 3, 4), "LM": (0x80000001, 0, 6, 29),
}  # fmt: skip
"""Features: leaf, subleaf, the register's place in an entry, bit. Source: SDM "CPUID"."""


def suite_entries(facts: Facts, without: tuple[str, ...]) -> list[list[int]]:
    """Return KVM_GET_SUPPORTED_CPUID as the suites hand it to a guest, with some features withheld.

    A KVM that describes components in leaf 0xD and hides XSAVE in leaf 1 is asked as if it did not (kvm_pvm).
    """
    entries = [list(each) for each in facts.entries]
    for entry in entries:
        if entry[0] == 1 and facts.supported_xcr0:
            entry[5] |= XSAVE_BIT
        for name in without:
            leaf, subleaf, place, bit = PLACES[name]
            if (entry[0], entry[1]) == (leaf, subleaf):
                entry[place] &= ~(1 << bit)
    return entries


def features_of(facts: Facts) -> Features:
    """Return what a KVM offers, by the names that the suites use.

    >>> sorted(PLACES)[:3]
    ['FSGSBASE', 'IBT', 'LA57']
    """
    entries = suite_entries(facts, ())
    table = Table({(each[0], each[1]): Leaf(*each[3:7]) for each in entries})
    held = {(each[0], each[1]): each for each in entries}
    others = frozenset(
        name
        for name, (leaf, subleaf, place, bit) in PLACES.items()
        if (leaf, subleaf) in held and held[leaf, subleaf][place] >> bit & 1
    )
    return Features(processor(table), others)
