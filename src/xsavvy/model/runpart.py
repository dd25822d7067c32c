# SPDX-License-Identifier: Apache-2.0
"""The run loop as a part: its program, its constants, its start.

Another part that builds on it calls `run_program` with its extension, `run_constants` with its constants and
`run_start` with what it adds to the start.
"""

from collections.abc import Callable, Mapping

from xsavvy.checker import Program
from xsavvy.isa.components import PKRU, SSE, XTILEDATA

from . import constants as c
from .assemble import base_program
from .choices import CORE_CHOICES
from .constants import Constants
from .delta import Delta, apply_deltas
from .edits import apply_choices
from .kernels import (
    DEFAULTS,
    DELTAS,
    guest_has_protection_keys,
    guest_xcr0,
    guest_xss,
    host_xcr0,
    host_xss,
)
from .machine import Machine
from .mutants import MUTANTS, PROGRESS_MUTANTS
from .part import Part
from .scenarios import LEADS_TO, RUN_SCENARIOS
from .values import TILE, Buffer, Task, Value
from .world import World

__all__ = ["RUN", "run_constants", "run_program", "run_start"]

Extend = Callable[[Program, World], Program]
Start = Callable[[Machine, Constants], None]


def run_program(
    world: World, extend: Extend | None = None, deltas: Mapping[str, Delta] | None = None
) -> Program:
    """Return the run loop's program, extended by a part before commits and choices edit it.

    `deltas` are the part's own; a commit that the run loop has a delta for, too, makes both edits. Raises
    edits.ImpossibleDesign.
    """
    on_demand = world.choices["xfd_allocate"] == c.XfdAllocate.FIRST_ENABLE
    program = base_program(world.platform.vmx, on_demand)
    if extend is not None:
        program = extend(program, world)
    program = apply_deltas(program, world.kernel, DELTAS)
    program = apply_deltas(program, world.kernel, deltas or {})
    return apply_choices(program, world.choices, world.platform.vmx)


def run_constants(world: World, more: Mapping[str, int] | None = None) -> Constants:
    """Return what steps read as `k`; `more` are the constants of a part that builds on the run loop."""
    platform, scenario = world.platform, world.scenario
    host = host_xcr0(world.kernel, platform.xcr0)
    xss = host_xss(
        world.kernel, platform.processor.xss_supported if platform.processor.xsaves else 0
    )
    guest = guest_xcr0(world.kernel, host) & scenario.guest_xcr0
    offered = (
        guest_xss(world.kernel, xss)
        if scenario.needs_xss or "WRMSR IA32_XSS" in scenario.events
        else 0
    )
    return Constants(
        cpus=scenario.cpus,
        host_xcr0=host,
        host_xss=xss,
        xfd_capable=platform.xfd_capable & host,
        pkru_inuse_by_value=int(platform.pkru_inuse_by_value),
        pkru_inuse_tracked=int("guest_sees_its_own_pkru_inuse" in scenario.properties),
        guest_xcr0=guest,
        guest_xcr0_kept=scenario.guest_keeps,
        guest_tries_illegal=int(scenario.tries_illegal),
        guest_xss=offered,
        guest_pku=int(guest_has_protection_keys(world.kernel, guest, platform.vmx)),
        **{name: int(world.choices[name]) for name in DEFAULTS},
        extra=_extra(world, more or {}),
    )


def _extra(world: World, more: Mapping[str, int]) -> dict[str, int]:
    """Return the answers to other parts' questions and to a patch's, and a part's own constants."""
    others = {name: int(value) for name, value in world.choices.items() if name not in DEFAULTS}
    return {**others, **more, **world.extra}


def run_start(world: World, more: Start | None = None) -> Start:
    """Return what sets up the start: the VMM in user mode, nothing run yet, the other task asleep.

    `more` is what a part that builds on the run loop sets up after that, and before the scenario's own start.
    """

    def start(s: Machine, k: Constants) -> None:
        _start_cpus(s, k)
        _start_buffers(s, k)
        s.vcpu_xcr0 = k.guest_xcr0
        if more is not None:
            more(s, k)
        for name, value in world.scenario.start.items():
            setattr(s, name, value)
        if world.scenario.booted:
            _boot(s, k)

    return start


def _boot(s: Machine, k: Constants) -> None:
    """Enable the guest's tiles and disable them by XFD, as Linux does when it boots."""
    s.vcpu_xcr0 = k.guest_xcr0
    s.fp_xfd[Buffer.GUEST] = TILE
    s.ghost_xfd = TILE
    s.vcpu_xfd_passthrough = int(k.xfd_intercept == c.XfdIntercept.FIRST_NONZERO)


def _start_cpus(s: Machine, k: Constants) -> None:
    has_pkru = k.host_xcr0 & PKRU
    s.current = Task.VMM
    s.hw_sse = [Value.VMM, Value.INIT]
    s.hw_pkru = [Value.VMM if has_pkru else Value.INIT, Value.INIT]
    s.hw_xinuse = [SSE | has_pkru, 0]
    s.vcpu_host_pkru = Value.ANY
    s.hw_xcr0 = [k.host_xcr0] * 2
    s.hw_xss = [k.host_xss] * 2
    s.hw_xfd = [k.xfd_capable] * 2
    s.cpu_xfd_state = [k.xfd_capable] * 2
    s.cpu_fpregs_owner = [Task.VMM, Task.NOBODY]
    s.tif_need_fpu_load = [0, 1]
    s.thread_pkru = [Value.INIT, Value.OTHER if has_pkru else Value.INIT]
    s.ghost_vmm_pkru = Value.VMM if has_pkru else Value.INIT


def _start_buffers(s: Machine, k: Constants) -> None:
    default = (k.host_xcr0 | k.host_xss) & ~XTILEDATA
    guest = default | (k.guest_xcr0 & TILE if k.xfd_allocate == c.XfdAllocate.SET_CPUID else 0)
    s.fp_xfeatures[Buffer.VMM] = default
    s.fp_xfeatures[Buffer.OTHER] = default | k.xfd_capable
    s.fp_xfeatures[Buffer.GUEST] = guest
    s.fp_xfd = [k.xfd_capable, 0, 0]
    s.fp_xstate_bv = [0, SSE | k.xfd_capable, 0]
    s.fp_sse[Buffer.OTHER] = Value.OTHER
    if k.xfd_capable:
        s.fp_tile[Buffer.OTHER] = Value.OTHER


RUN = Part(
    name="run",
    summary="KVM_RUN from the ioctl to the guest and back, the FPU core, the scheduler, interrupts.",
    source=(
        "linux:arch/x86/kvm/x86.c kvm_arch_vcpu_ioctl_run(), vcpu_enter_guest(); "
        "linux:arch/x86/kernel/fpu/core.c fpu_swap_kvm_fpstate()"
    ),
    program=run_program,
    constants=run_constants,
    start=run_start,
    scenarios=RUN_SCENARIOS,
    choices=CORE_CHOICES,
    defaults=DEFAULTS,
    deltas=DELTAS,
    mutants=(*MUTANTS, *PROGRESS_MUTANTS),
    leads_to=LEADS_TO,
)
