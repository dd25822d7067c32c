# SPDX-License-Identifier: Apache-2.0
"""Every eventuality holds on the newest kernel, is not empty, and can be broken."""

from __future__ import annotations

import pytest

from tests.model.world import explored, system
from xsavvy.checker import System
from xsavvy.checker.liveness import liveness
from xsavvy.checker.outcome import Verdict
from xsavvy.kvm import NEWEST
from xsavvy.model.mutant import Mutant
from xsavvy.model.mutants import PROGRESS_MUTANTS
from xsavvy.model.progress import EVENTUALITIES
from xsavvy.model.registry import SCENARIOS

INTEL, AMD = "sapphire-rapids", "genoa"
WITH_EVENTUALITIES = [each for each in SCENARIOS if each.eventualities and each.part == "run"]


def judged(bound: System) -> dict[str, Verdict]:
    """Judge a system's eventualities."""
    return {verdict.name: verdict for verdict in liveness(bound).verdicts}


def test_every_eventuality_has_a_mutant_and_a_scenario() -> None:
    """An eventuality names a mutant and a witness that exist, and some scenario asks for it."""
    assert {each.mutant for each in EVENTUALITIES} == {mutant.name for mutant in PROGRESS_MUTANTS}
    asked = {name for scenario in WITH_EVENTUALITIES for name in scenario.eventualities}
    assert asked == {each.name for each in EVENTUALITIES}


@pytest.mark.parametrize("release", ["v5.18", "v6.18", NEWEST])
@pytest.mark.parametrize("platform", [INTEL, AMD])
def test_a_vcpu_makes_progress(release: str, platform: str) -> None:
    """On every kernel and both vendors, each fair run meets each goal."""
    found = judged(system("progress", release, platform))
    assert {verdict.verdict for verdict in found.values()} == {"holds"}


@pytest.mark.parametrize("release", ["v5.18", "v6.18", NEWEST])
def test_a_guest_can_end_its_faults(release: str) -> None:
    """No #NM of XFD comes again and again because of the host."""
    found = judged(system("progress-xfd", release, INTEL))
    assert {verdict.verdict for verdict in found.values()} == {"holds"}


@pytest.mark.parametrize("mutant", PROGRESS_MUTANTS, ids=lambda mutant: mutant.name)
def test_a_mutant_breaks_its_eventuality(mutant: Mutant) -> None:
    """The world without the mutant keeps it and shows its witness; with it there is a lasso."""
    names = [each for each in EVENTUALITIES if each.mutant == mutant.name]
    before = judged(system(mutant.scenario, mutant.kernel, mutant.platform, mutant.choices))
    seen = explored(mutant.scenario, mutant.kernel, mutant.platform, **mutant.choices)
    choices = {**mutant.choices, **mutant.changed}
    after = judged(system(mutant.scenario, mutant.kernel, mutant.platform, choices, mutant.edit))
    for each in names:
        assert before[each.name].verdict == "holds"
        assert seen.witness(each.witness).verdict == "seen"
        verdict = after[each.name]
        assert verdict.verdict == "violated"
        assert verdict.trace is not None
        assert verdict.loop == verdict.depth
        assert len(verdict.trace) >= (verdict.loop or 0)


def test_a_fault_that_is_not_explained_comes_for_ever() -> None:
    """Without IA32_XFD_ERR the loop of the lasso is the #NM itself: instruction, exit, entry."""
    found = judged(system("progress-xfd", "v6.18+b45f72177594", INTEL, {"xfd_err": "not_saved"}))
    verdict = found["device_not_available_is_explained"]
    assert verdict.trace is not None
    loop = [hop.step for hop in verdict.trace.hops[verdict.loop :]]
    assert loop.count("AMX instruction under XFD") == 1
    assert loop.count("vmx_vcpu_run.vmexit") == 1
