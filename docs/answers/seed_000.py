# SPDX-License-Identifier: Apache-2.0
"""Seed 000: Processor Trace and what IA32_XSS may offer."""

from __future__ import annotations

from .row import VMX, Answer, Row

LAST = "v6.11"
"""The last release with a host-guest mode that needs no CONFIG_BROKEN."""


def _trace(label: str, **choices: str) -> Row:
    return Row(label, "trace", LAST, VMX, choices)


def _xss(label: str, design: str) -> Row:
    return Row(
        label, "trace-xss", LAST, VMX, {"host_tracing": "stopped_by_perf", "pt_switch": design}
    )


APART = {
    "vm_entries_succeed": "entries succeed",
    "host_msr_accesses_succeed": "host's MSR accesses",
    "guest_reads_its_own_trace_state": "guest reads its own",
    "guest_traces_as_it_asked": "guest traces as it asked",
    "perf_finds_its_trace_state": "perf finds its own",
    "host_traces_into_its_own_buffer": "host's packets to its buffer",
}

TRACE = Answer(
    "explanation/seed-000.md",
    (
        _trace("as v6.11 does it: TraceEn cleared if the guest traces"),
        _trace("TraceEn cleared at every entry, behind perf's back", host_tracing="cleared"),
        _trace("perf stops its event first", host_tracing="stopped_by_perf"),
    ),
    APART,
)

OFFERED = Answer(
    "explanation/seed-000.md",
    (
        _xss("not offered; MSRs switched while the guest has TraceEn (upstream)", "trace_en"),
        _xss("not offered; MSRs switched at every entry", "always"),
        _xss("offered; MSRs switched at every entry", "xss_always"),
        _xss("offered; XSS-exiting bitmap, XSAVES and XRSTORS emulated", "xss_emulated"),
        _xss("offered; XSS-exiting bitmap, the exit makes the MSRs resident", "xss_toggled"),
        _xss("offered; component 8 in the guest's fpstate", "xss_fpstate"),
        _xss("offered, and nothing else changed", "xss_only"),
    ),
    {
        "kernel_survives": "kernel survives",
        "guest_reads_its_own_trace_state": "guest reads its own",
        "guest_traces_as_it_asked": "guest traces as it asked",
        "perf_finds_its_trace_state": "perf finds its own",
        "host_traces_into_its_own_buffer": "host's packets to its buffer",
        "host_runs_on_host_features": "host's XCR0 and XSS",
    },
)
