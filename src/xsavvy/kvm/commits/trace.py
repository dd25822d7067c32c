# SPDX-License-Identifier: Apache-2.0
"""Commits that give a guest Processor Trace, and take it away."""

from .commit import Commit

TRACE = (
    Commit(
        "f99e3daf94ff",
        "KVM: x86: Add Intel PT virtualization work mode",
        "v5.0",
        "kvm_intel has the parameter pt_mode: a guest may have Processor Trace.",
        inferred=True,
    ),
    Commit(
        "2ef444f1600b",
        "KVM: x86: Add Intel PT context switch for each vcpu",
        "v5.0",
        "The MSRs of Processor Trace are switched around a VM entry if the guest has TraceEn set.",
        inferred=True,
    ),
    Commit(
        "fe6ed369fca9",
        "KVM: VMX: Add non-canonical check on writes to RTIT address MSRs",
        "v5.6",
        "An address for IA32_RTIT_ADDRn that is not canonical is refused.",
    ),
    Commit(
        "aa0d42cacf09",
        "KVM: VMX: Bury Intel PT virtualization (guest/host mode) behind CONFIG_BROKEN",
        "v6.12",
        "A guest has no Processor Trace: the parameter pt_mode is there with CONFIG_BROKEN only.",
    ),
)
