# SPDX-License-Identifier: Apache-2.0
"""From a question to a bound system: scenario, kernel, platform, choices.

`world()` answers what is asked for; `assembled()` gives the program before it is narrowed to the scenario, which is
what a patch edits.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from enum import IntEnum

from xsavvy.checker import Program, System, bind
from xsavvy.isa.components import PKRU, SSE, XTILEDATA
from xsavvy.kvm import Kernel

from . import constants as c
from .assemble import base_program
from .constants import Constants
from .edits import apply_choices
from .kernels import apply_commits, guest_xss, host_xss, kernel_choices
from .machine import Machine
from .platforms import Platform
from .scenarios import Scenario
from .values import TILE, Buffer, Task, Value

__all__ = ["World", "assembled", "constants_for", "narrowed", "resolve", "start_state", "system_of"]

Patch = Callable[[Program], Program]


@dataclass(frozen=True)
class World:
    """Everything that a check is about."""

    scenario: Scenario
    kernel: Kernel
    platform: Platform
    choices: Mapping[str, IntEnum]
    extra: Mapping[str, int]


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


def constants_for(world: World) -> Constants:
    """Return what steps read as `k`."""
    platform, scenario = world.platform, world.scenario
    host = platform.xcr0
    xss = host_xss(
        world.kernel, platform.processor.xss_supported if platform.processor.xsaves else 0
    )
    guest = host & scenario.guest_xcr0
    offered = (
        guest_xss(world.kernel, xss)
        if scenario.needs_xss or "WRMSR IA32_XSS" in scenario.events
        else 0
    )
    return Constants(
        cpus=scenario.cpus,
        host_xcr0=host,
        host_xss=xss,
        xfd_capable=platform.xfd_capable,
        pkru_inuse_by_value=int(platform.pkru_inuse_by_value),
        pkru_inuse_tracked=int("guest_sees_its_own_pkru_inuse" in scenario.properties),
        guest_xcr0=guest,
        guest_xcr0_kept=scenario.guest_keeps,
        guest_tries_illegal=int(scenario.tries_illegal),
        guest_xss=offered,
        guest_pku=int(guest & PKRU != 0),
        **{name: int(value) for name, value in world.choices.items()},
        extra=dict(world.extra),
    )


def assembled(kernel: Kernel, choices: Mapping[str, IntEnum], vmx: bool) -> Program:
    """Return the whole program of a kernel and a set of choices, for one vendor.

    Raises edits.ImpossibleDesign.
    """
    on_demand = choices["xfd_allocate"] == c.XfdAllocate.FIRST_ENABLE
    program = apply_commits(base_program(vmx, on_demand), kernel)
    return apply_choices(program, choices, vmx)


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


def start_state(world: World) -> Callable[[Machine, Constants], None]:
    """Return what sets up the start: the VMM in user mode, nothing run yet, the other task asleep."""

    def start(s: Machine, k: Constants) -> None:
        _start_cpus(s, k)
        _start_buffers(s, k)
        s.vcpu_xcr0 = k.guest_xcr0
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


def system_of(world: World, patch: Patch | None = None, *, liveness: bool = False) -> System:
    """Return the bound system of a world, patched if a patch is given.

    What a patch adds is kept whatever the scenario leaves out; with `liveness` all eventualities are. Raises
    checker.ModelError, edits.ImpossibleDesign.
    """
    program = assembled(world.kernel, world.choices, world.platform.vmx)
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
