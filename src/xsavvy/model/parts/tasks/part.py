# SPDX-License-Identifier: Apache-2.0
"""Put this part together: the run loop, extended by what happens to its tasks."""

from dataclasses import replace

from xsavvy.checker import Program
from xsavvy.isa.components import PKRU
from xsavvy.model.constants import Constants
from xsavvy.model.interrupts import cpu_is_there
from xsavvy.model.machine import Machine
from xsavvy.model.part import Part
from xsavvy.model.run import ioctl_allowed
from xsavvy.model.runpart import run_constants, run_program, run_start
from xsavvy.model.values import Task, Value
from xsavvy.model.world import World

from .choices import CHOICES, DEFAULTS
from .delivery import DELIVERY_PATHS, reload_image
from .events import task_events
from .guest_xfd import with_guest_xfd
from .kernels import DELTAS
from .kthread import with_pkru_of_image
from .lifecycle import LIFECYCLE_PATHS
from .machine import TaskMachine
from .mutants import MUTANTS
from .properties import TASK_EVENTUALITIES, TASK_PROPERTIES, TASK_WITNESSES
from .scenarios import KVM_EXITS, LEADS_TO, NOPKU, TASK_SCENARIOS
from .sigreturn import SIGRETURN_PATHS
from .values import PkruHome

__all__ = ["TASKS"]

PREEMPTIONS = ("preemption", "preemption in user mode")
WAKE_UP = "wake-up of the vCPU thread"


def kvm_run_allowed(s: TaskMachine, k: Constants) -> bool:
    """Let the VMM call KVM_RUN in a scenario in which the guest has something to exit for."""
    return k.kvm_runs != 0 and ioctl_allowed(s, k)


def there_is_another_task(s: TaskMachine, k: Constants) -> bool:
    """Nobody can be scheduled before it was started."""
    return s.task_exists != 0


def vmm_can_be_woken(s: TaskMachine, k: Constants, cpu: int) -> bool:
    """A thread that is stopped for its tracer is not woken up; a scenario may have one CPU only."""
    return s.vmm_stopped == 0 and cpu_is_there(s, k, cpu)


def extend(program: Program, _world: World) -> Program:
    """Return the run loop with this part's paths, events and sentences."""
    program = replace(program, record=TaskMachine)
    program = program.with_path("vcpu", *DELIVERY_PATHS, *SIGRETURN_PATHS, *LIFECYCLE_PATHS)
    program = with_guest_xfd(with_pkru_of_image(program))
    program = program.replaced("exit_to_user.switch_fpu_return", effect=reload_image)
    program = program.replaced("vmm.ioctl_KVM_RUN", when=kvm_run_allowed)
    for name in PREEMPTIONS:
        program = program.replaced_event(name, when=there_is_another_task)
    program = program.replaced_event(WAKE_UP, when=vmm_can_be_woken)
    program = program.with_event(*task_events()).with_property(*TASK_PROPERTIES)
    return program.with_witness(*TASK_WITNESSES).with_eventuality(*TASK_EVENTUALITIES)


def constants(world: World) -> Constants:
    """Return what steps read as `k`.

    XINUSE[PKRU] is followed, as XSAVE to a signal frame depends on it. Since commit 18032b47adf1 a host booted with
    nopku leaves PKRU out of XCR0.
    """
    nopku = world.scenario.name == NOPKU
    more = {
        "host_pku": int(not nopku and world.platform.xcr0 & PKRU != 0),
        "compacted": int(world.platform.processor.xsaves),
        "kvm_runs": int(any(name in KVM_EXITS for name in world.scenario.events)),
    }
    known = replace(run_constants(world, more), pkru_inuse_tracked=1)
    return _without_pku(known, world) if nopku else known


def _without_pku(known: Constants, world: World) -> Constants:
    """Return the constants of a host without CR4.PKE: no guest has protection keys, but XCR0[9] may be set.

    Before commit 30a304a13873 the kernel's own XSAVE and XRSTOR switched PKRU with everything else; the model then
    leaves it out.
    """
    switched = "30a304a13873" not in world.kernel
    kept = ~PKRU if switched or "18032b47adf1" in world.kernel else ~0
    return replace(
        known, guest_pku=0, host_xcr0=known.host_xcr0 & kept, guest_xcr0=known.guest_xcr0 & kept
    )


def _start(s: Machine, k: Constants) -> None:
    assert isinstance(s, TaskMachine)
    s.ghost_other_pkru = s.thread_pkru[Task.OTHER]
    if k.pkru_from == PkruHome.XSTATE:
        s.fp_task_pkru = list(s.thread_pkru)
        s.fp_task_pkru_bv = [int(value != Value.INIT) for value in s.thread_pkru]
    if k.host_pku == 0:
        s.hw_pkru = [Value.INIT] * len(s.hw_pkru)
        s.hw_xinuse = [bits & ~PKRU for bits in s.hw_xinuse]
        s.thread_pkru = [Value.INIT] * len(s.thread_pkru)
        s.ghost_vmm_pkru = s.ghost_other_pkru = Value.INIT


TASKS = Part(
    name="tasks",
    summary="Host tasks beside and under KVM: signals, exec, fork, ptrace, kernel threads, PKRU of each.",
    source=(
        "linux:arch/x86/kernel/fpu/; commits b45f72177594, 388eff894d6b, 68239654acaf, 18032b47adf1, "
        "4a804c4f8356, 44eeff9bc467, ae6012d72fa6, 1f69383b203e, d8778e393afa, d877550eaf2d"
    ),
    program=lambda world: run_program(world, extend, DELTAS),
    constants=constants,
    start=lambda world: run_start(world, _start),
    scenarios=TASK_SCENARIOS,
    choices=CHOICES,
    defaults=DEFAULTS,
    deltas=DELTAS,
    mutants=MUTANTS,
    leads_to=LEADS_TO,
    inferred=(
        (
            "fpu->initialized",
            "since v5.2 a cleared TIF_NEED_FPU_LOAD means what fpu->initialized meant",
            "commit 68239654acaf, which describes the older kernel",
        ),
        (
            "nopku before v5.14",
            "PKRU was switched with the other components, so that no channel was there",
            "commit 30a304a13873, which took PKRU out of the kernel's XRSTOR",
        ),
    ),
)
