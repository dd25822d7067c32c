# SPDX-License-Identifier: Apache-2.0
"""Where leaf 0xD contradicts itself, and what it leaves unsaid.

Each rule holds on every complete dump of silicon that the project has read, so a finding points
at a hypervisor, at firmware or at a damaged dump. Rules judge only what a table holds: a missing
subleaf is reported as unknown and takes no part in sums.

Sources: SDM "CPUID Instruction", leaf 0DH; SDM "Standard Format of an XSAVE Area".
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

import msgspec

from xsavvy.cpuid.feature import has
from xsavvy.cpuid.inforce import in_force
from xsavvy.cpuid.processor import (
    XSAVE_LEAF,
    missing_subleaves,
    subleaf,
    xcr0_supported,
    xss_supported,
)
from xsavvy.cpuid.table import Table
from xsavvy.isa import layout
from xsavvy.isa.components import indices, names
from xsavvy.isa.layout import EXTENDED_OFFSET, LEGACY_COMPONENTS, SubLeaf
from xsavvy.isa.registers import xcr0_ok

__all__ = ["RULES", "Contradiction", "contradictions"]


class Contradiction(msgspec.Struct, frozen=True):
    """One number that does not agree with the others; `rule` is a stable short name."""

    rule: str
    leaf: int
    subleaf: int
    register: str
    found: int
    expected: str
    sentence: str


def _at(rule: str, sub: int, register: str, found: int, expected: str, says: str) -> Contradiction:
    sentence = f"leaf 0xd subleaf {sub:#x} {register.upper()}={found:#x}: {says}"
    return Contradiction(rule, XSAVE_LEAF, sub, register, found, expected, sentence)


def _leaves(table: Table, mask: int) -> dict[int, SubLeaf]:
    """Return the known subleaves of the components of a mask beyond x87 and SSE."""
    found = {
        index: subleaf(table.read(XSAVE_LEAF, index))
        for index in indices(mask & ~LEGACY_COMPONENTS)
    }
    return {index: leaf for index, leaf in found.items() if leaf.size}


def _hidden(table: Table) -> Iterator[Contradiction]:
    """XSAVE is clear in leaf 1, so leaf 0xD must be zero."""
    leaf = table.read(XSAVE_LEAF)
    if table.find(1) is not None and not has(table, "xsave") and (leaf.eax or leaf.edx):
        yield _at(
            "xsave-hidden", 0, "eax", leaf.eax, "0",
            "XCR0 bits, but leaf 1 says that there is no XSAVE",
        )  # fmt: skip


def _legal(table: Table) -> Iterator[Contradiction]:
    """All that XCR0 may have must be a value that XCR0 can have."""
    mask = xcr0_supported(table)
    if not mask:
        return
    if mask & LEGACY_COMPONENTS != LEGACY_COMPONENTS:
        yield _at("legacy-bits", 0, "eax", mask, "bits 0 and 1", "x87 and SSE are always supported")
    elif not xcr0_ok(mask, mask):
        yield _at(
            "illegal-xcr0", 0, "eax", mask, "groups whole",
            f"no legal XCR0 has all of {', '.join(names(mask))}: AVX-512 needs AVX, and AVX-512,"
            " MPX and AMX come whole",
        )  # fmt: skip


def _xss(table: Table) -> Iterator[Contradiction]:
    """IA32_XSS exists only with XSAVES, and no component is in both registers."""
    leaf = table.read(XSAVE_LEAF, 1)
    mask = leaf.ecx | leaf.edx << 32
    if mask and not has(table, "xsaves"):
        yield _at("xss-without-xsaves", 1, "ecx", mask, "0", "IA32_XSS bits, but no XSAVES")
    both = xcr0_supported(table) & xss_supported(table)
    if both:
        yield _at(
            "both-registers", 1, "ecx", mask, "no bit of XCR0",
            f"{', '.join(names(both))} in XCR0 and in IA32_XSS",
        )  # fmt: skip


def _flags(table: Table) -> Iterator[Contradiction]:
    """A subleaf says that its component belongs to the register that has its bit."""
    for mask, supervisor, register in (
        (xcr0_supported(table), False, "XCR0"),
        (xss_supported(table), True, "IA32_XSS"),
    ):
        for index, leaf in _leaves(table, mask).items():
            raw = table.read(XSAVE_LEAF, index)
            name = names(1 << index)[0]
            if leaf.supervisor is not supervisor:
                yield _at(
                    "wrong-kind", index, "ecx", raw.ecx, f"bit 0 = {int(supervisor)}",
                    f"{name} is in {register} and says otherwise",
                )  # fmt: skip
            if supervisor and leaf.offset:
                yield _at(
                    "supervisor-offset", index, "ebx", leaf.offset, "0",
                    f"{name} is supervisor state and has no standard offset",
                )  # fmt: skip


def _places(table: Table) -> Iterator[Contradiction]:
    """In the standard format user components lie behind the header and do not overlap."""
    reach, last = EXTENDED_OFFSET, "the header"
    leaves = _leaves(table, xcr0_supported(table))
    for index, leaf in sorted(leaves.items(), key=lambda item: item[1].offset):
        name = names(1 << index)[0]
        if leaf.offset < reach:
            yield _at(
                "overlap", index, "ebx", leaf.offset, f"at least {reach}",
                f"{name} begins at {leaf.offset}, inside {last}, which ends at {reach}",
            )  # fmt: skip
        if leaf.offset + leaf.size > reach:
            reach, last = leaf.offset + leaf.size, name


def _largest(table: Table) -> Iterator[Contradiction]:
    """(0xD, 0) ECX is the end of the last user component."""
    mask = xcr0_supported(table)
    if mask and not mask & missing_subleaves(table):
        size = layout.standard(_leaves(table, mask), mask).size
        found = table.read(XSAVE_LEAF).ecx
        if found != size:
            yield _at(
                "largest-size", 0, "ecx", found, str(size),
                f"the last component of XCR0 ends at {size}",
            )  # fmt: skip


def _current(table: Table) -> Iterator[Contradiction]:
    """(0xD, 0) EBX and (0xD, 1) EBX are sizes for some legal XCR0 and IA32_XSS."""
    if not xcr0_supported(table) or in_force(table) != ():
        return
    user, both = table.read(XSAVE_LEAF, 0).ebx, table.read(XSAVE_LEAF, 1).ebx
    yield _at(
        "current-size", 1, "ebx", both, "a size of some XCR0 and IA32_XSS",
        f"no legal XCR0 and IA32_XSS give {user} bytes in standard and {both} in compacted form",
    )  # fmt: skip


def _xfd(table: Table) -> Iterator[Contradiction]:
    """XFD and a component that it can disable come together."""
    capable = [index for index, leaf in _leaves(table, xcr0_supported(table)).items() if leaf.xfd]
    if capable and not has(table, "xfd"):
        yield _at(
            "xfd-missing", capable[0], "ecx", table.read(XSAVE_LEAF, capable[0]).ecx, "bit 2 = 0",
            f"XFD may disable {names(1 << capable[0])[0]}, but there is no XFD",
        )  # fmt: skip


def _unknown(table: Table) -> Iterator[Contradiction]:
    """Every component that XCR0 or IA32_XSS may enable has a subleaf with its size."""
    for index in indices(missing_subleaves(table)):
        absent = table.find(XSAVE_LEAF, index) is None
        yield _at(
            "unknown-size", index, "eax", 0, "a size",
            f"{names(1 << index)[0]} is supported and"
            f" {'the table has no subleaf for it' if absent else 'has no size'}",
        )  # fmt: skip


RULES: Final[tuple[Callable[[Table], Iterator[Contradiction]], ...]] = (
    _hidden,
    _legal,
    _xss,
    _unknown,
    _flags,
    _places,
    _largest,
    _current,
    _xfd,
)
"""The rules in the order in which findings are listed."""


def contradictions(table: Table) -> tuple[Contradiction, ...]:
    """Return what in leaf 0xD of a table does not agree, in a fixed order; empty when all does."""
    return tuple(found for rule in RULES for found in rule(table))
