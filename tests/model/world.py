# SPDX-License-Identifier: Apache-2.0
"""Short ways to a searched world, for tests."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache

from xsavvy.checker import Outcome, Program, System, search
from xsavvy.kvm import kernel
from xsavvy.model.build import World, assembled, resolve, system_of
from xsavvy.model.platforms import preset
from xsavvy.model.registry import choice_named, scenario_named

__all__ = ["explored", "found", "program", "system", "world"]


def world(
    scenario: str, release: str, platform: str, choices: Mapping[str, str] | None = None
) -> World:
    """Name a world."""
    which = scenario_named(scenario)
    assert which is not None
    chosen = {}
    for name, text in (choices or {}).items():
        choice = choice_named(name)
        assert choice is not None
        value = choice.parse(text)
        assert value is not None
        chosen[name] = value
    target = kernel(release)
    return World(which, target, preset(platform), resolve(target, chosen), {})


def program(scenario: str, release: str, platform: str, **choices: str) -> Program:
    """Assemble the whole program of a world's part."""
    return assembled(world(scenario, release, platform, choices))


def system(
    scenario: str,
    release: str,
    platform: str,
    choices: Mapping[str, str] | None = None,
    edit: Callable[[Program], Program] | None = None,
) -> System:
    """Bind a world by names."""
    return system_of(world(scenario, release, platform, choices), edit)


@cache
def found(
    scenario: str, release: str, platform: str, choices: tuple[tuple[str, str], ...] = ()
) -> Outcome:
    """Explore a world once per test run."""
    return search(system(scenario, release, platform, dict(choices)))


def explored(scenario: str, release: str, platform: str, **choices: str) -> Outcome:
    """Explore a world once per test run, with choices as keywords."""
    return found(scenario, release, platform, tuple(sorted(choices.items())))
