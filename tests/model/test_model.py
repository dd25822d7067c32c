# SPDX-License-Identifier: Apache-2.0
"""The model as a whole: its parts are named, sourced, within the dialect, and all of them are used."""

from __future__ import annotations

import pytest

from tests.model.world import explored, program, system
from xsavvy.kvm import NEWEST, RELEASES
from xsavvy.model.choices import value_name
from xsavvy.model.edits import ImpossibleDesign, label
from xsavvy.model.part import Part
from xsavvy.model.registry import CHOICES, DEFAULTS, PARTS, SCENARIOS, idle_paths, scenario_named

PLATFORMS = ["sapphire-rapids", "genoa"]
INTEL = "sapphire-rapids"


@pytest.mark.parametrize("platform", PLATFORMS)
@pytest.mark.parametrize("part", PARTS, ids=lambda part: part.name)
def test_every_step_and_event_has_a_source_and_a_sentence(part: Part, platform: str) -> None:
    """A rule without a source does not belong here."""
    whole = program(part.scenarios[0].name, NEWEST, platform)
    steps = [(step.source, step.effect) for path in whole.paths() for step in path.steps]
    for source, effect in (*steps, *((event.source, event.effect) for event in whole.events)):
        assert source
        assert effect.__doc__
    sentences = [each.sentence for each in whole.properties]
    for sentence in (*sentences, *(each.sentence for each in whole.witnesses)):
        assert sentence.endswith((".", ")."))


def test_names_are_used_once() -> None:
    """A scenario, a choice and a mutant are found by name, whatever part they belong to."""
    for names in (
        [each.name for each in SCENARIOS],
        [each.name for each in CHOICES],
        [each.name for part in PARTS for each in part.mutants],
        [each.name for each in PARTS],
    ):
        assert sorted(names) == sorted(set(names))


def test_every_choice_has_an_answer_for_each_value_and_a_default() -> None:
    """The table of design questions is complete."""
    assert {choice.name for choice in CHOICES} == set(DEFAULTS)
    for choice in CHOICES:
        assert set(choice.answers) == set(choice.values)
        assert DEFAULTS[choice.name] in choice.values
        assert all(choice.parse(value_name(value)) is value for value in choice.values)


@pytest.mark.parametrize("part", PARTS, ids=lambda part: part.name)
def test_scenarios_name_what_exists(part: Part) -> None:
    """Events, properties and witnesses of a scenario are those of its part, on one vendor at least."""
    first = part.scenarios[0].name
    both = [
        program(first, NEWEST, "sapphire-rapids", xfd_allocate="first_enable"),
        program(first, NEWEST, "genoa"),
    ]
    events = {event.name for each in both for event in each.events}
    assert set(part.leads_to) <= events
    for scenario in part.scenarios:
        assert scenario.part == part.name
        assert set(scenario.events) <= events
        assert set(scenario.properties) <= {x.name for each in both for x in each.properties}
        assert set(scenario.witnesses) <= {x.name for each in both for x in each.witnesses}


@pytest.mark.parametrize("release", RELEASES)
def test_every_kernel_and_scenario_loads(release: str) -> None:
    """Each pair gives a bound system with a start state, on the platform that the scenario stands on."""
    for scenario in SCENARIOS:
        platform = scenario.stand_in.get(True, INTEL)
        assert system(scenario.name, release, platform).starts


WORLDS: list[tuple[str, str, str, dict[str, str]]] = [
    ("fpu", NEWEST, INTEL, {}),
    ("fpu", "v6.18", "genoa", {}),
    ("xcr0", "v6.18", INTEL, {}),
    ("xcr0", NEWEST, "genoa", {}),
    ("xss", "v6.18", INTEL, {}),
    ("pkru", NEWEST, INTEL, {}),
    ("pkru", "v6.18", "genoa", {}),
    ("xfd", NEWEST, INTEL, {}),
    ("xfd-on-demand", "v6.18", INTEL, {"xfd_intercept": "option_3", "allocation": "may_fail"}),
]


def test_every_step_and_event_is_taken_in_some_scenario() -> None:
    """Nothing in the model is dead: what no scenario reaches is a defect."""
    known: set[str] = set()
    taken: set[str] = set()
    for scenario, release, platform, choices in WORLDS:
        bound = system(scenario, release, platform, choices)
        names = {*bound.step_names, *bound.event_names}
        outcome = explored(scenario, release, platform, **choices)
        known |= names
        taken |= names - {*outcome.unreached.steps, *outcome.unreached.events}
    assert known - taken == set()


def test_a_scenario_reaches_all_that_it_means_to() -> None:
    """What stays unreached belongs to a path that only left-out events lead to."""
    for scenario, release, platform, choices in WORLDS:
        outcome = explored(scenario, release, platform, **choices)
        which = scenario_named(scenario)
        assert which is not None
        idle = idle_paths(which)
        assert [step for step in outcome.unreached.steps if step.split(".")[0] not in idle] == []
        assert outcome.unreached.events == ()


@pytest.mark.parametrize("platform", PLATFORMS)
def test_v6_19_switches_outside_the_loop_and_v6_18_inside(platform: str) -> None:
    """The steps keep their names and change their paths."""
    run = "vmx_vcpu_run" if platform == INTEL else "svm_vcpu_run"
    old = program("fpu", "v6.18", platform)
    new = program("fpu", "v6.19", platform)
    for step in ("load_guest_xcr0", "load_guest_xss", "kvm_load_guest_pkru"):
        assert label(old, step) == f"{run}.{step}"
        assert label(new, step) == f"vcpu_enter_guest.{step}"
    for step in ("kvm_load_host_pkru", "load_host_xcr0", "load_host_xss"):
        assert label(old, step) == f"{run}.{step}"
        assert label(new, step) == f"vcpu_exit_guest.{step}"


def test_pkru_cannot_precede_an_xcr0_that_is_switched_elsewhere() -> None:
    """Choices that contradict each other are refused by name."""
    with pytest.raises(ImpossibleDesign, match="pkru_home and xfeatures_home alike"):
        program("pkru", NEWEST, INTEL, pkru_order="before_xcr0", pkru_home="vendor_run")
