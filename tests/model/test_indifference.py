# SPDX-License-Identifier: Apache-2.0
"""A choice that is said to change nothing changes nothing: the same states, verdicts and traces."""

from __future__ import annotations

import dataclasses

import pytest

from tests.model.world import explored, system
from xsavvy.checker import Outcome, search
from xsavvy.kvm import kernel
from xsavvy.model.build import World, resolve, system_of
from xsavvy.model.indifference import idle_values
from xsavvy.model.platforms import preset
from xsavvy.model.registry import scenario_named

INTEL = "sapphire-rapids"


def world(name: str, release: str) -> World:
    """Describe a world by names."""
    scenario = scenario_named(name)
    assert scenario is not None
    which = kernel(release)
    return World(scenario, which, preset(INTEL), resolve(which, {}), {})


def timeless(outcome: Outcome) -> Outcome:
    """Leave out what depends on the machine."""
    return dataclasses.replace(outcome, engine="", seconds=0.0, bytes=None)


@pytest.mark.parametrize("name", ["pkru-xinuse", "progress", "progress-xfd"])
def test_an_idle_choice_changes_nothing(name: str) -> None:
    """Every value that is called idle explores the very same, down to the traces."""
    target = world(name, "v6.18")
    outcome = explored(name, "v6.18", INTEL)
    idle = idle_values(target, system_of(target), outcome)
    assert idle
    for choice, values in idle.items():
        for value in values:
            again = search(system(name, "v6.18", INTEL, {choice: value}))
            assert timeless(again) == timeless(outcome)


def test_a_choice_that_the_scenario_is_about_is_not_idle() -> None:
    """Where PKRU is switched matters to a guest with PKRU, and not to one without."""
    about = world("pkru-xinuse", "v6.18")
    found = idle_values(about, system_of(about), explored("pkru-xinuse", "v6.18", INTEL))
    assert "pkru_switch" not in found
    assert "pkru_write" not in found
    other = world("progress", "v6.18")
    found = idle_values(other, system_of(other), explored("progress", "v6.18", INTEL))
    assert found["pkru_write"] == ["xrstor"]
    asked = idle_values(
        other, system_of(other), explored("progress", "v6.18", INTEL), ["pkru_write"]
    )
    assert asked == {"pkru_write": ["xrstor"]}
