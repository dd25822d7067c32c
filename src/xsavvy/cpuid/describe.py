# SPDX-License-Identifier: Apache-2.0
"""Everything that `xsavvy cpu` prints about a CPU, as typed rows.

`describe()` is a pure function from a table; it never refuses one. What a dump leaves out stands as
None, never as zero. The structs become JSON as they are: sizes and offsets are bytes, masks are
integers, and the names of the fields are stable.
"""

from __future__ import annotations

from typing import Final, Literal

import msgspec

from xsavvy.cpuid.contradiction import contradictions
from xsavvy.cpuid.differing import ProcessorDifference
from xsavvy.cpuid.feature import FEATURES, feature, has, tell
from xsavvy.cpuid.finding import Finding, Unknown
from xsavvy.cpuid.inforce import InForce, in_force
from xsavvy.cpuid.lint import unknowns
from xsavvy.cpuid.processor import (
    XSAVE_LEAF,
    linear_address_bits,
    missing_subleaves,
    subleaf,
    xcr0_supported,
    xss_supported,
)
from xsavvy.cpuid.table import Table
from xsavvy.isa import layout
from xsavvy.isa.components import COMPONENTS, indices, names
from xsavvy.isa.layout import SubLeaf

__all__ = ["ComponentRow", "CpuDescription", "FeatureRow", "Sizes", "describe", "signature"]


class ComponentRow(msgspec.Struct, frozen=True):
    """One state component that XCR0 or IA32_XSS may enable.

    `offset` is the place in the standard format, None for supervisor state, which has none there.
    `compacted_offset` is the place when every supported component is in XCOMP_BV, None where the
    size of this or of an earlier component is unknown. `align64` and `xfd` are None with the size.
    """

    index: int
    name: str
    title: str
    kind: Literal["user", "supervisor"]
    register: Literal["XCR0", "IA32_XSS"]
    size: int | None
    offset: int | None
    compacted_offset: int | None
    align64: bool | None
    xfd: bool | None


class FeatureRow(msgspec.Struct, frozen=True):
    """One CPUID bit: `present` is None where the table lacks the leaf."""

    name: str
    title: str
    place: str
    present: bool | None


class Sizes(msgspec.Struct, frozen=True):
    """Bytes of an XSAVE area, computed from the components and as the leaf reports them.

    `standard` has every component of XCR0 in the standard format; `standard_reported` is what
    (0xD, 0) ECX says. `compacted` has every component of XCR0 and IA32_XSS in the compacted format,
    `compacted_user` those of XCR0. `current_reported` and `current_compacted_reported` are (0xD, 0)
    EBX and (0xD, 1) EBX, which follow the registers in force.
    None where the size of a component, or the subleaf, is unknown.
    """

    standard: int | None
    standard_reported: int | None
    compacted: int | None
    compacted_user: int | None
    current_reported: int | None
    current_compacted_reported: int | None


class CpuDescription(msgspec.Struct, frozen=True):
    """What a CPU says about its extended state.

    `xcr0` and `xss` are the bits that XCR0 and IA32_XSS may have, None where the table does not say
    it all (the names are then those of the bits that it says). `in_force` lists the values that
    explain the current sizes, None where that cannot be told. `contradictions` is empty for every
    sound table; `unknown` says what the table leaves open, and is empty for a complete one. `file`, `format`,
    `processor`, `processors`, `role` (guest or host, where a dump has both) and `differences` are those of the dump.
    """

    vendor: str
    brand: str
    family: int | None
    model: int | None
    stepping: int | None
    hypervisor: bool
    virtualization: Literal["vmx", "svm"] | None
    linear_address_bits: int
    xcr0: int | None
    xcr0_names: tuple[str, ...]
    xss: int | None
    xss_names: tuple[str, ...]
    instructions: tuple[str, ...]
    features: tuple[FeatureRow, ...]
    components: tuple[ComponentRow, ...]
    sizes: Sizes
    in_force: tuple[InForce, ...] | None
    contradictions: tuple[Finding, ...]
    unknown: tuple[Unknown, ...]
    file: str = ""
    format: str = ""
    role: str = ""
    processor: int = 0
    processors: int = 1
    differences: tuple[ProcessorDifference, ...] = ()


_TITLES: Final = {each.index: each.title for each in COMPONENTS}
_FAMILY: Final = (
    ("xsave", ("XSAVE", "XRSTOR", "XSETBV", "XGETBV")),
    ("xsaveopt", ("XSAVEOPT",)),
    ("xsavec", ("XSAVEC",)),
    ("xgetbv1", ("XGETBV(1)",)),
    ("xsaves", ("XSAVES", "XRSTORS")),
    ("pku", ("RDPKRU", "WRPKRU")),
)


def signature(table: Table) -> tuple[int, int, int] | None:
    """Return family, model and stepping of leaf 1, or None where the table lacks it.

    The extended family counts only for family 15, the extended model for families 6 and 15.

    >>> from xsavvy.cpuid.table import Leaf
    >>> signature(Table({(1, 0): Leaf(0xA10F11, 0, 0, 0)}))
    (25, 17, 1)
    """
    leaf = table.find(1)
    if leaf is None:
        return None
    family, model = leaf.eax >> 8 & 0xF, leaf.eax >> 4 & 0xF
    if family in {6, 15}:
        model |= (leaf.eax >> 16 & 0xF) << 4
    if family == 15:
        family += leaf.eax >> 20 & 0xFF
    return family, model, leaf.eax & 0xF


