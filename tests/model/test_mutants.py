# SPDX-License-Identifier: Apache-2.0
"""Every property can be broken, and holds where its mutant is not."""

from __future__ import annotations

import pytest

from tests.model.world import explored, system
from xsavvy.checker import search
from xsavvy.model.mutants import MUTANTS, Mutant
from xsavvy.model.properties import PROPERTIES

ENOUGH = 150_000
"""States after which a mutant that was not caught has escaped."""

CASES = [(mutant, each) for mutant in MUTANTS for each in PROPERTIES if each.mutant == mutant.name]


def test_every_property_has_a_mutant() -> None:
    """A property names a mutant that exists, and a mutant is named by a property."""
    names = {mutant.name for mutant in MUTANTS}
    assert {each.mutant for each in PROPERTIES} == names


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_a_mutant_breaks_its_properties(mutant: Mutant) -> None:
    """The world without the mutant keeps the property and shows its witness; with it, a trace."""
    properties = [each for each in PROPERTIES if each.mutant == mutant.name]
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
