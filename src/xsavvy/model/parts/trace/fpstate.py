# SPDX-License-Identifier: Apache-2.0
"""The design in which PT state is a component of the guest's fpstate: what the kernel's XSAVES and XRSTORS then do.

Component 8 has to be in the host's IA32_XSS then. Only the guest's fpstate has room for it, and XRSTORS asks for every
component: that of any other fpstate initializes PT state, which is perf's. The component is a step of its own before
the rest of the instruction; nothing that comes in between looks at PT state in the host but perf.
Source: seed 000 and the comment at KVM_SUPPORTED_XSS (arch/x86/kvm/x86.c, v6.18) on guest XSTATE.
"""

from xsavvy.checker import Program, Step
from xsavvy.isa.tracing import trace_en_after_xsaves, xrstors_trace_ok
from xsavvy.model.constants import Constants
from xsavvy.model.values import Buffer, Fault
from xsavvy.model.xstate import installed_fpstate

from .machine import TraceMachine
from .values import Trace

__all__ = ["with_pt_in_fpstate"]

SOURCE = "seed 000: PT state in the guest's fpstate"


def xsaves_pt(s: TraceMachine, k: Constants) -> None:
    """XSAVES: save PT state if the installed fpstate has room for it and the registers are the truth."""
    if s.tif_need_fpu_load[s.current] == 0 and installed_fpstate(s, k) == Buffer.GUEST:
        s.hw_trace_en[s.cpu] = trace_en_after_xsaves(1, s.hw_trace_en[s.cpu])
        s.fp_trace[Buffer.GUEST] = s.hw_trace[s.cpu]


def xrstors_pt(s: TraceMachine, k: Constants) -> None:
    """XRSTORS: load PT state of the installed fpstate, or initialize it; a #GP while TraceEn is set."""
    if not xrstors_trace_ok(s.hw_trace_en[s.cpu]):
        s.fault = Fault.XRSTORS_GP
    elif installed_fpstate(s, k) == Buffer.GUEST:
        s.hw_trace[s.cpu] = s.fp_trace[Buffer.GUEST]
    else:
        s.hw_trace[s.cpu] = Trace.INIT


def reload_pt(s: TraceMachine, k: Constants) -> None:
    """XRSTORS of switch_fpu_return(), under its test."""
    if s.tif_need_fpu_load[s.current]:
        if s.cpu_fpregs_owner[s.cpu] != s.current or s.thread_last_cpu[s.current] != s.cpu:
            xrstors_pt(s, k)


SAVES = {
    "kvm_load_guest_fpu.save_outgoing": xsaves_pt,
    "kvm_put_guest_fpu.save_outgoing": xsaves_pt,
    "kernel_fpu.kernel_fpu_begin.save": xsaves_pt,
    "context_switch.switch_fpu": xsaves_pt,
}
RELOADS = (
    "vcpu_enter_guest.switch_fpu_return",
    "exit_to_user.switch_fpu_return",
    "task_exit_to_user.switch_fpu_return",
)
RESTORES = ("kvm_load_guest_fpu.restore_incoming", "kvm_put_guest_fpu.restore_incoming")


def with_pt_in_fpstate(program: Program) -> Program:
    """Add PT state to every XSAVES and XRSTORS of the kernel."""
    for label, effect in SAVES.items():
        program = program.inserted(Step("xsaves_pt", effect, source=SOURCE), before=label)
    for label in RELOADS:
        program = program.inserted(Step("reload_pt", reload_pt, source=SOURCE), before=label)
    for label in RESTORES:
        program = program.inserted(Step("xrstors_pt", xrstors_pt, source=SOURCE), before=label)
    return program
