# SPDX-License-Identifier: Apache-2.0
"""From a question to a bound system: scenario, kernel, platform, choices.

`assembled()` gives the program before it is narrowed to the scenario, which is what a patch edits.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from enum import IntEnum
from typing import Any

from xsavvy.checker import Program, System, bind
from xsavvy.kvm import Kernel

from . import constants as c
from .registry import kernel_choices, part_of
from .scenario import Scenario
from .world import World

__all__ = ["World", "assembled", "constants_for", "narrowed", "resolve", "start_state", "system_of"]

Patch = Callable[[Program], Program]


def resolve(kernel: Kernel, chosen: Mapping[str, IntEnum]) -> dict[str, IntEnum]:
    """Return the answer to every design question: the kernel's, unless another one was chosen.

    The options of seed 001 presuppose that the fpstate grows on demand.
    """
    values = kernel_choices(kernel)
    options = (c.XfdIntercept.OPTION_1, c.XfdIntercept.OPTION_2, c.XfdIntercept.OPTION_3)
    if chosen.get("xfd_intercept") in options:
        values["xfd_allocate"] = c.XfdAllocate.FIRST_ENABLE
    values.update(chosen)
    return values


def constants_for(world: World) -> Any:
    """Return what steps read as `k`."""
    return part_of(world.scenario).constants(world)


def assembled(world: World) -> Program:
    """Return the whole program of a world: its part, its kernel's commits, its choices.

    Raises edits.ImpossibleDesign.
    """
    return part_of(world.scenario).program(world)


def start_state(world: World) -> Callable[[Any, Any], None]:
    """Return what sets up the start state."""
    return part_of(world.scenario).start(world)


def narrowed(program: Program, scenario: Scenario, keep: Iterable[str] = ()) -> Program:
    """Return a program with what a scenario names (events, properties, ...), and what is named in `keep`."""
    named = (scenario.events, scenario.properties, scenario.eventualities, scenario.witnesses)
    wanted = {*(name for names in named for name in names), *keep}
    return replace(
        program,
        events=tuple(event for event in program.events if event.name in wanted),
        properties=tuple(each for each in program.properties if each.name in wanted),
        witnesses=tuple(each for each in program.witnesses if each.name in wanted),
        eventualities=tuple(each for each in program.eventualities if each.name in wanted),
    )


def system_of(world: World, patch: Patch | None = None, *, liveness: bool = False) -> System:
    """Return the bound system of a world, patched if a patch is given.

    What a patch adds is kept whatever the scenario leaves out; with `liveness` all eventualities are. Raises
    checker.ModelError, edits.ImpossibleDesign.
    """
    program = assembled(world)
    keep = {each.name for each in program.eventualities} if liveness else set()
    if patch is not None:
        patched = patch(program)
        keep |= _names(patched) - _names(program)
        program = patched
    kept = narrowed(program, world.scenario, keep)
    return bind(kept, constants_for(world), (start_state(world),))


def _names(program: Program) -> set[str]:
    named = {each.name for each in program.events}
    named |= {each.name for each in program.properties}
    named |= {each.name for each in program.eventualities}
    return named | {each.name for each in program.witnesses}
