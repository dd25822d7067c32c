# SPDX-License-Identifier: Apache-2.0
"""The model as a whole: its parts are named, sourced, within the dialect, and all of them are used."""

from __future__ import annotations

import pytest

from tests.model.world import explored, system
from xsavvy.checker import Program
from xsavvy.kvm import NEWEST, kernel
from xsavvy.model.build import assembled, resolve
from xsavvy.model.choices import CHOICES, choice_named, value_name
from xsavvy.model.edits import ImpossibleDesign, label
from xsavvy.model.kernels import DEFAULTS
from xsavvy.model.scenarios import LEADS_TO, SCENARIOS, idle_paths, scenario_named

VENDORS = [True, False]
INTEL = "sapphire-rapids"


def program(vmx: bool, **choices: str) -> Program:
    """Assemble the newest kernel's program with some choices."""
    chosen = {}
    for name, text in choices.items():
        choice = choice_named(name)
        assert choice is not None
        value = choice.parse(text)
        assert value is not None
        chosen[name] = value
    return assembled(kernel(NEWEST), resolve(kernel(NEWEST), chosen), vmx)


@pytest.mark.parametrize("vmx", VENDORS)
def test_every_step_and_event_has_a_source_and_a_sentence(vmx: bool) -> None:
    """A rule without a source does not belong here."""
    whole = program(vmx)
    steps = [(step.source, step.effect) for path in whole.paths() for step in path.steps]
    for source, effect in (*steps, *((event.source, event.effect) for event in whole.events)):
        assert source
        assert effect.__doc__
    sentences = [each.sentence for each in whole.properties]
    for sentence in (*sentences, *(each.sentence for each in whole.witnesses)):
        assert sentence.endswith((".", ")."))


def test_every_choice_has_an_answer_for_each_value_and_a_default() -> None:
    """The table of design questions is complete."""
    assert {choice.name for choice in CHOICES} == set(DEFAULTS)
    for choice in CHOICES:
        assert set(choice.answers) == set(choice.values)
        assert DEFAULTS[choice.name] in choice.values
        assert all(choice.parse(value_name(value)) is value for value in choice.values)


def test_scenarios_name_what_exists() -> None:
    """Events, properties and witnesses of a scenario are those of the model, on one vendor at least."""
    both = [program(True, xfd_allocate="first_enable"), program(False)]
    events = {event.name for each in both for event in each.events}
    assert set(LEADS_TO) <= events
    for scenario in SCENARIOS:
        assert set(scenario.events) <= events
        assert set(scenario.properties) <= {each.name for each in both[0].properties}
        assert set(scenario.witnesses) <= {each.name for each in both[0].witnesses}


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


@pytest.mark.parametrize("vmx", VENDORS)
def test_v6_19_switches_outside_the_loop_and_v6_18_inside(vmx: bool) -> None:
    """The steps keep their names and change their paths."""
    run = "vmx_vcpu_run" if vmx else "svm_vcpu_run"
    old = assembled(kernel("v6.18"), resolve(kernel("v6.18"), {}), vmx)
    new = assembled(kernel("v6.19"), resolve(kernel("v6.19"), {}), vmx)
    for step in ("load_guest_xcr0", "load_guest_xss", "kvm_load_guest_pkru"):
        assert label(old, step) == f"{run}.{step}"
        assert label(new, step) == f"vcpu_enter_guest.{step}"
    for step in ("kvm_load_host_pkru", "load_host_xcr0", "load_host_xss"):
        assert label(old, step) == f"{run}.{step}"
        assert label(new, step) == f"vcpu_exit_guest.{step}"


def test_pkru_cannot_precede_an_xcr0_that_is_switched_elsewhere() -> None:
    """Choices that contradict each other are refused by name."""
    with pytest.raises(ImpossibleDesign, match="pkru_home and xfeatures_home alike"):
        program(True, pkru_order="before_xcr0", pkru_home="vendor_run")
