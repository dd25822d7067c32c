# SPDX-License-Identifier: Apache-2.0
"""Stories: a trace walked once more through the model."""

from __future__ import annotations

import pytest

from xsavvy.api import GROUPS, LANES, Story, UsageError, check, stories, story
from xsavvy.api.checking import bound_system
from xsavvy.api.groups import group_of
from xsavvy.api.lanes import lane_of
from xsavvy.api.story import field_notes
from xsavvy.api.walking import Walk
from xsavvy.api.world import setting, world
from xsavvy.checker import System
from xsavvy.model.registry import SCENARIOS
from xsavvy.model.scenario import Scenario

WINDOW = "nmi_reads_user_memory_under_host_pkru"


@pytest.fixture(scope="module")
def window() -> Story:
    """The window of seed 002: an NMI comes while the guest's PKRU is in the register."""
    return story("pkru", property=WINDOW, kernel="v6.18", platform="sapphire-rapids")


def bound(scenario: Scenario) -> System:
    """Bind a scenario on a platform that it applies to."""
    for platform in ("sapphire-rapids", "genoa"):
        target, _ = world(scenario, setting(None, platform, {}, ()))
        if target is not None:
            return bound_system(target, None)
    raise AssertionError(f"no platform for {scenario.name}")


def test_a_story_leads_where_its_trace_leads(window: Story) -> None:
    """Steps and changes are those of the result, and the property breaks at the last step and nowhere before."""
    assert [(each.taken.move.step, each.taken.changes) for each in window.steps] == [
        (each.step, each.changes) for each in window.result.trace
    ]
    breaks = [WINDOW in each.taken.breaks for each in window.steps]
    assert breaks == [False] * (len(breaks) - 1) + [True]
    assert WINDOW not in window.start.broken


def test_risk_begins_with_the_window_and_lasts(window: Story) -> None:
    """From the write of the guest's PKRU on, an NMI is enough; before it, nothing that can come is."""
    risk = [window.risk_at_start, *(each.at_risk for each in window.steps)]
    first = risk.index(True)
    assert all(risk[first:])
    opening = window.steps[first - 1].taken
    assert opening.move.step == "vmx_vcpu_run.kvm_load_guest_pkru"
    assert opening.changes == {"hw_pkru[0]": ("vmm", "init")}


def test_an_actor_stands_where_its_steps_lead(window: Story) -> None:
    """Applying what each step tells about standing to the start gives the places at the end."""
    standing = {each.actor: each for each in window.start.standing}
    for step in window.steps:
        standing.update({each.actor: each for each in step.standing})
    assert standing["nmi"].at == "perf_nmi.copy_from_user_nmi"
    assert standing["nmi"].context == ["preemption off", "interrupts off", "NMIs held"]
    assert (standing["nmi"].runs, standing["vcpu"].runs) == (True, False)


def test_a_story_of_what_holds_is_empty() -> None:
    """A property that holds has no steps, and a start that is not at risk."""
    report = check(["pkru-xinuse"], kernel="v6.18", platform="genoa")
    for told in stories(report.results, kernel="v6.18", platform="genoa"):
        assert (told.path, told.steps, told.risk_at_start) == ([], [], False)


def test_a_story_of_nothing_known_is_one_line() -> None:
    """A scenario that does not exist is wrong usage."""
    with pytest.raises(UsageError, match="no scenario 'pkur'; nearest: pkru"):
        story("pkur")


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda each: each.name)
def test_everybody_has_a_lane_and_every_field_a_group(scenario: Scenario) -> None:
    """No actor and no field of the model falls to a lane or a group by default."""
    from xsavvy.api.groups import _GROUP_OF
    from xsavvy.api.lanes import _LANE_OF

    system = bound(scenario)
    assert {rule.actor for rule in system.rules} <= _LANE_OF.keys()
    assert {lane_of(rule.actor) for rule in system.rules} <= LANES.keys()
    notes = field_notes(system)
    assert {note.group for note in notes} <= GROUPS.keys()
    ends = {"fault", "trace_fault", "phase", "harm", "chosen", "breakage"}
    plain = {note.name.partition("[")[0] for note in notes} - ends
    assert {name.partition("_")[0] for name in plain} <= _GROUP_OF.keys()
    assert all(group_of(name) in GROUPS for name in plain)


def test_a_path_ends_before_what_is_impossible() -> None:
    """Rules that are out of range or not possible end a path; what came before stands."""
    walk = Walk(bound(next(each for each in SCENARIOS if each.name == "pkru")))
    rule, new = next(walk.possible(walk.start))
    assert walk.states([rule.index]) == [walk.start, new]
    assert walk.states([rule.index, len(walk.system.rules)]) == [walk.start, new]
    assert walk.states([-1]) == [walk.start]
    closed = next(r for r in walk.system.rules if walk.after(walk.start, r) is None)
    assert walk.states([closed.index, rule.index]) == [walk.start]
