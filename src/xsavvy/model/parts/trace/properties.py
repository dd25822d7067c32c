# SPDX-License-Identifier: Apache-2.0
"""What must be true of Processor Trace in every reachable state, and the states that must be reachable."""

from xsavvy.checker import Property, Witness
from xsavvy.model.constants import Constants
from xsavvy.model.properties import host_is_interruptible, in_guest
from xsavvy.model.values import Exit

from .guest import xsaves_reaches_pt, xss_exit_bitmap_has_pt
from .machine import TraceMachine
from .values import PtMode, Trace, TraceFault

__all__ = ["PROPERTIES", "WITNESSES"]


def entries_succeed(s: TraceMachine, k: Constants) -> bool:
    """P29: no VM entry finds TraceEn set while it is to load IA32_RTIT_CTL."""
    return s.trace_fault != TraceFault.ENTRY_FAILS


def msrs_take_values(s: TraceMachine, k: Constants) -> bool:
    """P28: no RDMSR or WRMSR of the host faults."""
    return s.trace_fault != TraceFault.MSR_GP


def runs_in_guest(s: TraceMachine, k: Constants) -> bool:
    """The guest executes instructions, and it has Processor Trace."""
    return in_guest(s, k) and s.vcpu_exit == Exit.NONE and s.trace_fault == TraceFault.NONE


def guest_reads_own(s: TraceMachine, k: Constants) -> bool:
    """P10: by an MSR that does not exit, or by XSAVES that does not, the guest reads its own values."""
    if not runs_in_guest(s, k):
        return True
    by_xsaves = xsaves_reaches_pt(s, k) and not xss_exit_bitmap_has_pt(s, k)
    if s.vcpu_trace_passthrough == 0 and not by_xsaves:
        return True
    return s.hw_trace[s.cpu] == s.ghost_trace


def guest_traces_as_asked(s: TraceMachine, k: Constants) -> bool:
    """P26: TraceEn is what the guest wrote, and its packets go where it said; in system mode the host's go on."""
    if not runs_in_guest(s, k):
        return True
    if k.pt_mode == PtMode.SYSTEM:
        return s.hw_trace_en[s.cpu] == s.cpu_pt_event[s.cpu]
    if s.hw_trace_en[s.cpu] != s.ghost_trace_en:
        return False
    return s.ghost_trace_en == 0 or s.hw_trace[s.cpu] == s.ghost_trace


def perf_finds_its_state(s: TraceMachine, k: Constants) -> bool:
    """P2, P10: where perf may look at its MSRs, they are perf's; no value of the guest stays in them."""
    if not host_is_interruptible(s, k):
        return True
    if s.hw_trace_en[s.cpu] != s.cpu_pt_event[s.cpu]:
        return False
    if s.cpu_pt_event[s.cpu]:
        return s.hw_trace[s.cpu] == Trace.HOST
    return s.hw_trace[s.cpu] == Trace.HOST or s.hw_trace[s.cpu] == Trace.INIT


def host_traces_to_own_buffer(s: TraceMachine, k: Constants) -> bool:
    """P10, P28: whenever the host traces, the packets go to perf's buffer."""
    if in_guest(s, k) and k.pt_mode == PtMode.HOST_GUEST:
        return True
    return s.hw_trace_en[s.cpu] == 0 or s.hw_trace[s.cpu] == Trace.HOST


PROPERTIES = (
    Property(
        "vm_entries_succeed",
        "No VM entry fails a check that KVM could have made true.",
        entries_succeed,
        source='P29; SDM "VM-Entry Control Fields"; commit aa0d42cacf09',
        witness="guest_and_host_trace",
        mutant="the host's trace goes on at VM entry",
    ),
    Property(
        "host_msr_accesses_succeed",
        "No RDMSR or WRMSR with which KVM switches Processor Trace faults.",
        msrs_take_values,
        source="P28; commits fe6ed369fca9, aa0d42cacf09",
        witness="guest_traces",
        mutant="a non-canonical RTIT address is accepted",
    ),
    Property(
        "guest_reads_its_own_trace_state",
        "By an MSR or by XSAVES, a guest reads no values of Processor Trace but its own.",
        guest_reads_own,
        source="P10; seed 000",
        witness="guest_traces",
        mutant="the guest's RTIT MSRs are not loaded",
    ),
    Property(
        "guest_traces_as_it_asked",
        "TraceEn is what the guest wrote, and its packets go where it said; in system mode the host's trace goes on.",
        guest_traces_as_asked,
        source="P26; commit f99e3daf94ff",
        witness="guest_traces",
        mutant="WRMSR of IA32_RTIT_CTL is dropped",
    ),
    Property(
        "perf_finds_its_trace_state",
        "While the host can be interrupted, the MSRs of Processor Trace are as perf left them.",
        perf_finds_its_state,
        source="P2, P10; seed 000 (the host needs the state immediately after the exit)",
        witness="guest_and_host_trace",
        mutant="the host's RTIT MSRs are not loaded",
    ),
    Property(
        "host_traces_into_its_own_buffer",
        "Whenever the host traces, its packets go to perf's buffer.",
        host_traces_to_own_buffer,
        source="P10, P28; seed 000",
        witness="guest_and_host_trace",
        mutant="the host's RTIT MSRs are not loaded, TraceEn is",
    ),
)


def guest_is_tracing(s: TraceMachine, k: Constants) -> bool:
    """The guest traces with a value that its own trace has moved on."""
    return runs_in_guest(s, k) and s.hw_trace_en[s.cpu] != 0 and s.hw_trace[s.cpu] == Trace.GUEST2


def both_are_tracing(s: TraceMachine, k: Constants) -> bool:
    """The host traces, and the guest has TraceEn set."""
    return (
        host_is_interruptible(s, k)
        and s.cpu_pt_event[s.cpu] != 0
        and s.ghost_trace_en != 0
        and s.vcpu_ran != 0
    )


def host_traces_guest(s: TraceMachine, k: Constants) -> bool:
    """The guest runs while the host's trace goes on."""
    return runs_in_guest(s, k) and s.hw_trace_en[s.cpu] != 0 and s.hw_trace[s.cpu] == Trace.HOST


def reaches_by_xsaves(s: TraceMachine, k: Constants) -> bool:
    """The guest's XSAVES includes PT state while the guest does not trace."""
    return runs_in_guest(s, k) and xsaves_reaches_pt(s, k) and s.ghost_trace == Trace.GUEST2


WITNESSES = (
    Witness("guest_traces", "The guest traces, and its trace has moved on.", guest_is_tracing),
    Witness(
        "guest_and_host_trace",
        "perf traces in the host, and a guest that has run has TraceEn set.",
        both_are_tracing,
    ),
    Witness(
        "host_traces_guest", "The guest runs while the host's trace goes on.", host_traces_guest
    ),
    Witness(
        "guest_reaches_pt_by_xsaves",
        "The guest's XSAVES includes PT state of its own.",
        reaches_by_xsaves,
    ),
)
