# SPDX-License-Identifier: Apache-2.0
"""What a scenario did not exercise: steps, events, values, outcomes, and choices that change nothing in it."""

import msgspec

from xsavvy.checker import Outcome, System
from xsavvy.model.build import World, resolve
from xsavvy.model.choices import value_name
from xsavvy.model.indifference import idle_values
from xsavvy.model.registry import idle_paths

from .world import Setting

__all__ = ["Coverage", "coverage"]


class Coverage(msgspec.Struct, frozen=True):
    """Names of what was never taken, by kind; see CheckResult."""

    unreached: list[str]
    never_chosen: list[str]
    untaken: list[str]
    idle: dict[str, list[str]]
    no_effect: list[str]


def coverage(
    target: World,
    shared: Setting,
    system: System,
    outcome: Outcome,
    untaken: tuple[str, ...],
    *,
    patched: bool,
) -> Coverage:
    """Say what an exploration left out, but for the paths that the scenario does not mean to exercise.

    Where a patch changed the model it is not known which choices are idle.
    """
    paths = idle_paths(target.scenario)

    def meant(label: str) -> bool:
        return label.partition(".")[0] not in paths

    steps = [step for step in outcome.unreached.steps if meant(step)]
    idle = {} if patched else idle_values(target, system, outcome)
    own = resolve(target.kernel, {})
    return Coverage(
        unreached=[*steps, *outcome.unreached.events],
        never_chosen=list(outcome.unreached.values),
        untaken=[each for each in untaken if meant(each.partition(" -> ")[2])],
        idle=idle,
        no_effect=[
            f"{name}={value_name(value)}"
            for name, value in shared.chosen.items()
            if name in own and value_name(own[name]) in idle.get(name, ())
        ],
    )
