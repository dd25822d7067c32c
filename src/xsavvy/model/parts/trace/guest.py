# SPDX-License-Identifier: Apache-2.0
"""What a guest that has Processor Trace does with it: by its MSRs, by XSAVES and XRSTORS, by tracing.

XSAVES and XRSTORS are not subject to the MSR bitmap (seed 000): they reach the MSRs wherever IA32_XSS[8] is set, unless
the XSS-exiting bitmap names the component.
"""

from functools import partial

from xsavvy.isa.components import PT
from xsavvy.isa.tracing import rtit_msr_write_ok, trace_en_after_xsaves, xrstors_trace_ok
from xsavvy.model.constants import Constants
from xsavvy.model.guest import guest_event, wrmsr_xss, xss_changes
from xsavvy.model.values import CR4_OSXSAVE, Exit

from .machine import TraceMachine
from .values import PtSwitch, Trace, TraceExit

__all__ = ["GUEST_EVENTS", "xsaves_reaches_pt", "xss_exit_bitmap_has_pt"]

OWN = (Trace.GUEST, Trace.GUEST2)
FLAG = (0, 1)


def xss_exit_bitmap_has_pt(s: TraceMachine, k: Constants) -> bool:
    """Say whether XSAVES and XRSTORS of PT state exit."""
    if k.pt_switch == PtSwitch.XSS_EMULATED:
        return True
    return k.pt_switch == PtSwitch.XSS_TOGGLED and s.vcpu_trace_resident == 0


def xsaves_reaches_pt(s: TraceMachine, k: Constants) -> bool:
    """Say whether XSAVES and XRSTORS of the guest include PT state."""
    return s.vcpu_cr4 & CR4_OSXSAVE != 0 and s.hw_xss[s.cpu] & PT != 0


def trace_en_changes(s: TraceMachine, k: Constants, value: int) -> bool:
    """A guest without Processor Trace has no such MSR."""
    return s.vcpu_exit == Exit.NONE and k.guest_pt != 0 and value != s.ghost_trace_en


def wrmsr_rtit_ctl(s: TraceMachine, k: Constants, value: int) -> None:
    """Write IA32_RTIT_CTL: always exits."""
    s.vcpu_exit = TraceExit.WRMSR_RTIT_CTL
    s.vcpu_trace_operand_en = value


def can_wrmsr(s: TraceMachine, k: Constants, value: int) -> bool:
    """While the guest traces a write is a #GP and changes nothing."""
    return (
        s.vcpu_exit == Exit.NONE
        and k.guest_pt != 0
        and s.ghost_trace_en == 0
        and value != s.ghost_trace
    )


def wrmsr_rtit(s: TraceMachine, k: Constants, value: int) -> None:
    """Write another MSR: exits unless KVM lets it through; then the processor checks it."""
    if s.vcpu_trace_passthrough:
        canonical = 0 if value == Trace.NONCANONICAL else 1
        if rtit_msr_write_ok(s.hw_trace_en[s.cpu], 1, canonical):
            s.hw_trace[s.cpu] = value
            s.ghost_trace = value
    else:
        s.vcpu_exit = TraceExit.WRMSR_RTIT
        s.vcpu_trace_operand = value


def traces(s: TraceMachine, k: Constants, value: int) -> bool:
    """The guest traces: packets go out."""
    return (
        s.vcpu_exit == Exit.NONE
        and k.guest_pt != 0
        and s.ghost_trace_en != 0
        and s.hw_trace_en[s.cpu] != 0
        and value != s.hw_trace[s.cpu]
    )


def trace_advances(s: TraceMachine, k: Constants, value: int) -> None:
    """Move IA32_RTIT_STATUS and IA32_RTIT_OUTPUT_MASK_PTRS on, as the processor does while it traces."""
    s.hw_trace[s.cpu] = value
    s.ghost_trace = value


def can_xsaves_pt(s: TraceMachine, k: Constants) -> bool:
    """XSAVES needs CR4.OSXSAVE, and the component IA32_XSS[8]."""
    return s.vcpu_exit == Exit.NONE and xsaves_reaches_pt(s, k) and s.ghost_trace_en != 0


def xsaves_pt(s: TraceMachine, k: Constants) -> None:
    """Save PT state: TraceEn is clear afterwards; what the image holds is the registers' contents."""
    if xss_exit_bitmap_has_pt(s, k):
        s.vcpu_exit = TraceExit.XSAVES
    else:
        s.hw_trace_en[s.cpu] = trace_en_after_xsaves(1, s.hw_trace_en[s.cpu])
        s.ghost_trace_en = 0


def can_xrstors_pt(s: TraceMachine, k: Constants) -> bool:
    """While the guest traces XRSTORS of PT state is a #GP and changes nothing."""
    return s.vcpu_exit == Exit.NONE and xsaves_reaches_pt(s, k) and s.ghost_trace_en == 0


def xrstors_pt(s: TraceMachine, k: Constants, value: int, trace_en: int) -> None:
    """Restore PT state, TraceEn too, without a look at the MSR bitmap."""
    if xss_exit_bitmap_has_pt(s, k):
        s.vcpu_exit = TraceExit.XRSTORS
        s.vcpu_trace_operand = value
        s.vcpu_trace_operand_en = trace_en
    elif xrstors_trace_ok(s.hw_trace_en[s.cpu]):
        s.hw_trace[s.cpu] = value
        s.hw_trace_en[s.cpu] = trace_en
        s.ghost_trace = value
        s.ghost_trace_en = trace_en


_event = partial(guest_event, "vmx_vcpu_run")

GUEST_EVENTS = (
    _event(
        "WRMSR IA32_RTIT_CTL",
        wrmsr_rtit_ctl,
        when=trace_en_changes,
        choose={"value": FLAG},
        source="linux:arch/x86/kvm/vmx/vmx.c vmx_set_msr() (always intercepted)",
    ),
    _event(
        "WRMSR of another RTIT MSR",
        wrmsr_rtit,
        when=can_wrmsr,
        choose={"value": OWN},
        source="linux:arch/x86/kvm/vmx/vmx.c pt_update_intercept_for_msr()",
    ),
    _event(
        "WRMSR of a non-canonical RTIT address",
        wrmsr_rtit,
        when=can_wrmsr,
        choose={"value": (Trace.NONCANONICAL,)},
        source="commit fe6ed369fca9",
    ),
    _event(
        "guest's trace advances",
        trace_advances,
        when=traces,
        choose={"value": OWN},
        source="sdm:Intel Processor Trace MSRs (IA32_RTIT_STATUS, IA32_RTIT_OUTPUT_MASK_PTRS)",
    ),
    _event(
        "WRMSR IA32_XSS[8]",
        wrmsr_xss,
        when=xss_changes,
        choose={"value": (0, PT)},
        source="linux:arch/x86/kvm/vmx/vmx.c (always intercepted)",
    ),
    _event("XSAVES of PT state", xsaves_pt, when=can_xsaves_pt, source="sdm:PT State; seed 000"),
    _event(
        "XRSTORS of PT state",
        xrstors_pt,
        when=can_xrstors_pt,
        choose={"value": OWN, "trace_en": FLAG},
        source="sdm:PT State; seed 000",
    ),
)
