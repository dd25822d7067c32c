# SPDX-License-Identifier: Apache-2.0
"""The host's own tracing: perf starts and stops an event on a CPU, and serves the interrupt of its buffer.

Source: arch/x86/events/intel/pt.c pt_event_start(), pt_event_stop(), intel_pt_interrupt(), as quoted in the mail
"KVM: x86: Fix Intel PT Host/Guest mode when host tracing also" (10 Oct 2024): the interrupt is an NMI and starts the
trace again, whoever stopped it.
"""

from xsavvy.checker import Event
from xsavvy.model.constants import Constants
from xsavvy.model.values import GUEST_MODE, IRQS_OFF, NMI_OFF

from .machine import TraceMachine
from .values import Trace

__all__ = ["PERF_EVENTS"]

PT = "linux:arch/x86/events/intel/pt.c"


def no_event(s: TraceMachine, k: Constants) -> bool:
    """There is no event of perf on this CPU."""
    return s.cpu_pt_event[s.cpu] == 0


def has_event(s: TraceMachine, k: Constants) -> bool:
    """There is an event of perf on this CPU."""
    return s.cpu_pt_event[s.cpu] != 0


def start_event(s: TraceMachine, k: Constants) -> None:
    """Write perf's configuration and set TraceEn."""
    s.cpu_pt_event[s.cpu] = 1
    s.cpu_pt_handle_nmi[s.cpu] = 1
    s.hw_trace[s.cpu] = Trace.HOST
    s.hw_trace_en[s.cpu] = 1


def stop_event(s: TraceMachine, k: Constants) -> None:
    """Clear TraceEn; the configuration stays."""
    s.cpu_pt_event[s.cpu] = 0
    s.cpu_pt_handle_nmi[s.cpu] = 0
    s.hw_trace_en[s.cpu] = 0


def interrupt_is_served(s: TraceMachine, k: Constants) -> bool:
    """The handler does nothing while handle_nmi is 0."""
    return s.cpu_pt_handle_nmi[s.cpu] != 0


def serve_interrupt(s: TraceMachine, k: Constants) -> None:
    """Point the output at the next part of the buffer and set TraceEn."""
    s.hw_trace[s.cpu] = Trace.HOST
    s.hw_trace_en[s.cpu] = 1


PERF_EVENTS = (
    Event(
        "perf starts to trace",
        "perf",
        start_event,
        when=no_event,
        interrupts=("vcpu", "task"),
        masked_by=IRQS_OFF | GUEST_MODE,
        source=f"{PT} pt_event_start()",
    ),
    Event(
        "perf stops to trace",
        "perf",
        stop_event,
        when=has_event,
        interrupts=("vcpu", "task"),
        masked_by=IRQS_OFF | GUEST_MODE,
        source=f"{PT} pt_event_stop()",
    ),
    Event(
        "NMI of perf's trace buffer",
        "nmi",
        serve_interrupt,
        when=interrupt_is_served,
        interrupts=("vcpu", "task"),
        masked_by=NMI_OFF | GUEST_MODE,
        source=f"{PT} intel_pt_interrupt()",
    ),
)