def _instructions(table: Table) -> tuple[str, ...]:
    """Name the instructions of the family that the processor has."""
    if not xcr0_supported(table):
        return ()
    return tuple(
        word for bit, words in _FAMILY if bit == "xsave" or has(table, bit) for word in words
    )


def _features(table: Table) -> tuple[FeatureRow, ...]:
    """Return every feature bit, present or not, in the order of `FEATURES`."""
    rows = []
    for each in FEATURES:
        place = feature(each.name).place
        rows.append(FeatureRow(each.name, each.title, place, tell(table, each.name)))
    return tuple(rows)


def _subleaves(table: Table, mask: int) -> dict[int, SubLeaf]:
    """Return the subleaves of a mask's components; a missing or empty one is left out."""
    found = {
        index: subleaf(table.read(XSAVE_LEAF, index))
        for index in indices(mask)
        if table.knows(XSAVE_LEAF, index, "eax", "ebx")
    }
    return {index: leaf for index, leaf in found.items() if index > 1 and leaf.size}


def _unplaced(table: Table) -> int:
    """Return the supported components of which the size or the alignment is unknown."""
    flags = sum(
        1 << index
        for index in indices((xcr0_supported(table) | xss_supported(table)) & ~0b11)
        if table.bit(XSAVE_LEAF, index, "ecx", 1) is None
    )
    return missing_subleaves(table) | flags


def _component(
    table: Table, index: int, leaf: SubLeaf | None, places: dict[int, int], supervisor: bool
) -> ComponentRow:
    """Return one row; x87 and SSE have their fixed places, an unknown subleaf has none."""
    fixed = layout.LEGACY_PLACES.get(index)
    align64, xfd = (table.bit(XSAVE_LEAF, index, "ecx", bit) for bit in (1, 2))
    size = fixed.size if fixed else leaf.size if leaf else None
    offset = fixed.offset if fixed else leaf.offset if leaf and not supervisor else None
    return ComponentRow(
        index=index,
        name=names(1 << index)[0],
        title=_TITLES.get(index, "unknown state"),
        kind="supervisor" if supervisor else "user",
        register="IA32_XSS" if supervisor else "XCR0",
        size=size,
        offset=offset,
        compacted_offset=places.get(index),
        align64=False if fixed else align64 if leaf else None,
        xfd=False if fixed else xfd if leaf else None,
    )


def _components(table: Table) -> tuple[ComponentRow, ...]:
    """Return a row for every supported component, ascending."""
    xcr0, xss = xcr0_supported(table), xss_supported(table)
    leaves = _subleaves(table, xcr0 | xss)
    unknown = indices(_unplaced(table))
    reach = 1 << unknown[0] if unknown else 1 << 63
    packed = layout.compacted(leaves, (xcr0 | xss) & reach - 1)
    places = {index: place.offset for index, place in packed.items()}
    return tuple(
        _component(table, index, leaves.get(index), places, not xcr0 >> index & 1)
        for index in indices(xcr0 | xss)
    )


def _sizes(table: Table) -> Sizes:
    """Return the sizes of the areas; the computed ones only where every component's is known."""
    xcr0, xss = xcr0_supported(table), xss_supported(table)
    leaves, unknown = _subleaves(table, xcr0 | xss), missing_subleaves(table)
    first, second = table.read(XSAVE_LEAF, 0), table.read(XSAVE_LEAF, 1)
    user_known, unplaced = bool(xcr0) and not xcr0 & unknown, _unplaced(table)
    return Sizes(
        standard=layout.standard(leaves, xcr0).size if user_known else None,
        standard_reported=first.ecx if table.knows(XSAVE_LEAF, 0, "ecx") else None,
        compacted=layout.compacted(leaves, xcr0 | xss).size if xcr0 and not unplaced else None,
        compacted_user=(
            layout.compacted(leaves, xcr0).size if user_known and not xcr0 & unplaced else None
        ),
        current_reported=first.ebx if table.knows(XSAVE_LEAF, 0, "ebx") else None,
        current_compacted_reported=second.ebx if table.knows(XSAVE_LEAF, 1, "ebx") else None,
    )


def _virtualization(table: Table) -> Literal["vmx", "svm"] | None:
    """Return whose virtualization the processor offers; None where it offers none."""
    if has(table, "vmx"):
        return "vmx"
    return "svm" if has(table, "svm") else None


def _is_told(table: Table, sub: int, register: str) -> bool:
    """Tell whether a mask is known; without XSAVE, and IA32_XSS without XSAVES, it is 0."""
    gate = "xsaves" if sub else "xsave"
    if tell(table, "xsave") is False or tell(table, gate) is False:
        return True
    return table.knows(XSAVE_LEAF, sub, register, "edx")


def describe(table: Table) -> CpuDescription:
    """Return what a table says about a CPU's extended state; accepts every table."""
    xcr0, xss = xcr0_supported(table), xss_supported(table)
    family, model, stepping = signature(table) or (None, None, None)
    return CpuDescription(
        vendor=table.vendor,
        brand=table.brand,
        family=family,
        model=model,
        stepping=stepping,
        hypervisor=has(table, "hypervisor"),
        virtualization=_virtualization(table),
        linear_address_bits=linear_address_bits(table),
        xcr0=xcr0 if _is_told(table, 0, "eax") else None,
        xcr0_names=names(xcr0),
        xss=xss if _is_told(table, 1, "ecx") else None,
        xss_names=names(xss),
        instructions=_instructions(table),
        features=_features(table),
        components=_components(table),
        sizes=_sizes(table),
        in_force=in_force(table),
        contradictions=contradictions(table),
        unknown=unknowns(table),
    )
