# SPDX-License-Identifier: Apache-2.0
"""How long a window would have stayed open without what came in."""

from __future__ import annotations

import pytest

from xsavvy.api import Story, story
from xsavvy.api.checking import bound_system
from xsavvy.api.walking import Walk
from xsavvy.api.world import find_scenario, setting, world


@pytest.fixture(scope="module")
def sleeping() -> Story:
    """A machine check's handler sleeps with the guest's XCR0 in the register (v5.0; fixed in v5.8)."""
    return story(
        "machine-check", property="kernel_survives", kernel="v5.0", platform="sapphire-rapids"
    )


def test_the_rest_is_what_the_host_does_without_the_interruption() -> None:
    """On VMX before the fix, VM entry would have closed the window in which an NMI reads under guest PKRU."""
    told = story(
        "pkru",
        property="nmi_reads_user_memory_under_host_pkru",
        kernel="v6.18",
        platform="sapphire-rapids",
    )
    window = told.window
    assert window is not None
    assert told.steps[window.at].taken.move.step == "NMI"
    assert ([each.move.step for each in window.rest], window.ends) == (
        ["vmx_vcpu_run.vmenter"],
        "closes",
    )


def test_the_rest_leads_from_risk_to_none(sleeping: Story) -> None:
    """Walked in the model, the property stays at risk along the rest, and is not at its end; it never breaks."""
    target, _ = world(find_scenario("machine-check"), setting("v5.0", "sapphire-rapids", {}, ()))
    assert target is not None
    walk = Walk(bound_system(target, None))
    window = sleeping.window
    assert window is not None
    states = walk.states([*sleeping.path[: window.at], *(each.move.rule for each in window.rest)])
    assert len(states) == window.at + len(window.rest) + 1
    risk = [walk.at_risk(state, "kernel_survives") for state in states[window.at :]]
    assert risk == [True] * len(window.rest) + [False]
    assert all("kernel_survives" not in walk.broken(state) for state in states)


def test_what_came_in_keeps_the_property_at_risk_to_the_end(sleeping: Story) -> None:
    """From the interruption on there is no step without risk, though no single step breaks the property."""
    window = sleeping.window
    assert window is not None
    assert window.at < len(sleeping.steps) - 2
    assert all(step.at_risk for step in sleeping.steps[window.at - 1 :])


def test_no_interruption_leaves_no_window() -> None:
    """A guest that breaks the property by itself met no window."""
    told = story(
        "guest-fpu",
        property="tasks_find_their_registers",
        kernel="v5.1",
        platform="sapphire-rapids",
    )
    assert told.steps
    assert told.window is None
    assert told.result.verdict == "violated"
