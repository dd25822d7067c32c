# SPDX-License-Identifier: Apache-2.0
"""Changes that must break a property of Processor Trace."""

from xsavvy.checker import Program
from xsavvy.model.change import without_step
from xsavvy.model.constants import Constants
from xsavvy.model.mutant import Mutant

from .emulate import forget_operand
from .machine import TraceMachine

__all__ = ["MUTANTS"]

INTEL = "sapphire-rapids"
BEFORE_THE_BURIAL = "v6.11"
STOPPED = {"host_tracing": "stopped_by_perf"}


def drop_rtit_ctl(s: TraceMachine, k: Constants) -> None:
    """Tell the guest that IA32_RTIT_CTL is written, and do not write it."""
    s.ghost_trace_en = s.vcpu_trace_operand_en
    forget_operand(s, k)


def _drop(program: Program) -> Program:
    return program.replaced("set_msr_rtit_ctl.set_msr_rtit_ctl", effect=drop_rtit_ctl)


MUTANTS = (
    Mutant(
        "the host's trace goes on at VM entry",
        "trace",
        INTEL,
        changed={"host_tracing": "if_guest_traces"},
        choices=STOPPED,
        kernel=BEFORE_THE_BURIAL,
    ),
    Mutant(
        "a non-canonical RTIT address is accepted",
        "trace-addresses",
        INTEL,
        changed={"rtit_check": "unchecked"},
        kernel=BEFORE_THE_BURIAL,
    ),
    Mutant(
        "the guest's RTIT MSRs are not loaded",
        "trace",
        INTEL,
        without_step("vmx_vcpu_run.pt_guest_enter.msrs"),
        choices=STOPPED,
        kernel=BEFORE_THE_BURIAL,
    ),
    Mutant(
        "WRMSR of IA32_RTIT_CTL is dropped",
        "trace",
        INTEL,
        _drop,
        choices=STOPPED,
        kernel=BEFORE_THE_BURIAL,
    ),
    Mutant(
        "the host's RTIT MSRs are not loaded",
        "trace",
        INTEL,
        without_step("vmx_vcpu_run.pt_guest_exit.msrs"),
        choices=STOPPED,
        kernel=BEFORE_THE_BURIAL,
    ),
    Mutant(
        "the host's RTIT MSRs are not loaded, TraceEn is",
        "trace",
        INTEL,
        without_step("vmx_vcpu_run.pt_guest_exit.msrs"),
        kernel=BEFORE_THE_BURIAL,
    ),
)
