# SPDX-License-Identifier: Apache-2.0
"""The bound registers of MPX, which CR0.TS does not gate: where the guest's FPU is loaded on demand, they are not.

From v4.15 on they go with XMM, as everything does that has no rule of its own, and the model lets them. Before, KVM
itself loads and puts them; the host's tasks use none.
Source: SDM "Intel MPX and XSAVE"; arch/x86/kvm/cpuid.c kvm_update_cpuid() of v4.1 (eager_fpu).
"""

from xsavvy.checker import Program, Step
from xsavvy.model.constants import Constants
from xsavvy.model.guest import guest_event, write_sse
from xsavvy.model.history.fields import TsMachine
from xsavvy.model.history.lazy import deactivate_at_put, deactivate_at_sched_out
from xsavvy.model.values import Task, Value

from .machine import HistoryMachine

__all__ = ["deactivates_despite_mpx", "keeps_active_for_mpx", "switches_bounds", "with_bounds"]

X86 = "linux:arch/x86/kvm/x86.c (up to v4.14)"
NAME = "BNDMK"
DEACTIVATE = {
    "kvm_put_guest_fpu.fpu_deactivate": "put",
    "context_switch.kvm_sched_out.fpu_deactivate": "sched_out",
}


def write_bounds(s: HistoryMachine, k: Constants, value: int) -> None:
    """Make bounds: no CR0.TS keeps the guest from it."""
    s.hw_bnd[s.cpu] = value
    s.ghost_bnd = value


def load_bounds(s: HistoryMachine, k: Constants) -> None:
    """Let the XRSTOR of the guest's image load its bound registers."""
    s.hw_bnd[s.cpu] = s.fp_bnd


def save_bounds(s: HistoryMachine, k: Constants) -> None:
    """Let the XSAVE to the guest's image save its bound registers."""
    s.fp_bnd = s.hw_bnd[s.cpu]


def init_bounds(s: HistoryMachine, k: Constants) -> None:
    """Let the XRSTOR of the task's image initialise them: tasks use none."""
    s.hw_bnd[s.cpu] = Value.INIT


def put_at_sched_out(s: HistoryMachine, k: Constants) -> None:
    """Put the bound registers with the guest's FPU; what a lazy guest left in them the next XRSTOR initialises."""
    if s.current == Task.VMM and s.guest_fp_in_use:
        save_bounds(s, k)
    init_bounds(s, k)


def deactivate_put_without_mpx(s: TsMachine, k: Constants) -> None:
    """Let the guest run with CR0.TS set from now on, unless it has MPX."""
    if k.guest_mpx == 0:
        deactivate_at_put(s, k)


def deactivate_sched_out_without_mpx(s: TsMachine, k: Constants) -> None:
    """Let the guest run with CR0.TS set if its FPU is put now, unless it has MPX."""
    if k.guest_mpx == 0:
        deactivate_at_sched_out(s, k)


def with_bounds(program: Program, vmx: bool) -> Program:
    """Add the guest's instruction."""
    event = guest_event(
        "vmx_vcpu_run" if vmx else "svm_vcpu_run",
        NAME,
        write_sse,
        choose={"value": (Value.GUEST, Value.GUEST2)},
        source='sdm:BNDMK; "Intel MPX and XSAVE"',
    )
    return program.with_event(event)


def switches_bounds(program: Program) -> Program:
    """Undo f775b13eedee: KVM's load and put carry the bound registers."""
    program = program.replaced_event(NAME, effect=write_bounds)
    for name, effect, after in (
        ("restore_incoming.bounds", load_bounds, "kvm_load_guest_fpu.restore_incoming"),
        ("save_outgoing.bounds", save_bounds, "kvm_put_guest_fpu.save_outgoing"),
        ("restore_incoming.bounds", init_bounds, "kvm_put_guest_fpu.restore_incoming"),
    ):
        step = Step(name, effect, source=f"{X86} {after.partition('.')[0]}()")
        program = program.inserted(step, after=after)
    put = Step("kvm_sched_out.bounds", put_at_sched_out, source=f"{X86} kvm_put_guest_fpu()")
    return program.inserted(put, before="context_switch.kvm_sched_out")


def keeps_active_for_mpx(program: Program) -> Program:
    """Undo 653f52c316a4 where a guest with MPX is eager all the same."""
    effects = {"put": deactivate_put_without_mpx, "sched_out": deactivate_sched_out_without_mpx}
    for step, kind in DEACTIVATE.items():
        program = program.replaced(step, effect=effects[kind])
    return program


def deactivates_despite_mpx(program: Program) -> Program:
    """Undo mpx_eager_fpu: CR0.TS is set for a guest with MPX too."""
    effects = {"put": deactivate_at_put, "sched_out": deactivate_at_sched_out}
    for step, kind in DEACTIVATE.items():
        program = program.replaced(step, effect=effects[kind])
    return program
