# SPDX-License-Identifier: Apache-2.0
"""Who is offered CET: from power-on to a guest that uses it, on every machine, host and configuration.

A machine of its own, beside the run loop. Read `machine`, then `host` (what the environment chooses), `load` (what
KVM derives, and when), `use` (what may break).
"""

from collections.abc import Callable
from typing import Any

from xsavvy.checker import Actor, Program
from xsavvy.model.delta import apply_deltas
from xsavvy.model.part import Part
from xsavvy.model.scenario import Scenario
from xsavvy.model.world import World

from .choices import CHOICES, DEFAULTS
from .constants import ModuleConstants, constants
from .deltas import DELTAS
from .host import environment, host_paths
from .load import load_path
from .machine import Module
from .mutants import MUTANTS
from .properties import PROPERTIES, WITNESSES, is_over
from .use import use_events, use_paths

__all__ = ["CAPABILITIES"]


def always(s: Module, k: ModuleConstants) -> bool:
    """Nothing interrupts the loading of a module."""
    return True


def program(world: World) -> Program:
    """Return the whole program of a world."""
    paths = (*host_paths(), *load_path(world.platform.vmx), *use_paths())
    whole = Program(
        record=Module,
        actors=(Actor("module", "module_at", always, paths, start="power_on"),),
        events=(*environment(), *use_events()),
        properties=PROPERTIES,
        witnesses=WITNESSES,
        terminal=is_over,
    )
    return apply_deltas(whole, world.kernel, DELTAS)


def start(world: World) -> Callable[[Any, Any], None]:
    """Return what sets up the start: nothing, and what the scenario says."""

    def set_up(s: Any, k: Any) -> None:
        for name, value in world.scenario.start.items():
            setattr(s, name, value)

    return set_up


CAPABILITIES = Part(
    name="capabilities",
    summary="Which guests are offered CET, on any machine and host, and whether what is offered works.",
    source="seed 003; linux:arch/x86/kvm/x86.c kvm_setup_xss_caps(); linux:arch/x86/kvm/vmx/vmx.c vmx_set_cpu_caps()",
    program=program,
    constants=constants,
    start=start,
    scenarios=(
        Scenario(
            "capabilities",
            "Does KVM load everywhere, and does CET work wherever KVM offers it?",
            events=tuple(each.name for each in (*environment(), *use_events())),
            properties=tuple(each.name for each in PROPERTIES),
            witnesses=tuple(each.name for each in WITNESSES),
            leaves_out="other features, CPUs that differ from each other, a host with supervisor shadow stacks",
            source="seed 003; commit f8ade833b733 (fixes 69cc3e886582)",
            part="capabilities",
        ),
    ),
    choices=CHOICES,
    defaults=DEFAULTS,
    deltas=DELTAS,
    mutants=MUTANTS,
    builds_on_run=False,
    inferred=(
        (
            "any machine",
            "each of the bits that CET hangs on may be there without the others",
            "the manuals do not say that they come together, and a hypervisor may hide any of them",
        ),
    ),
)
