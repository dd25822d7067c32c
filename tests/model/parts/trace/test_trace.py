# SPDX-License-Identifier: Apache-2.0
"""Processor Trace: known bugs are found before their fix, and each design of seed 000 holds or breaks as told."""

from __future__ import annotations

import pytest

from tests.model.world import explored, program
from xsavvy.checker import Outcome
from xsavvy.kvm import NEWEST

INTEL = "sapphire-rapids"
LAST = "v6.11"
STOPPED = {"host_tracing": "stopped_by_perf"}


def broken(outcome: Outcome) -> dict[str, int | None]:
    """Return the depth of every violated property."""
    return {each.name: each.depth for each in outcome.verdicts if each.verdict != "holds"}


def test_vm_entry_fails_while_the_host_traces_and_not_after_the_burial() -> None:
    """Upstream clears TraceEn only if the guest has it set, and an NMI sets it again."""
    assert broken(explored("trace", LAST, INTEL)) == {
        "vm_entries_succeed": 23,
        "host_msr_accesses_succeed": 52,
    }
    assert broken(explored("trace", f"{LAST}+aa0d42cacf09", INTEL)) == {}


def test_clearing_trace_en_behind_perfs_back_does_not_help() -> None:
    """An NMI of perf's buffer between the write and the entry starts the trace again."""
    outcome = explored("trace", LAST, INTEL, host_tracing="cleared")
    verdict = outcome.verdict("vm_entries_succeed")
    assert verdict.depth == 24
    assert verdict.trace is not None
    assert "NMI of perf's trace buffer" in {hop.step for hop in verdict.trace.hops}


def test_nothing_breaks_where_perf_stops_its_event_first() -> None:
    """The patch of October 2024 makes the host-guest mode sound in this scenario."""
    outcome = explored("trace", LAST, INTEL, **STOPPED)
    assert broken(outcome) == {}
    assert outcome.witness("guest_traces").verdict == "seen"


def test_a_broken_kernel_still_has_the_mode() -> None:
    """With CONFIG_BROKEN the newest kernel has the mode, and its bug."""
    outcome = explored("trace", NEWEST, INTEL, pt_mode="host_guest")
    assert outcome.verdict("vm_entries_succeed").verdict == "violated"


def test_in_system_mode_the_hosts_trace_goes_on() -> None:
    """The newest kernel's guest has no Processor Trace, and the host traces through it."""
    outcome = explored("trace-system", NEWEST, INTEL)
    assert broken(outcome) == {}
    assert outcome.witness("host_traces_guest").verdict == "seen"


@pytest.mark.parametrize(
    ("design", "violated"),
    [
        ("trace_en", {}),
        ("always", {}),
        ("xss_always", {}),
        ("xss_emulated", {}),
        ("xss_toggled", {}),
        (
            "xss_fpstate",
            {
                "kernel_survives": 9,
                "guest_reads_its_own_trace_state": 26,
                "guest_traces_as_it_asked": 56,
                "perf_finds_its_trace_state": 14,
            },
        ),
        (
            "xss_only",
            {
                "guest_reads_its_own_trace_state": 52,
                "guest_traces_as_it_asked": 81,
                "perf_finds_its_trace_state": 64,
            },
        ),
    ],
)
def test_designs_of_seed_000(design: str, violated: dict[str, int]) -> None:
    """What holds with IA32_XSS[8] offered, and what the fpstate and the naive offer break."""
    outcome = explored("trace-xss", LAST, INTEL, pt_switch=design, **STOPPED)
    assert broken(outcome) == violated
    offered = design not in ("trace_en", "always")
    seen = outcome.witness("guest_reaches_pt_by_xsaves").verdict
    assert seen == ("seen" if offered else "unseen")


def test_the_naive_offer_fails_because_xsaves_bypasses_msr_intercepts() -> None:
    """Where the guest reads the host's values, its RDMSR would exit: it needs XSAVES for it."""
    outcome = explored("trace-xss", LAST, INTEL, pt_switch="xss_only", **STOPPED)
    trace = outcome.verdict("guest_reads_its_own_trace_state").trace
    assert trace is not None
    assert trace.end["vcpu_trace_passthrough"] == "0"
    assert trace.end["hw_trace[0]"] == "host"
    assert trace.end["hw_xss[0]"] == hex(1 << 8)


def test_a_fpstate_with_pt_state_kills_a_host_that_traces() -> None:
    """XRSTORS of PT state is a #GP while perf has TraceEn set."""
    outcome = explored("trace-xss", LAST, INTEL, pt_switch="xss_fpstate", **STOPPED)
    trace = outcome.verdict("kernel_survives").trace
    assert trace is not None
    assert trace.end["fault"] == "xrstors_gp"


def test_a_non_canonical_address_faults_the_hosts_wrmsr_before_fe6ed369fca9() -> None:
    """The guest's value is loaded when it sets TraceEn, and the processor refuses it."""
    assert set(broken(explored("trace-addresses", "v5.5", INTEL))) == {"host_msr_accesses_succeed"}
    assert broken(explored("trace-addresses", "v5.5+fe6ed369fca9", INTEL)) == {}


def test_the_guests_cpuid_decides_which_msrs_the_host_loads() -> None:
    """More address ranges than the processor has make the host access an MSR that is not there."""
    assert broken(explored("trace-cpuid", LAST, INTEL)) == {"host_msr_accesses_succeed": 51}
    assert broken(explored("trace-cpuid", f"{LAST}+aa0d42cacf09", INTEL)) == {}


def test_a_kernel_before_the_mode_has_no_processor_trace_in_a_guest() -> None:
    """Without the parameter pt_mode only the host's trace goes on."""
    outcome = explored("trace-addresses", "v4.20", INTEL)
    assert broken(outcome) == {}
    assert "WRMSR IA32_RTIT_CTL" in outcome.unreached.events


def test_amd_has_nothing_of_it() -> None:
    """On SVM the part is the run loop with a longer record."""
    names = {event.name for event in program("trace", NEWEST, "genoa").events}
    assert "WRMSR IA32_RTIT_CTL" not in names
