# SPDX-License-Identifier: Apache-2.0
"""Design choices that change nothing in a scenario: what was explored would have been the same.

A value of a choice is *idle* beside the one that was explored if it gives the same program and the same start, and if
the code of everything that the exploration ran is the same with it (`checker.sameness`). Then every state, verdict and
trace is the same, with no need to explore again. A value that is not called idle may still make no difference.
"""

from collections.abc import Iterable, Mapping
from dataclasses import fields, replace
from enum import IntEnum
from typing import Any

from xsavvy.checker import Outcome, System
from xsavvy.checker.sameness import same_with

from .build import assembled, constants_for, narrowed, resolve, start_state
from .choices import value_name
from .edits import ImpossibleDesign
from .registry import questions
from .world import World

__all__ = ["idle_values"]


def idle_values(
    world: World, system: System, outcome: Outcome, names: Iterable[str] | None = None
) -> dict[str, list[str]]:
    """Return, for each choice that has any, its other values that are idle in a world that was explored.

    `system` is that of the world without a patch; `names` are the choices to look at, None means all. Nothing is idle
    if the exploration was not complete.
    """
    asked = questions(world.scenario)
    wanted = {choice.name for choice in asked} if names is None else set(names)
    found = {}
    for choice in asked:
        if choice.name not in wanted:
            continue
        other = [value for value in choice.values if value != world.choices[choice.name]]
        idle = [each for each in other if _is_idle(world, system, outcome, choice.name, each)]
        if idle:
            found[choice.name] = [value_name(value) for value in idle]
    return found


def _is_idle(world: World, system: System, outcome: Outcome, name: str, value: IntEnum) -> bool:
    other = replace(world, choices=_asked(world, name, value))
    try:
        if _start(world) != _start(other) or not _same_program(world, other.choices):
            return False
    except ImpossibleDesign:
        return False
    return same_with(system, outcome, _differing(constants_for(world), constants_for(other)))


def _asked(world: World, name: str, value: IntEnum) -> dict[str, IntEnum]:
    """Answer every question as if the value had been asked for too; it may bring others with it."""
    own = resolve(world.kernel, {})
    chosen = {each: answer for each, answer in world.choices.items() if answer != own[each]}
    return resolve(world.kernel, {**chosen, name: value})


def _differing(one: Any, other: Any) -> dict[str, int]:
    names = [item.name for item in fields(one) if item.name != "extra"]
    names += getattr(one, "extra", {})
    return {
        name: getattr(other, name) for name in names if getattr(one, name) != getattr(other, name)
    }


def _start(world: World) -> dict[str, Any]:
    record = assembled(world).record()
    start_state(world)(record, constants_for(world))
    return vars(record)


def _same_program(world: World, choices: Mapping[str, IntEnum]) -> bool:
    other = replace(world, choices=choices)
    one = narrowed(assembled(world), world.scenario)
    return one == narrowed(assembled(other), world.scenario)
