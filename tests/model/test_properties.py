# SPDX-License-Identifier: Apache-2.0
"""The sentences that upstream's bugs violate, P1 to P29, are all asked."""

from __future__ import annotations

import re

import pytest

from tests.model.world import program
from xsavvy.checker import Eventually, Property
from xsavvy.kvm import NEWEST
from xsavvy.model.registry import PARTS

Item = Property | Eventually


def asked() -> dict[str, Item]:
    """All properties and eventualities of all parts, by name."""
    found: dict[str, Item] = {}
    for part in PARTS:
        for platform in ("sapphire-rapids", "genoa"):
            whole = program(part.scenarios[0].name, NEWEST, platform)
            items: tuple[Item, ...] = (*whole.properties, *whole.eventualities)
            found |= {each.name: each for each in items}
    return found


ASKED = asked()


@pytest.mark.parametrize("number", range(1, 30))
def test_each_sentence_of_the_list_is_a_property(number: int) -> None:
    """Some property says in its source that it is the one."""
    spelled = re.compile(rf"\bP{number}\b")
    assert [each.name for each in ASKED.values() if spelled.search(each.source)]


@pytest.mark.parametrize("name", ASKED)
def test_a_property_is_asked_by_some_scenario(name: str) -> None:
    """A sentence that nobody asks about is not checked."""
    assert [
        each.name
        for part in PARTS
        for each in part.scenarios
        if name in (*each.properties, *each.eventualities)
    ]


@pytest.mark.parametrize("item", ASKED.values(), ids=ASKED)
def test_a_property_has_a_witness(item: Item) -> None:
    """A sentence about an empty world says nothing."""
    assert item.witness
    assert item.mutant
