# SPDX-License-Identifier: Apache-2.0
"""Processors of one dump: what makes them differ, and what does not."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cpuid.source import dumps
from xsavvy.cpuid.differing import differences
from xsavvy.cpuid.dump import read_all
from xsavvy.cpuid.presets import PRESETS
from xsavvy.cpuid.table import Leaf, Table

GENOA = PRESETS["genoa"].table


def test_a_component_that_one_lacks() -> None:
    """A processor with another XCR0 is named, with both values; equal ones are not."""
    other = GENOA.replaced({(13, 0): GENOA.read(13)._replace(eax=0x7)})
    (found,) = differences([GENOA, GENOA, other])
    assert (found.processor, found.leaf, found.register) == (2, 13, "eax")
    assert (found.first, found.found) == (0x2E7, 0x7)


def test_what_differs_by_design_is_not_compared() -> None:
    """APIC identifiers, caches and leaves that one dump left out make no difference."""
    leaf = GENOA.read(1)
    other = GENOA.replaced({
        (1, 0): leaf._replace(ebx=leaf.ebx ^ 0xFF000000),
        (0xB, 0): Leaf(1, 2, 3, 4),
        (13, 9): None,
    })  # fmt: skip
    assert differences([GENOA, other]) == ()


def test_many_differences_are_cut() -> None:
    """However many processors differ, the answer stays short."""
    other = Table({(13, 0): Leaf(3, 0, 0, 0)})
    assert len(differences([GENOA, *([other] * 1000)])) == 64


@pytest.mark.parametrize("path", dumps("instlatx64"))
def test_no_public_dump_differs_in_its_state(path: Path) -> None:
    """Processors of one machine agree on leaf 0xD, hybrids too."""
    found = differences(read_all(path.read_bytes(), path.name))
    assert [each for each in found if each.leaf == 0xD] == []
