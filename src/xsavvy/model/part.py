# SPDX-License-Identifier: Apache-2.0
"""Parts: what the model consists of, so that a scenario takes only what it asks about.

The run loop with the FPU core is the part that others build on: such a part extends the record by a subclass, adds
paths, events and properties, and inserts its steps into the loop. A part may also be a machine of its own. What is
in no scenario's part costs a search nothing.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any

from xsavvy.checker import Program

from .choices import Choice
from .delta import Delta
from .mutant import Mutant
from .scenario import Scenario
from .world import World

__all__ = ["Part"]


@dataclass(frozen=True)
class Part:
    """One part of the model.

    `program` returns the whole program of a world, before it is narrowed to the scenario; `constants` what its steps
    read as `k`; `start` what sets up the start state. `defaults` answers the part's `choices` for the base kernel;
    `deltas` says what commits change in it. `leads_to` names the paths that only certain events lead to, so that
    a path which a scenario does not mean to take is not reported as never taken; the run loop's are added. `inferred`
    are rules of the part that no source states: name, rule, what it rests on. A part that does not build on the run
    loop has its own record.
    """

    name: str
    summary: str
    source: str
    program: Callable[[World], Program]
    constants: Callable[[World], Any]
    start: Callable[[World], Callable[[Any, Any], None]]
    scenarios: tuple[Scenario, ...]
    choices: tuple[Choice, ...] = ()
    defaults: Mapping[str, IntEnum] = field(default_factory=dict)
    deltas: Mapping[str, Delta] = field(default_factory=dict)
    mutants: tuple[Mutant, ...] = ()
    leads_to: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    inferred: tuple[tuple[str, str, str], ...] = ()
    builds_on_run: bool = True
