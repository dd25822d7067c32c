# SPDX-License-Identifier: Apache-2.0
"""Scenarios of Processor Trace, all on VMX.

They need a kernel that has the host-guest mode (v5.0 to v6.11) or the choice of it; elsewhere the guest has no
Processor Trace, and only the host's goes on.
"""

from xsavvy.model.scenario import Scenario
from xsavvy.model.values import CR4_OSXSAVE

__all__ = ["SCENARIOS"]

STAND_IN = {True: "sapphire-rapids", False: "sapphire-rapids"}
PERF = ("perf starts to trace", "perf stops to trace", "NMI of perf's trace buffer")
GUEST = ("WRMSR IA32_RTIT_CTL", "WRMSR of another RTIT MSR", "guest's trace advances")
BY_XSS = ("WRMSR IA32_XSS[8]", "XSAVES of PT state", "XRSTORS of PT state")
APART = (
    "kernel_survives",
    "vm_entries_succeed",
    "host_msr_accesses_succeed",
    "guest_reads_its_own_trace_state",
    "guest_traces_as_it_asked",
    "perf_finds_its_trace_state",
    "host_traces_into_its_own_buffer",
)

SCENARIOS = (
    Scenario(
        "trace",
        "Do a guest that traces itself and a host that traces itself stay apart?",
        events=(
            *PERF,
            *GUEST,
            "external interrupt",
            "exit to userspace",
            "fastpath exit",
            "preemption",
            "wake-up of the vCPU thread",
        ),
        properties=APART,
        witnesses=("guest_traces", "guest_and_host_trace"),
        leaves_out="a second CPU, XSAVES and XRSTORS of PT state (trace-xss), bad values and CPUID, nested guests",
        source="linux:arch/x86/kvm/vmx/vmx.c pt_guest_enter(), pt_guest_exit(); commit aa0d42cacf09",
        part="trace",
        vmx_only=True,
        stand_in=STAND_IN,
        cpus=1,
        default=False,
    ),
    Scenario(
        "trace-system",
        "In system mode, does the host's trace go on across a guest that has none?",
        events=(
            *PERF,
            "external interrupt",
            "exit to userspace",
            "fastpath exit",
            "preemption",
            "wake-up of the vCPU thread",
        ),
        properties=APART,
        witnesses=("host_traces_guest",),
        leaves_out="the guest, which has no Processor Trace; a second CPU; to v6.11 the mode is a choice",
        source="linux:arch/x86/kvm/vmx/vmx.c pt_guest_enter(), pt_guest_exit(); commit aa0d42cacf09",
        part="trace",
        vmx_only=True,
        stand_in=STAND_IN,
        cpus=1,
    ),
    Scenario(
        "trace-xss",
        "If IA32_XSS[8] were offered, would guest and host still stay apart?",
        events=(
            *PERF,
            "WRMSR IA32_RTIT_CTL",
            *BY_XSS,
            "external interrupt",
            "preemption",
            "wake-up of the vCPU thread",
        ),
        properties=(*APART, "guest_runs_on_guest_features", "host_runs_on_host_features"),
        witnesses=("guest_and_host_trace", "guest_reaches_pt_by_xsaves"),
        leaves_out="WRMSR of the other MSRs and a trace that advances (trace has them), other components, a second CPU",
        source="seed 000; linux:arch/x86/kvm/x86.c, at KVM_SUPPORTED_XSS",
        part="trace",
        vmx_only=True,
        stand_in=STAND_IN,
        start={"vcpu_cr4": CR4_OSXSAVE},
        cpus=1,
        default=False,
    ),
    Scenario(
        "trace-addresses",
        "Can a value of the guest or the VMM make the host's WRMSR fault?",
        events=(
            *GUEST,
            "WRMSR of a non-canonical RTIT address",
            "KVM_SET_MSRS of an RTIT MSR",
            "external interrupt",
            "exit to userspace",
        ),
        properties=APART,
        witnesses=("guest_traces",),
        leaves_out="a host that traces (trace has it), CPUID (trace-cpuid has it)",
        source="commit fe6ed369fca9",
        part="trace",
        vmx_only=True,
        stand_in=STAND_IN,
        cpus=1,
        default=False,
    ),
    Scenario(
        "trace-cpuid",
        "Can the guest's CPUID make the host access an MSR that is not there?",
        events=(
            *GUEST,
            "KVM_SET_CPUID2 with more address ranges",
            "external interrupt",
            "exit to userspace",
        ),
        properties=APART,
        witnesses=("guest_traces",),
        leaves_out="a host that traces, values that are not canonical",
        source="commit aa0d42cacf09",
        part="trace",
        vmx_only=True,
        stand_in=STAND_IN,
        cpus=1,
        default=False,
    ),
)
