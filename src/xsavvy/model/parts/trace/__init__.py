# SPDX-License-Identifier: Apache-2.0
"""Intel Processor Trace: the guest's, the host's, and the designs that switch between them.

Reading order: `values`, `machine`, `pt` (KVM's switch and the processor's), `perf` (the host), `guest`, `emulate`,
`properties`, then `choices` and `scenarios`. AMD processors have nothing of it: there the part is the run loop alone.
"""

from dataclasses import replace

from xsavvy.checker import Program
from xsavvy.isa.components import PT
from xsavvy.model.assemble import run_is_over
from xsavvy.model.constants import Constants
from xsavvy.model.part import Part
from xsavvy.model.runpart import run_constants, run_program, run_start
from xsavvy.model.world import World

from .choices import CHOICES, DEFAULTS, DELTAS
from .emulate import HANDLERS, VMM_EVENTS
from .fpstate import with_pt_in_fpstate
from .guest import GUEST_EVENTS
from .machine import TraceMachine
from .mutants import MUTANTS
from .perf import PERF_EVENTS
from .properties import PROPERTIES, WITNESSES
from .pt import PT_GUEST_ENTER, PT_GUEST_EXIT, enter_guest, exit_guest, update_intercepts
from .scenarios import SCENARIOS
from .values import PtMode, PtSwitch, TraceExit, TraceFault

__all__ = ["TRACE"]

WITHOUT_XSS = (PtSwitch.TRACE_EN, PtSwitch.ALWAYS)


def run_with_trace_is_over(s: TraceMachine, k: Constants) -> bool:
    """Nothing is asked after a VM entry or an MSR access that failed."""
    return run_is_over(s, k) or s.trace_fault != TraceFault.NONE


def _switch(program: Program) -> Program:
    program = program.replaced("vmx_vcpu_run.vmenter", effect=enter_guest)
    program = program.replaced("vmx_vcpu_run.vmexit", effect=exit_guest)
    for step in PT_GUEST_ENTER:
        program = program.inserted(step, before="vmx_vcpu_run.vmenter")
    for step in reversed(PT_GUEST_EXIT):
        program = program.inserted(step, after="vmx_vcpu_run.vmexit")
    return program


def _handlers(program: Program) -> Program:
    label = "handle_exit.handle_exit"
    targets = {
        TraceExit.WRMSR_RTIT_CTL: "set_msr_rtit_ctl",
        TraceExit.WRMSR_RTIT: "set_msr_rtit",
        TraceExit.XSAVES: "handle_xsaves",
        TraceExit.XRSTORS: "handle_xrstors",
    }
    program = program.replaced(label, to={**program.step(label).to, **targets})
    return program.with_path("vcpu", *HANDLERS)


def extend(program: Program, world: World) -> Program:
    """Add Processor Trace to the run loop; on SVM, the record alone."""
    program = replace(program, record=TraceMachine)
    if not world.platform.vmx:
        return program
    program = _handlers(_switch(replace(program, terminal=run_with_trace_is_over)))
    program = program.with_event(*PERF_EVENTS, *GUEST_EVENTS, *VMM_EVENTS)
    program = program.with_property(*PROPERTIES).with_witness(*WITNESSES)
    if world.choices["pt_switch"] == PtSwitch.XSS_FPSTATE:
        program = with_pt_in_fpstate(program)
    return program


def constants(world: World) -> Constants:
    """Return the run loop's constants and whether the guest has Processor Trace; IA32_XSS[8] where it is offered."""
    has_pt = world.platform.vmx and world.choices["pt_mode"] == PtMode.HOST_GUEST
    k = run_constants(world, {"guest_pt": int(has_pt)})
    offered = has_pt and world.choices["pt_switch"] not in WITHOUT_XSS
    return replace(k, guest_xss=k.guest_xss | PT) if offered else k


def start(s: TraceMachine, k: Constants) -> None:
    """Set the intercepts up."""
    if k.guest_pt:
        update_intercepts(s, k)


TRACE = Part(
    name="trace",
    summary="Intel Processor Trace: RTIT_CTL and the other MSRs at a VM entry, perf in the host, XSS bit 8.",
    source="seed 000; linux:arch/x86/kvm/vmx/vmx.c pt_guest_enter(), pt_guest_exit(), vmx_rtit_ctl_check()",
    program=lambda world: run_program(world, extend, DELTAS),
    constants=constants,
    start=lambda world: run_start(world, start),  # type: ignore[arg-type]
    scenarios=SCENARIOS,
    choices=CHOICES,
    defaults=DEFAULTS,
    deltas=DELTAS,
    mutants=MUTANTS,
    leads_to={
        "WRMSR IA32_RTIT_CTL": ("set_msr_rtit_ctl",),
        "WRMSR of another RTIT MSR": ("set_msr_rtit",),
        "XSAVES of PT state": ("handle_xsaves",),
        "XRSTORS of PT state": ("handle_xrstors",),
    },
    inferred=(
        (
            "vm-exit-stores-rtit-ctl",
            "VM exit stores IA32_RTIT_CTL in the guest-state area before it clears the MSR.",
            "the rule for MSRs with a load and a clear control; it shows only with IA32_XSS[8]",
        ),
        (
            "perf-nmi-writes-all",
            "perf's interrupt handler makes all MSRs of Processor Trace its own, not the output alone.",
            "the MSRs are one token; the handler writes the output's base and mask and sets TraceEn",
        ),
    ),
)
