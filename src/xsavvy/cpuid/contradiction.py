# SPDX-License-Identifier: Apache-2.0
"""Where leaf 0xD contradicts itself, and what it leaves unsaid.

Each rule holds on every complete dump of silicon that the project has read, so a finding points
at a hypervisor, at firmware or at a damaged dump. Rules judge only what a table holds: what it does
not know takes no part in sums and makes no finding.

Sources: SDM "CPUID Instruction", leaf 0DH; SDM "Standard Format of an XSAVE Area".
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from xsavvy.cpuid.feature import tell
from xsavvy.cpuid.finding import Finding, finding
from xsavvy.cpuid.processor import (
    XSAVE_LEAF,
    missing_subleaves,
    subleaf,
    xcr0_supported,
    xss_supported,
)
from xsavvy.cpuid.sizes import size_findings
from xsavvy.cpuid.table import Table
from xsavvy.isa import layout
from xsavvy.isa.components import indices, names
from xsavvy.isa.layout import EXTENDED_OFFSET, LEGACY_COMPONENTS, SubLeaf
from xsavvy.isa.registers import xcr0_ok

__all__ = ["RULES", "contradictions"]


LEAF: Final = "SDM CPUID leaf 0DH"
_XCR0: Final = "SDM XSETBV; SDM Enabling the XSAVE Feature Set and XSAVE-Enabled Features"


def _at(
    rule: str, sub: int, register: str, found: int, expected: str, says: str, source: str = LEAF
) -> Finding:
    return finding(rule, (XSAVE_LEAF, sub, register), found, expected, says, source)


def _leaves(table: Table, mask: int) -> dict[int, SubLeaf]:
    """Return the known subleaves of the components of a mask beyond x87 and SSE."""
    found = {
        index: subleaf(table.read(XSAVE_LEAF, index))
        for index in indices(mask & ~LEGACY_COMPONENTS)
        if table.knows(XSAVE_LEAF, index, "eax", "ebx")
    }
    return {index: leaf for index, leaf in found.items() if leaf.size}


def _hidden(table: Table) -> Iterator[Finding]:
    """XSAVE is clear in leaf 1, so leaf 0xD must be zero."""
    leaf = table.read(XSAVE_LEAF)
    if tell(table, "xsave") is False and (leaf.eax or leaf.edx):
        yield _at(
            "xsave-hidden", 0, "eax", leaf.eax, "0",
            "XCR0 bits, but leaf 1 says that there is no XSAVE",
        )  # fmt: skip


def _legal(table: Table) -> Iterator[Finding]:
    """All that XCR0 may have must be a value that XCR0 can have."""
    mask = xcr0_supported(table)
    if not table.knows(XSAVE_LEAF, 0, "eax", "edx") or not (mask or tell(table, "xsave")):
        return
    if mask & LEGACY_COMPONENTS != LEGACY_COMPONENTS:
        yield _at("legacy-bits", 0, "eax", mask, "bits 0 and 1", "x87 and SSE are always supported")
    elif not xcr0_ok(mask, mask):
        yield _at(
            "illegal-xcr0", 0, "eax", mask, "groups whole",
            f"no legal XCR0 has all of {', '.join(names(mask))}: AVX-512 needs AVX, and AVX-512,"
            " MPX and AMX come whole",
            _XCR0,
        )  # fmt: skip


def _xss(table: Table) -> Iterator[Finding]:
    """IA32_XSS exists only with XSAVES, and no component is in both registers."""
    leaf = table.read(XSAVE_LEAF, 1)
    mask = leaf.ecx | leaf.edx << 32
    if mask and tell(table, "xsaves") is False:
        yield _at("xss-without-xsaves", 1, "ecx", mask, "0", "IA32_XSS bits, but no XSAVES")
    both = xcr0_supported(table) & xss_supported(table)
    if both:
        yield _at(
            "both-registers", 1, "ecx", mask, "no bit of XCR0",
            f"{', '.join(names(both))} in XCR0 and in IA32_XSS",
        )  # fmt: skip


def _flags(table: Table) -> Iterator[Finding]:
    """A subleaf says that its component belongs to the register that has its bit."""
    for mask, supervisor, register in (
        (xcr0_supported(table), False, "XCR0"),
        (xss_supported(table), True, "IA32_XSS"),
    ):
        for index, leaf in _leaves(table, mask).items():
            name, told = names(1 << index)[0], table.bit(XSAVE_LEAF, index, "ecx", 0)
            if told is not None and told is not supervisor:
                found = table.read(XSAVE_LEAF, index).ecx
                yield _at(
                    "wrong-kind", index, "ecx", found, f"bit 0 = {int(supervisor)}",
                    f"{name} is in {register} and says otherwise",
                )  # fmt: skip
            if supervisor and leaf.offset:
                yield _at(
                    "supervisor-offset", index, "ebx", leaf.offset, "0",
                    f"{name} is supervisor state and has no standard offset",
                )  # fmt: skip


def _places(table: Table) -> Iterator[Finding]:
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


def _largest(table: Table) -> Iterator[Finding]:
    """(0xD, 0) ECX is the end of the last user component."""
    mask, known = xcr0_supported(table), table.knows(XSAVE_LEAF, 0, "eax", "ecx", "edx")
    if mask and known and not mask & missing_subleaves(table):
        size = layout.standard(_leaves(table, mask), mask).size
        found = table.read(XSAVE_LEAF).ecx
        if found != size:
            yield _at(
                "largest-size", 0, "ecx", found, str(size),
                f"the last component of XCR0 ends at {size}",
            )  # fmt: skip


def _xfd(table: Table) -> Iterator[Finding]:
    """XFD and a component that it can disable come together."""
    capable = [index for index, leaf in _leaves(table, xcr0_supported(table)).items() if leaf.xfd]
    if capable and tell(table, "xfd") is False:
        yield _at(
            "xfd-missing", capable[0], "ecx", table.read(XSAVE_LEAF, capable[0]).ecx, "bit 2 = 0",
            f"XFD may disable {names(1 << capable[0])[0]}, but there is no XFD",
        )  # fmt: skip


def _without_size(table: Table) -> Iterator[Finding]:
    """Every component that XCR0 or IA32_XSS may enable has a subleaf with its size.

    An absent subleaf is no finding but unknown, unless the table is all that is answered.
    """
    for index in indices(missing_subleaves(table)):
        name, absent = names(1 << index)[0], table.find(XSAVE_LEAF, index) is None
        if absent and table.whole:
            yield _at(
                "missing-subleaf", index, "", 0, "a subleaf with its size",
                f"{name} is supported, and nothing answers for its size and place",
            )  # fmt: skip
        elif not absent and table.knows(XSAVE_LEAF, index, "eax"):
            yield _at("no-size", index, "eax", 0, "a size", f"{name} is supported and has no size")


RULES: Final[tuple[Callable[[Table], Iterator[Finding]], ...]] = (
    _hidden,
    _legal,
    _xss,
    _without_size,
    _flags,
    _places,
    _largest,
    size_findings,
    _xfd,
)
"""The rules in the order in which findings are listed."""


def contradictions(table: Table) -> tuple[Finding, ...]:
    """Return what in leaf 0xD of a table does not agree, in a fixed order; empty when all does."""
    return tuple(found for rule in RULES for found in rule(table))
