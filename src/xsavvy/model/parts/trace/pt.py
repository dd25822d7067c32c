# SPDX-License-Identifier: Apache-2.0
"""KVM's switch of Processor Trace around a VM entry, and what the processor does at the entry and the exit.

Source: arch/x86/kvm/vmx/vmx.c pt_guest_enter(), pt_guest_exit(), pt_load_msr(), pt_save_msr(), as in 6.1 to 7.3;
commit 2ef444f1600b; the patch "KVM: x86: Fix Intel PT Host/Guest mode when host tracing also" (10 Oct 2024) for perf
that stops its event.
"""

from xsavvy.checker import Step
from xsavvy.isa.tracing import rtit_msr_write_ok, vm_entry_trace_ok
from xsavvy.model.constants import Constants
from xsavvy.model.pkru import vmcs_load_guest_pkru, vmcs_load_host_pkru
from xsavvy.model.values import IRQS_OFF

from .machine import TraceMachine
from .values import HostTracing, PtMode, PtSwitch, Trace, TraceFault

__all__ = ["PT_GUEST_ENTER", "PT_GUEST_EXIT", "enter_guest", "exit_guest", "update_intercepts"]

VMX = "linux:arch/x86/kvm/vmx/vmx.c"


def guest_msrs_resident(s: TraceMachine, k: Constants) -> bool:
    """Say whether KVM puts the guest's MSRs into the processor at an entry."""
    design = k.pt_switch
    if design == PtSwitch.ALWAYS or design == PtSwitch.XSS_ALWAYS:
        return True
    if design == PtSwitch.XSS_FPSTATE:
        return False
    return s.vcpu_trace_en != 0 or s.vcpu_trace_resident != 0


def update_intercepts(s: TraceMachine, k: Constants) -> None:
    """Let the guest read and write the other MSRs without an exit while the processor holds its own.

    Source: arch/x86/kvm/vmx/vmx.c pt_update_intercept_for_msr().
    """
    in_registers = k.pt_switch == PtSwitch.XSS_FPSTATE
    s.vcpu_trace_passthrough = 1 if in_registers or guest_msrs_resident(s, k) else 0


def read_msrs(s: TraceMachine, k: Constants) -> int:
    """RDMSR of the other MSRs, as many as the guest's CPUID says; one that is not there is a #GP."""
    if s.vcpu_trace_extra_ranges:
        s.trace_fault = TraceFault.MSR_GP
    return s.hw_trace[s.cpu]


def write_msrs(s: TraceMachine, k: Constants, value: int) -> None:
    """WRMSR of the other MSRs."""
    exists = 1 - s.vcpu_trace_extra_ranges
    canonical = 0 if value == Trace.NONCANONICAL else 1
    if rtit_msr_write_ok(s.hw_trace_en[s.cpu], exists, canonical):
        s.hw_trace[s.cpu] = value
    else:
        s.trace_fault = TraceFault.MSR_GP


def stop_host(s: TraceMachine, k: Constants) -> None:
    """Remember whether the host traces, and stop it as the design says.

    Upstream stops it only if the guest traces; with `stopped_by_perf` perf first keeps its interrupt handler from
    starting the trace again.
    """
    if k.pt_mode == PtMode.SYSTEM:
        return
    s.vcpu_host_trace_en = s.hw_trace_en[s.cpu]
    if k.host_tracing == HostTracing.STOPPED_BY_PERF:
        s.cpu_pt_handle_nmi[s.cpu] = 0
    if k.host_tracing != HostTracing.IF_GUEST_TRACES or guest_msrs_resident(s, k):
        s.hw_trace_en[s.cpu] = 0


def load_guest(s: TraceMachine, k: Constants) -> None:
    """Save the host's MSRs and load the guest's, if the guest's are to be in the processor."""
    if k.pt_mode == PtMode.SYSTEM:
        return
    if guest_msrs_resident(s, k):
        s.vcpu_host_trace = read_msrs(s, k)
        write_msrs(s, k, s.vcpu_trace)


def enter_guest(s: TraceMachine, k: Constants) -> None:
    """Enter the guest: the processor checks TraceEn and loads IA32_RTIT_CTL from the VMCS."""
    vmcs_load_guest_pkru(s, k)
    s.vcpu_ran = 1
    if k.pt_mode == PtMode.SYSTEM:
        return
    if vm_entry_trace_ok(1, s.hw_trace_en[s.cpu]):
        s.hw_trace_en[s.cpu] = s.vmcs_trace_en
    else:
        s.trace_fault = TraceFault.ENTRY_FAILS


def exit_guest(s: TraceMachine, k: Constants) -> None:
    """Leave the guest: the processor stores IA32_RTIT_CTL in the VMCS and clears it.

    That it stores it is inferred from the rule for MSRs that have such controls (quoted in commit 308a4fffeb36 for
    IA32_BNDCFGS); it shows only where a guest can write TraceEn without an exit.
    """
    vmcs_load_host_pkru(s, k)
    if k.pt_mode == PtMode.SYSTEM:
        return
    s.vmcs_trace_en = s.hw_trace_en[s.cpu]
    s.hw_trace_en[s.cpu] = 0


def load_host(s: TraceMachine, k: Constants) -> None:
    """Save the guest's MSRs and load the host's, under the test of the load."""
    if k.pt_mode == PtMode.SYSTEM:
        return
    if guest_msrs_resident(s, k):
        s.vcpu_trace = read_msrs(s, k)
        write_msrs(s, k, s.vcpu_host_trace)
    s.vcpu_host_trace = Trace.STALE


def start_host(s: TraceMachine, k: Constants) -> None:
    """Let the host trace again if it did; a design that lets XRSTORS write TraceEn reads it back.

    perf restarts its event with its own configuration.
    """
    if k.pt_mode == PtMode.SYSTEM:
        return
    if s.vcpu_host_trace_en:
        s.hw_trace_en[s.cpu] = 1
    if k.host_tracing == HostTracing.STOPPED_BY_PERF and s.cpu_pt_event[s.cpu]:
        s.hw_trace[s.cpu] = Trace.HOST
        s.cpu_pt_handle_nmi[s.cpu] = 1
    s.vcpu_host_trace_en = 0
    if k.pt_switch == PtSwitch.XSS_ALWAYS or k.pt_switch == PtSwitch.XSS_TOGGLED:
        s.vcpu_trace_en = s.vmcs_trace_en


PT_GUEST_ENTER = (
    Step("pt_guest_enter.ctl", stop_host, needs=IRQS_OFF, source=f"{VMX} pt_guest_enter()"),
    Step("pt_guest_enter.msrs", load_guest, needs=IRQS_OFF, source=f"{VMX} pt_guest_enter()"),
)
"""Between the two an NMI may arrive; perf's handler of the buffer's interrupt is one."""

PT_GUEST_EXIT = (
    Step("pt_guest_exit.msrs", load_host, needs=IRQS_OFF, source=f"{VMX} pt_guest_exit()"),
    Step("pt_guest_exit.ctl", start_host, needs=IRQS_OFF, source=f"{VMX} pt_guest_exit()"),
)
