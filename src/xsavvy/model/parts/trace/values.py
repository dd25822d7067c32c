# SPDX-License-Identifier: Apache-2.0
"""The words of Processor Trace: whose value its MSRs hold, why the guest exits, what was decided."""

from enum import IntEnum

__all__ = ["HostTracing", "PtMode", "PtSwitch", "RtitCheck", "Trace", "TraceExit", "TraceFault"]


class Trace(IntEnum):
    """Whose value the MSRs of Processor Trace other than IA32_RTIT_CTL hold, as one token."""

    INIT = 0
    GUEST = 1
    GUEST2 = 2
    NONCANONICAL = 3
    """A value of the guest in which an address is not canonical."""
    HOST = 4
    STALE = 5
    """In memory: was used and must not be used again."""


class TraceFault(IntEnum):
    """What the run ends with."""

    NONE = 0
    ENTRY_FAILS = 1
    MSR_GP = 2


class TraceExit(IntEnum):
    """Why the guest leaves guest mode besides the run loop's reasons."""

    WRMSR_RTIT_CTL = 11
    WRMSR_RTIT = 12
    XSAVES = 13
    XRSTORS = 14


class PtMode(IntEnum):
    """What kvm_intel's parameter pt_mode asks for."""

    HOST_GUEST = 0
    SYSTEM = 1


class HostTracing(IntEnum):
    """What becomes of the host's own tracing at a VM entry."""

    IF_GUEST_TRACES = 0
    CLEARED = 1
    STOPPED_BY_PERF = 2


class PtSwitch(IntEnum):
    """When the processor holds the guest's MSRs of Processor Trace, and what the guest may do to them."""

    TRACE_EN = 0
    ALWAYS = 1
    XSS_ALWAYS = 2
    XSS_EMULATED = 3
    XSS_TOGGLED = 4
    XSS_FPSTATE = 5
    XSS_ONLY = 6


class RtitCheck(IntEnum):
    """Whether KVM refuses an address that is not canonical."""

    CHECKED = 0
    UNCHECKED = 1
