# SPDX-License-Identifier: Apache-2.0
"""Every property can be broken, and holds where its mutant is not."""

from __future__ import annotations

import pytest

from tests.model.world import explored, program, system
from xsavvy.checker import search
from xsavvy.kvm import NEWEST
from xsavvy.model.mutant import Mutant
from xsavvy.model.mutants import PROGRESS_MUTANTS
from xsavvy.model.registry import MUTANTS, PARTS

ENOUGH = 150_000
"""States after which a mutant that was not caught has escaped."""

PROPERTIES = {
    each.name: each
    for part in PARTS
    for platform in ("sapphire-rapids", "genoa")
    for each in program(part.scenarios[0].name, NEWEST, platform).properties
}
BREAKING = [each for each in MUTANTS if each.name in {p.mutant for p in PROPERTIES.values()}]


def test_every_property_has_a_mutant() -> None:
    """A property names a mutant that exists, and a mutant is named by a property or an eventuality."""
    names = {mutant.name for mutant in MUTANTS}
    later = {mutant.name for mutant in PROGRESS_MUTANTS}
    assert {each.mutant for each in PROPERTIES.values()} == names - later


@pytest.mark.parametrize("mutant", BREAKING, ids=lambda mutant: mutant.name)
def test_a_mutant_breaks_its_properties(mutant: Mutant) -> None:
    """The world without the mutant keeps the property and shows its witness; with it, a trace."""
    properties = [each for each in PROPERTIES.values() if each.mutant == mutant.name]
    before = explored(mutant.scenario, mutant.kernel, mutant.platform, **mutant.choices)
    choices = {**mutant.choices, **mutant.changed}
    mutated = system(mutant.scenario, mutant.kernel, mutant.platform, choices, mutant.edit)
    after = search(mutated, max_states=ENOUGH)
    for each in properties:
        assert before.verdict(each.name).verdict == "holds"
        assert before.witness(each.witness).verdict == "seen"
        verdict = after.verdict(each.name)
        assert verdict.verdict == "violated"
        assert verdict.trace is not None
        assert len(verdict.trace) == verdict.depth
