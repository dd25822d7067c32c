# SPDX-License-Identifier: Apache-2.0
"""A guest that moves: two hosts with different CPUs and kernels, and the ioctls between them.

A part with a record of its own. Read `values`, `machine`, then `source` (what happens before the guest leaves),
`journey` (how the VMM saves and restores it), `vcpu`, `image`, `fpstate` (what a kernel does) and `properties`.
"""

from collections.abc import Callable

from xsavvy.checker import Actor, Program
from xsavvy.model.part import Part
from xsavvy.model.world import World

from .choices import CHOICES
from .constants import MoveConstants
from .hosts import constants
from .journey import journey, move_is_over, vmm_runs
from .kernels import DEFAULTS, DELTAS
from .machine import Moving
from .mutants import MUTANTS
from .properties import PROPERTIES, WITNESSES
from .scenarios import SCENARIOS
from .source import source_events

__all__ = ["MOVES"]


def program(world: World) -> Program:
    """Return the whole program: the VMM's paths, what may happen at the source, what must be true."""
    return Program(
        record=Moving,
        actors=(
            Actor(
                "vmm",
                "vmm_at",
                vmm_runs,
                journey(world.choices["restore_order"]),
                start="source",
            ),
        ),
        events=source_events(),
        properties=PROPERTIES,
        witnesses=WITNESSES,
        terminal=move_is_over,
    )


def start(world: World) -> Callable[[Moving, MoveConstants], None]:
    """Return what sets up the start: nothing is there yet on either host."""

    def begin(s: Moving, k: MoveConstants) -> None:
        for name, value in world.scenario.start.items():
            setattr(s, name, value)

    return begin


MOVES = Part(
    name="moves",
    summary="A guest that is saved on one host and restored on another, with another CPU or kernel.",
    source=(
        "linux:arch/x86/kvm/x86.c kvm_vcpu_ioctl_x86_get_xsave2(), kvm_vcpu_ioctl_x86_set_xsave(); "
        "commits ad856280ddea, a1020a25e697, df1daba7d1cb, 2c87767c35ee, d187ba531230, 471f0aa7fa64, "
        "1937e18cc3cf, cc04b6a21d43"
    ),
    program=program,
    constants=constants,
    start=start,
    scenarios=SCENARIOS,
    choices=CHOICES,
    defaults=DEFAULTS,
    deltas=DELTAS,
    mutants=MUTANTS,
    inferred=(
        (
            "an image's header names PKRU when the host's PKRU is in use",
            "XSTATE_BV[9] of the guest's fpstate is XINUSE[9] of the VMM's PKRU, which is in the register at the save",
            (
                "derived from linux:arch/x86/kernel/fpu/core.c fpu_swap_kvm_fpstate(); "
                "linux:arch/x86/kvm/x86.c kvm_load_host_xsave_state()"
            ),
        ),
        (
            "a host whose XSAVES is turned off keeps images in the standard format",
            "what kernels do that use XSAVEC in place of XSAVES is left out",
            "linux:arch/x86/kernel/fpu/xstate.h os_xsave()",
        ),
        (
            "a compacted image is taken for a standard one before v5.16",
            "load_xsave() does not look at XCOMP_BV, so extended components are read from other places",
            "arch/x86/kvm/x86.c load_xsave() of 4.4",
        ),
    ),
    builds_on_run=False,
)
