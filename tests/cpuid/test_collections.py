# SPDX-License-Identifier: Apache-2.0
"""Whole collections of public dumps, counted: how many are complete, and how sure XCR0 and IA32_XSS are.

The acceptance test A1 of the project's third-party material: incomplete dumps are unknown, never wrong.
"""

from __future__ import annotations

from collections import Counter

import pytest

from tests.cpuid.source import ABSENT, DATA
from xsavvy.cpuid.dump import read
from xsavvy.cpuid.feature import has
from xsavvy.cpuid.inforce import in_force
from xsavvy.cpuid.lint import lint
from xsavvy.cpuid.processor import xcr0_supported
from xsavvy.cpuid.table import Table

COLLECTIONS = {
    "instlatx64/*": {"none": 6, "complete": 40, "incomplete": 6, "certain": 28, "several": 6},
    "libcpuid/*.test": {"complete": 4, "incomplete": 3, "certain": 3},
    "libvirt/x86_64-cpuid-*.sig": {
        "none": 3, "complete": 15, "incomplete": 2, "certain": 6, "several": 5,
    },
    "rjcp-xml/*.xml": {"complete": 2, "certain": 2},
}  # fmt: skip


def kinds(table: Table) -> list[str]:
    """What a dump counts as: complete or not, and how many pairs explain its compacted size."""
    if not xcr0_supported(table):
        return ["none"]
    open_ = any(each.leaf == 0xD for each in lint(table).unknown)
    found, packs = in_force(table), has(table, "xsavec") or has(table, "xsaves")
    kind = ["incomplete" if open_ else "complete"]
    if found is not None and packs and table.find(0xD, 1) is not None:
        kind.append("several" if len(found) > 1 else "certain" if found else "contradicted")
    return kind


@pytest.mark.parametrize("pattern", COLLECTIONS)
def test_a_collection_is_as_counted(pattern: str) -> None:
    """Every compacted size is explained by some XCR0 and IA32_XSS, most by one pair alone."""
    paths = sorted((DATA / "cpuid").glob(pattern))
    if not paths:
        pytest.skip(ABSENT)
    counts: Counter[str] = Counter()
    for path in paths:
        dump = path.with_suffix(".xml") if path.suffix == ".sig" else path
        counts.update(kinds(read(dump.read_bytes(), dump.name)))
    assert dict(counts) == COLLECTIONS[pattern]
