# SPDX-License-Identifier: Apache-2.0
"""The part `history`: the run loop with what its old bugs needed around it."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from xsavvy.checker import Program
from xsavvy.model.constants import Constants
from xsavvy.model.part import Part
from xsavvy.model.runpart import run_constants, run_program, run_start
from xsavvy.model.world import World

from .bounds import NAME as BOUNDS
from .bounds import with_bounds
from .emulator import with_emulator
from .hotplug import HOTPLUG
from .images import with_get_xsave
from .kernels import DELTAS
from .machine import HistoryMachine
from .mce import with_machine_checks
from .mutants import MUTANTS
from .properties import PROPERTIES, WITNESSES
from .scenarios import LEADS_TO, SCENARIOS

__all__ = ["HISTORY"]


def extend(program: Program, world: World) -> Program:
    """Add what this part has to the run loop."""
    vmx = world.platform.vmx
    program = with_machine_checks(replace(program, record=HistoryMachine), vmx)
    program = with_emulator(program, vmx)
    program = with_bounds(with_get_xsave(program), vmx).with_event(HOTPLUG)
    return program.with_property(*PROPERTIES).with_witness(*WITNESSES)


def whole(world: World) -> Program:
    """Return the whole program of a world."""
    return run_program(world, extend, DELTAS)


def constants(world: World) -> Constants:
    """Return what steps read as `k`: a guest has MPX where it makes bounds."""
    return run_constants(world, {"guest_mpx": int(BOUNDS in world.scenario.events)})


def start(world: World) -> Callable[[Any, Any], None]:
    """Return what sets up the start state: the run loop's."""
    return run_start(world)


HISTORY = Part(
    name="history",
    summary="Machine checks, CPU hotplug, the emulator, MPX, and kernels since v3.10.",
    source=(
        "commits 42bdf991f4ca, fc5b7f3b, 1811d979c716, 5567d11c21a1, ec269475cba7, tif_in_guest_fpu_swap, "
        "emulator_fpu_lock, 1be0e61c1f25, 38cfd5e3df9c, 37486135d3a7, mpx_eager_fpu"
    ),
    program=whole,
    constants=constants,
    start=start,
    scenarios=SCENARIOS,
    deltas=DELTAS,
    mutants=MUTANTS,
    leads_to=LEADS_TO,
    inferred=(
        (
            "the emulator before v4.15 and from v4.15 to v5.5",
            "emulator_get_fpu() loads the guest's FPU until v4.14; nothing is done from v4.15 to v5.5",
            "the text of commits f775b13eedee and emulator_fpu_lock",
        ),
        (
            "every component of a task's image was in use",
            "an XRSTOR under another XCR0 than the save faults, in the standard format too",
            "commit fc5b7f3b: XSTATE_BV keeps the bits that XCR0 lacks",
        ),
    ),
)
