# SPDX-License-Identifier: Apache-2.0
"""The sizes now in force: (0xD, 0) EBX and (0xD, 1) EBX against every XCR0 and IA32_XSS that there can be.

A wrong size is explained where it can be: reckoned without the 64-byte alignment of tiles, as several
hypervisors have done, or told though there is no instruction that it is about.

Sources: SDM "CPUID Instruction", leaf 0DH; SDM "Compacted Format of an XSAVE Area".
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from xsavvy.cpuid.feature import tell
from xsavvy.cpuid.finding import Finding, finding
from xsavvy.cpuid.inforce import in_force, legal_xcr0, supervisor_masks
from xsavvy.cpuid.processor import XSAVE_LEAF, subleaf, xcr0_supported, xss_supported
from xsavvy.cpuid.table import Table
from xsavvy.isa import layout
from xsavvy.isa.components import indices, names
from xsavvy.isa.layout import SubLeaf

__all__ = ["CURRENT", "size_findings"]

CURRENT: Final = "SDM CPUID leaf 0DH, sub-leaves 0 and 1"
_SHOWN = 6
_SUBSETS = 8
_USERS = 8


def _leaves(table: Table) -> dict[int, SubLeaf]:
    mask = (xcr0_supported(table) | xss_supported(table)) & ~layout.LEGACY_COMPONENTS
    return {index: subleaf(table.read(XSAVE_LEAF, index)) for index in indices(mask)}


def _listed(sizes: set[int]) -> str:
    """Spell some sizes, the smallest first."""
    ordered = [f"{size:#x}" for size in sorted(sizes)]
    rest = f" or {len(ordered) - _SHOWN} others" if len(ordered) > _SHOWN else ""
    return "one of " * (len(ordered) > 1) + ", ".join(ordered[:_SHOWN]) + rest


def _subsets(mask: int) -> list[int]:
    """Return every value of IA32_XSS, or 0 and all where there are too many."""
    bits = indices(mask)
    if len(bits) > _SUBSETS:
        return [0, mask]
    values = [0]
    for bit in bits:
        values += [value | 1 << bit for value in values]
    return values


def _explaining(leaves: Mapping[int, SubLeaf], xcr0: int, xss: int, size: int) -> list[int]:
    """Return the values of IA32_XSS that give a size; none where there are too many sizes to tell."""
    try:
        return supervisor_masks(leaves, xcr0, xss, size)
    except ValueError:
        return []


def size_findings(table: Table) -> Iterator[Finding]:
    """A size is one that some legal XCR0 and IA32_XSS give, and 0 where no instruction uses it."""
    mask = xcr0_supported(table)
    if not mask or table.find(XSAVE_LEAF) is None:
        return
    yield from _without_instruction(table)
    if in_force(table) != ():
        return
    leaves = _leaves(table)
    place = layout.standard(leaves)
    current = table.read(XSAVE_LEAF, 0).ebx
    users = [value for value in legal_xcr0(mask) if place.extent(value) == current]
    if users:
        yield from _compacted(table, leaves, users[:_USERS])
    else:
        sizes = {place.extent(value) for value in legal_xcr0(mask)}
        yield finding(
            "current-standard-size", (XSAVE_LEAF, 0, "ebx"), current, _listed(sizes),
            "no legal XCR0 gives this size in standard form", CURRENT,
        )  # fmt: skip


def _without_instruction(table: Table) -> Iterator[Finding]:
    """Without XSAVEC and XSAVES nothing is compacted, and the size is 0."""
    size = table.read(XSAVE_LEAF, 1).ebx
    if size and tell(table, "xsavec") is False and tell(table, "xsaves") is False:
        yield finding(
            "size-without-xsavec", (XSAVE_LEAF, 1, "ebx"), size, "0",
            "a compacted size, but neither XSAVEC nor XSAVES", CURRENT,
        )  # fmt: skip


def _compacted(table: Table, leaves: Mapping[int, SubLeaf], users: list[int]) -> Iterator[Finding]:
    """Say which size is right: of the same components aligned, or of any."""
    found, xss = table.read(XSAVE_LEAF, 1).ebx, xss_supported(table)
    packed = {index: leaf._replace(align64=False) for index, leaf in leaves.items()}
    aligned = {
        layout.compacted(leaves, value | supervisor).size
        for value in users
        for supervisor in _explaining(packed, value, xss, found)
    }
    if aligned:
        where = " and ".join(names(sum(1 << at for at, leaf in leaves.items() if leaf.align64)))
        yield finding(
            "unaligned-size", (XSAVE_LEAF, 1, "ebx"), found, _listed(aligned),
            f"reckoned without the 64-byte alignment of {where}",
            "SDM Compacted Format of an XSAVE Area",
        )  # fmt: skip
        return
    sizes = {
        layout.compacted(leaves, value | supervisor).size
        for value in users
        for supervisor in _subsets(xss)
    }
    yield finding(
        "current-size", (XSAVE_LEAF, 1, "ebx"), found, _listed(sizes),
        f"no legal XCR0 and IA32_XSS give {table.read(XSAVE_LEAF).ebx} bytes in standard"
        f" and {found} in compacted form",
        CURRENT,
    )  # fmt: skip
