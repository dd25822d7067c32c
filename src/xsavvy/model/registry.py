# SPDX-License-Identifier: Apache-2.0
"""Everything that the parts of the model bring along, by name.

A kernel answers every part's questions, whichever part a scenario plays in.
"""

from collections.abc import Mapping
from enum import IntEnum

from xsavvy.kvm import Kernel

from .choices import CORE_CHOICES, Choice
from .delta import Delta, answers
from .mutant import Mutant
from .part import Part
from .parts import PARTS
from .runpart import RUN
from .scenario import Scenario

__all__ = [
    "CHOICES",
    "DEFAULTS",
    "MUTANTS",
    "PARTS",
    "SCENARIOS",
    "choice_named",
    "deltas_of",
    "idle_paths",
    "kernel_choices",
    "part_of",
    "questions",
    "scenario_named",
]

CHOICES: tuple[Choice, ...] = tuple(choice for part in PARTS for choice in part.choices)
SCENARIOS: tuple[Scenario, ...] = tuple(each for part in PARTS for each in part.scenarios)
MUTANTS: tuple[Mutant, ...] = tuple(mutant for part in PARTS for mutant in part.mutants)
DEFAULTS: Mapping[str, IntEnum] = {
    name: value for part in PARTS for name, value in part.defaults.items()
}

_PARTS = {part.name: part for part in PARTS}
_SCENARIOS = {scenario.name: scenario for scenario in SCENARIOS}
_CHOICES = {choice.name: choice for choice in CHOICES}


def part_of(scenario: Scenario) -> Part:
    """Return the part that a scenario plays in."""
    return _PARTS[scenario.part]


def scenario_named(name: str) -> Scenario | None:
    """Return the scenario of that name, if there is one."""
    return _SCENARIOS.get(name)


def choice_named(name: str) -> Choice | None:
    """Return the choice of that name, if there is one."""
    return _CHOICES.get(name)


def deltas_of(commit: str) -> tuple[tuple[Part, Delta], ...]:
    """Return what a commit changes, part by part."""
    return tuple((part, part.deltas[commit]) for part in PARTS if commit in part.deltas)


def kernel_choices(kernel: Kernel) -> dict[str, IntEnum]:
    """Return the answers that a kernel gives to every design question."""
    values: dict[str, IntEnum] = {}
    for part in PARTS:
        values.update(answers(kernel, part.defaults, part.deltas))
    return values


def questions(scenario: Scenario) -> tuple[Choice, ...]:
    """Return the choices that can matter in a scenario: its part's, and the run loop's if that is in it."""
    part = part_of(scenario)
    shared = CORE_CHOICES if part.builds_on_run and part.name != "run" else ()
    return (*shared, *part.choices)


def idle_paths(scenario: Scenario) -> frozenset[str]:
    """Return the paths that a scenario does not mean to exercise: those that only events it leaves out lead to."""
    part = part_of(scenario)
    shared = RUN.leads_to if part.builds_on_run else {}
    leads = (*shared.items(), *part.leads_to.items())
    wanted = {path for event, paths in leads if event in scenario.events for path in paths}
    return frozenset(path for _, paths in leads for path in paths) - wanted
