# SPDX-License-Identifier: Apache-2.0
"""Everything that is wrong with a CPUID table, and everything that it leaves open.

Three families of rules: leaf 0xD against itself (`contradiction`, `sizes`), features against the state
that they need (`counterpart`), features against each other (`dependency`). What KVM thinks of a table is
`xsavvy.kvm.objection`. A verdict without findings holds for what is known; `unknown` says what is not.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
from msgspec.structs import replace

from xsavvy.cpuid.contradiction import contradictions
from xsavvy.cpuid.counterpart import PAIRS, counterpart_findings
from xsavvy.cpuid.dependency import dependency_findings, dependency_unknowns
from xsavvy.cpuid.feature import feature, tell
from xsavvy.cpuid.finding import Finding, Unknown, unknown
from xsavvy.cpuid.processor import XSAVE_LEAF, xcr0_supported, xss_supported
from xsavvy.cpuid.table import Table
from xsavvy.isa.components import indices, names
from xsavvy.isa.layout import LEGACY_COMPONENTS

__all__ = ["Verdict", "lint", "unknowns"]


class Verdict(msgspec.Struct, frozen=True):
    """What a lint of one table says."""

    findings: tuple[Finding, ...]
    unknown: tuple[Unknown, ...]


def lint(table: Table) -> Verdict:
    """Judge a table by the processor's rules; accepts every table.

    >>> from xsavvy.cpuid.presets import PRESETS
    >>> lint(PRESETS["sapphire-rapids"].table).findings
    ()
    >>> [each.sentence for each in lint(Table()).unknown][0]
    'leaf 0x1 subleaf 0x0 ECX is not in the dump: whether there is XSAVE at all'
    """
    findings = (*contradictions(table), *counterpart_findings(table), *dependency_findings(table))
    return Verdict(findings, unknowns(table))


def unknowns(table: Table) -> tuple[Unknown, ...]:
    """Return what a table does not say about extended state and what its features need, place by place."""
    found: dict[tuple[int, int, str], Unknown] = {}
    for family in (_masks, _components, _counterparts, dependency_unknowns):
        for each in family(table):
            place = each.leaf, each.subleaf, each.register
            first = found.setdefault(place, each)
            if first is not each:
                more = each.sentence.partition(": ")[2]
                found[place] = replace(first, sentence=f"{first.sentence}; {more}")
    return tuple(found.values())


def _masks(table: Table) -> Iterator[Unknown]:
    """Ask for leaf 1's bit and for the two subleaves that say which components there are."""
    if tell(table, "xsave") is None:
        yield unknown(table, 1, 0, "ecx", "whether there is XSAVE at all")
    if tell(table, "xsave") is False:
        return
    if not table.knows(XSAVE_LEAF, 0, "eax", "edx"):
        yield unknown(table, XSAVE_LEAF, 0, "", "what XCR0 may hold, and every size")
    elif not table.knows(XSAVE_LEAF, 0, "ebx", "ecx"):
        yield unknown(table, XSAVE_LEAF, 0, "", "the sizes of the standard format")
    if not table.knows(XSAVE_LEAF, 1, "eax"):
        yield unknown(table, XSAVE_LEAF, 1, "eax", "XSAVEC, XSAVES and XFD")
    if not table.knows(XSAVE_LEAF, 1, "ecx", "edx"):
        yield unknown(table, XSAVE_LEAF, 1, "ecx", "what IA32_XSS may hold")
    elif not table.knows(XSAVE_LEAF, 1, "ebx"):
        yield unknown(table, XSAVE_LEAF, 1, "ebx", "the size of the compacted format")


def _components(table: Table) -> Iterator[Unknown]:
    """Ask for the subleaf of every supported component."""
    mask = (xcr0_supported(table) | xss_supported(table)) & ~LEGACY_COMPONENTS
    for index in indices(mask):
        name = names(1 << index)[0]
        if not table.knows(XSAVE_LEAF, index, "eax", "ebx"):
            yield unknown(
                table, XSAVE_LEAF, index, "", f"size and place of {name}, and the sums with it"
            )
        elif not table.knows(XSAVE_LEAF, index, "ecx"):
            yield unknown(
                table, XSAVE_LEAF, index, "ecx", f"alignment of {name}, and the compacted sizes with it"
            )  # fmt: skip


def _counterparts(table: Table) -> Iterator[Unknown]:
    """Ask for the feature bits that belong to components."""
    waiting: dict[tuple[int, int, str], list[str]] = {}
    for pair in PAIRS:
        place = feature(pair.feature)
        supported = xss_supported(table) if pair.supervisor else xcr0_supported(table)
        if supported & pair.components and tell(table, pair.feature) is None:
            waiting.setdefault((place.leaf, place.subleaf, place.register), []).append(pair.feature)
    for (leaf, subleaf, register), words in waiting.items():
        yield unknown(table, leaf, subleaf, register, f"{', '.join(words)}, whose state is there")
