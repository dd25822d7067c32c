# SPDX-License-Identifier: Apache-2.0
"""Which XCR0 and IA32_XSS were in force when CPUID ran.

(0xD, 0) EBX and (0xD, 1) EBX are sizes for the values that the registers had at that moment, so a
dump tells something about the operating system under which it was taken. Often one pair of values
gives these sizes, sometimes several do; where none does, the leaf contradicts itself.

Source: SDM "CPUID Instruction", leaf 0DH.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import msgspec

from xsavvy.cpuid.feature import has
from xsavvy.cpuid.processor import XSAVE_LEAF, subleaf, xcr0_supported, xss_supported
from xsavvy.cpuid.table import Table
from xsavvy.isa import layout
from xsavvy.isa.components import AMX, AVX512, MPX, X87, indices
from xsavvy.isa.layout import SubLeaf
from xsavvy.isa.registers import xcr0_ok

__all__ = ["InForce", "in_force", "legal_xcr0", "supervisor_masks"]

_TOGETHER: Final = (MPX, AVX512, AMX)
_PARTS = 12
_SIZES = 4096


class InForce(msgspec.Struct, frozen=True):
    """One pair of register values that explains both sizes; xss is None where it has no effect."""

    xcr0: int
    xss: int | None


def _parts(supported: int) -> list[int]:
    """Split a mask into the parts that XCR0 takes whole or not at all."""
    parts = []
    for index in indices(supported & ~X87):
        bit = 1 << index
        group = next((group for group in _TOGETHER if group & bit), bit) & supported
        if group not in parts:
            parts.append(group)
    return parts


def legal_xcr0(supported: int) -> tuple[int, ...]:
    """Return the values that XSETBV accepts in XCR0, ascending.

    Raises ValueError for a mask that falls into more than 12 parts: no processor has so many.

    >>> [hex(value) for value in legal_xcr0(0xE7)]
    ['0x1', '0x3', '0x7', '0xe7']
    """
    parts = _parts(supported)
    if len(parts) > _PARTS:
        raise ValueError(f"{supported:#x} has more than {_PARTS} independent components")
    values = [X87]
    for part in parts:
        values += [value | part for value in values]
    return tuple(sorted(value for value in values if xcr0_ok(value, supported)))


def supervisor_masks(
    leaves: Mapping[int, SubLeaf], xcr0: int, supported: int, size: int
) -> list[int]:
    """Return the subsets of `supported` with which XCR0's compacted area has a size.

    Keeps, component by component, the sizes that some subset reaches, up to the wanted one.
    Raises ValueError where there are more than 4096.
    """
    reached: dict[int, list[int]] = {layout.EXTENDED_OFFSET: [0]}
    for index in indices((xcr0 | supported) & ~layout.LEGACY_COMPONENTS):
        leaf = leaves[index]
        added: dict[int, list[int]] = {} if xcr0 >> index & 1 else dict(reached)
        for start, masks in reached.items():
            end = ((start + 63) & -64 if leaf.align64 else start) + leaf.size
            if end <= size:
                bit = supported & 1 << index
                joined = added.get(end, []) + [mask | bit for mask in masks]
                added[end] = joined[:_SIZES]
        if len(added) > _SIZES:
            raise ValueError("too many sizes to tell IA32_XSS from them")
        reached = added
    return sorted(reached.get(size, ()))


def in_force(table: Table) -> tuple[InForce, ...] | None:
    """Return every pair of XCR0 and IA32_XSS that explains the sizes in leaf 0xD.

    None where the table cannot say: no XSAVE, a supported component without its subleaf or, if there is
    a compacted size, with an alignment that is unknown, more components than any processor has. An
    empty result says that no legal pair explains the numbers.
    Without XSAVEC and XSAVES the processor reports no compacted size, and `xss` is None.
    """
    try:
        return _pairs(table)
    except ValueError:
        return None


def _pairs(table: Table) -> tuple[InForce, ...] | None:
    xcr0, xss = xcr0_supported(table), xss_supported(table)
    leaves = {index: subleaf(table.read(XSAVE_LEAF, index)) for index in indices(xcr0 | xss)}
    if not xcr0 or any(not leaf.size for index, leaf in leaves.items() if index > 1):
        return None
    if not all(table.knows(XSAVE_LEAF, index, "eax", "ebx") for index in leaves if index > 1):
        return None
    if not table.knows(XSAVE_LEAF, 0, "eax", "ebx", "edx"):
        return None
    current = table.read(XSAVE_LEAF, 0).ebx
    place = layout.standard({index: leaves[index] for index in leaves if index > 1})
    users = [value for value in legal_xcr0(xcr0) if place.extent(value) == current]
    told = table.knows(XSAVE_LEAF, 1, "ebx", "ecx", "edx")
    if not told or not (has(table, "xsavec") or has(table, "xsaves")):
        return tuple(InForce(value, None) for value in users)
    if any(table.bit(XSAVE_LEAF, index, "ecx", 1) is None for index in leaves if index > 1):
        return None
    size = table.read(XSAVE_LEAF, 1).ebx
    return tuple(
        InForce(value, supervisor)
        for value in users
        for supervisor in supervisor_masks(leaves, value, xss, size)
    )
