# SPDX-License-Identifier: Apache-2.0
"""What KVM does with an exit of Processor Trace, and with KVM_SET_MSRS and KVM_SET_CPUID2.

The guest's write and the host's go through the same function; the host's is one step, as the vCPU does not run.
Source: arch/x86/kvm/vmx/vmx.c vmx_set_msr(), update_intel_pt_cfg(); seed 000 for XSAVES and XRSTORS that exit.
"""

from xsavvy.checker import Path, Step
from xsavvy.kvm.tracing import rtit_write_accepted
from xsavvy.model.constants import Constants
from xsavvy.model.emulate import finish
from xsavvy.model.values import Buffer
from xsavvy.model.vmm import vmm_event

from .machine import TraceMachine
from .pt import update_intercepts
from .values import PtSwitch, RtitCheck, Trace

__all__ = ["HANDLERS", "VMM_EVENTS"]

SET_MSR = "linux:arch/x86/kvm/vmx/vmx.c vmx_set_msr()"


def forget_operand(s: TraceMachine, k: Constants) -> None:
    """Forget the exit and its operand."""
    s.vcpu_trace_operand = Trace.INIT
    s.vcpu_trace_operand_en = 0
    finish(s, k)


def set_rtit_ctl(s: TraceMachine, k: Constants, trace_en: int) -> None:
    """Store TraceEn in the VMCS and in KVM's copy, and change the intercepts of the other MSRs.

    With `xss_toggled` this is where the MSRs stop being resident.
    """
    s.vmcs_trace_en = trace_en
    s.vcpu_trace_en = trace_en
    s.ghost_trace_en = trace_en
    s.vcpu_trace_resident = 0
    update_intercepts(s, k)


def set_rtit(s: TraceMachine, k: Constants, value: int) -> None:
    """Check and store another MSR."""
    canonical = 0 if value == Trace.NONCANONICAL else 1
    checks = 1 if k.rtit_check == RtitCheck.CHECKED else 0
    if rtit_write_accepted(s.vcpu_trace_en, canonical, checks):
        s.vcpu_trace = value
        s.ghost_trace = value


def set_msr_rtit_ctl(s: TraceMachine, k: Constants) -> None:
    """Carry out the guest's write of IA32_RTIT_CTL."""
    set_rtit_ctl(s, k, s.vcpu_trace_operand_en)
    forget_operand(s, k)


def set_msr_rtit(s: TraceMachine, k: Constants) -> None:
    """Carry out the guest's write of another MSR, or let it have a #GP."""
    set_rtit(s, k, s.vcpu_trace_operand)
    forget_operand(s, k)


def handle_xsaves(s: TraceMachine, k: Constants) -> None:
    """Save PT state from KVM's copy, or make the MSRs resident and let the guest execute it again."""
    if k.pt_switch == PtSwitch.XSS_EMULATED:
        set_rtit_ctl(s, k, 0)
    else:
        s.vcpu_trace_resident = 1
        update_intercepts(s, k)
    forget_operand(s, k)


def handle_xrstors(s: TraceMachine, k: Constants) -> None:
    """Restore PT state to KVM's copy, or make the MSRs resident and let the guest execute it again."""
    if k.pt_switch == PtSwitch.XSS_EMULATED:
        s.vcpu_trace = s.vcpu_trace_operand
        s.ghost_trace = s.vcpu_trace_operand
        set_rtit_ctl(s, k, s.vcpu_trace_operand_en)
    else:
        s.vcpu_trace_resident = 1
        update_intercepts(s, k)
    forget_operand(s, k)


HANDLERS = (
    Path(
        "set_msr_rtit_ctl",
        (Step("set_msr_rtit_ctl", set_msr_rtit_ctl, source=SET_MSR),),
        then="vcpu_run",
    ),
    Path("set_msr_rtit", (Step("set_msr_rtit", set_msr_rtit, source=SET_MSR),), then="vcpu_run"),
    Path(
        "handle_xsaves", (Step("handle_xsaves", handle_xsaves, source="seed 000"),), then="vcpu_run"
    ),
    Path(
        "handle_xrstors",
        (Step("handle_xrstors", handle_xrstors, source="seed 000"),),
        then="vcpu_run",
    ),
)


# The VMM.


def guest_has_pt(s: TraceMachine, k: Constants, value: int) -> bool:
    """KVM refuses the MSRs of Processor Trace in system mode."""
    return k.guest_pt != 0 and value != s.ghost_trace


def set_msrs_rtit(s: TraceMachine, k: Constants, value: int) -> None:
    """KVM_SET_MSRS of another MSR; in an fpstate that has the component, there."""
    set_rtit(s, k, value)
    if k.pt_switch == PtSwitch.XSS_FPSTATE and s.ghost_trace == value:
        s.fp_trace[Buffer.GUEST] = value


def can_set_cpuid(s: TraceMachine, k: Constants) -> bool:
    """The vCPU has not run: its CPUID is not fixed yet."""
    return k.guest_pt != 0 and s.vcpu_ran == 0 and s.vcpu_trace_extra_ranges == 0


def set_cpuid(s: TraceMachine, k: Constants) -> None:
    """KVM_SET_CPUID2 with more address ranges than the processor has: KVM takes the number over."""
    s.vcpu_trace_extra_ranges = 1


VMM_EVENTS = (
    vmm_event(
        "KVM_SET_MSRS of an RTIT MSR",
        set_msrs_rtit,
        when=guest_has_pt,
        choose={"value": (Trace.GUEST, Trace.NONCANONICAL)},
        source=SET_MSR,
    ),
    vmm_event(
        "KVM_SET_CPUID2 with more address ranges",
        set_cpuid,
        when=can_set_cpuid,
        source="linux:arch/x86/kvm/vmx/vmx.c update_intel_pt_cfg(); commit aa0d42cacf09",
    ),
)
