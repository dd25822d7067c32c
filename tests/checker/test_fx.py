# SPDX-License-Identifier: Apache-2.0
"""The counts of the measured prototype are reached by every engine."""

from __future__ import annotations

import pytest

from tests.checker import fx
from xsavvy.checker import Resources, bind, search


@pytest.mark.parametrize(
    ("engine", "budget", "states", "transitions"),
    [
        ("reference", 0, 27_616, 65_792),
        ("packed", 0, 27_616, 65_792),
        ("packed", 3, 113_224, 276_716),
        ("compiled", 0, 27_616, 65_792),
        ("compiled", 3, 113_224, 276_716),
    ],
)
def test_counts_are_those_of_four_independent_writings(engine, budget, states, transitions):
    """States, transitions and depth equal those of Python, Murphi, Promela and TLA+."""
    found = search(bind(fx.program(), fx.Size(), [fx.budget(budget)]), engine)
    assert (found.states, found.transitions, found.depth) == (states, transitions, 36)
    assert found.complete
    assert {verdict.verdict for verdict in found.verdicts} == {"holds"}


@pytest.mark.parametrize("threads", [1, 2])
def test_three_components_have_known_counts(threads):
    """12.8 million states, with one thread and with two."""
    system = bind(fx.program(3), fx.Size(3))
    found = search(system, "compiled", resources=Resources(threads=threads))
    assert (found.states, found.transitions) == (12_831_360, 33_289_152)


def test_two_components_have_known_counts():
    """The counts with two components equal those of the other writings, too."""
    found = search(bind(fx.program(2), fx.Size(2)))
    assert (found.states, found.transitions, found.depth) == (661_888, 1_632_576, 49)


def test_the_seeded_bug_is_found_by_its_shortest_trace():
    """When ptrace forgets to invalidate the owner, eight transitions show it."""
    found = search(bind(fx.program(), fx.Size(bug=1), [fx.budget(1)]))
    verdict = found.verdict("user0_sees_user0")
    assert (verdict.verdict, verdict.depth, len(verdict.trace)) == ("violated", 8, 8)
    assert "can_ptrace:ptrace" in [hop.step for hop in verdict.trace.hops]
    others = {item.verdict for item in found.verdicts if item.name != "user0_sees_user0"}
    assert others == {"holds"}
