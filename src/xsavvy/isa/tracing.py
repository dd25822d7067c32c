# SPDX-License-Identifier: Apache-2.0
"""What the processor asks of Intel Processor Trace: functions of the dialect on flags.

The state of Processor Trace is component 8 of IA32_XSS and a set of MSRs at the same time. IA32_RTIT_CTL has TraceEn
and, in VMX, a field in the VMCS with a load control and a clear control; the other MSRs have neither.
"""

__all__ = [
    "rtit_msr_write_ok",
    "trace_en_after_xsaves",
    "vm_entry_trace_ok",
    "xrstors_trace_ok",
]


def vm_entry_trace_ok(load_rtit_ctl: int, trace_en: int) -> int:
    """Say whether a VM entry passes the check on IA32_RTIT_CTL.

    While TraceEn is set the "load IA32_RTIT_CTL" VM-entry control must be 0.
    Source: SDM "VM-Entry Control Fields" (checks on VMX controls); quoted in commit aa0d42cacf09.

    >>> vm_entry_trace_ok(1, 1), vm_entry_trace_ok(1, 0), vm_entry_trace_ok(0, 1)
    (0, 1, 1)
    """
    return 0 if load_rtit_ctl and trace_en else 1


def rtit_msr_write_ok(trace_en: int, exists: int, canonical: int) -> int:
    """Say whether WRMSR to an MSR of Processor Trace other than IA32_RTIT_CTL succeeds.

    Source: SDM "Trace Filtering" and "Intel Processor Trace MSRs": a #GP while TraceEn is set, for an address that
    is not canonical, and for an MSR that is not there.

    >>> rtit_msr_write_ok(0, 1, 1), rtit_msr_write_ok(1, 1, 1), rtit_msr_write_ok(0, 1, 0)
    (1, 0, 0)
    """
    return 1 if exists and canonical and not trace_en else 0


def xrstors_trace_ok(trace_en: int) -> int:
    """Say whether XRSTORS may load or initialize PT state.

    Source: SDM "PT State": a #GP while TraceEn is set.

    >>> xrstors_trace_ok(0), xrstors_trace_ok(1)
    (1, 0)
    """
    return 0 if trace_en else 1


def trace_en_after_xsaves(saves_pt: int, trace_en: int) -> int:
    """Return TraceEn after XSAVES, which clears it after saving it, if it saves PT state.

    Source: SDM "PT State".

    >>> trace_en_after_xsaves(1, 1), trace_en_after_xsaves(0, 1)
    (0, 1)
    """
    return 0 if saves_pt else trace_en
