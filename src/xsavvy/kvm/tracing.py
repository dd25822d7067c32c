# SPDX-License-Identifier: Apache-2.0
"""What KVM decides about writes to the MSRs of Processor Trace: functions of the dialect.

Source: arch/x86/kvm/vmx/vmx.c vmx_set_msr(), vmx_rtit_ctl_check(), pt_can_write_msr().
"""

__all__ = ["rtit_write_accepted"]


def rtit_write_accepted(guest_trace_en: int, canonical: int, checks_canonical: int) -> int:
    """Say whether KVM stores a value for an MSR other than IA32_RTIT_CTL.

    Not while the guest traces; since commit fe6ed369fca9 not if an address is not canonical. One rule for the
    guest's WRMSR and for KVM_SET_MSRS.

    >>> rtit_write_accepted(0, 1, 0), rtit_write_accepted(0, 0, 0), rtit_write_accepted(0, 0, 1)
    (1, 1, 0)
    """
    if guest_trace_en:
        return 0
    return 1 if canonical or not checks_canonical else 0
