# SPDX-License-Identifier: Apache-2.0
"""Designs for protected guests that were argued for and against, seed 004 above all.

The vendor says which family of protection there is: SEV-ES and SNP on AMD, TDX on Intel. The answers of `DEFAULTS`
are those of the base kernel; `kernels` says which commit changed them.
"""

from collections.abc import Mapping
from enum import IntEnum

from xsavvy.model.choices import Choice

from .designs import (
    FakeValues,
    FpuConfidential,
    LaunchLock,
    ProtectedCheck,
    ProtectedIoctl,
    ProtectedRestore,
    ProtectedWarn,
    SevType,
    TdType,
    TdUserReturn,
    TdXfam,
    TscAuxRestore,
    VmsaResync,
)

__all__ = ["DEFAULTS", "PROTECTED_CHOICES"]

DEFAULTS: Mapping[str, IntEnum] = {
    "sev_type": SevType.SEV_ES_INIT,
    "td_type": TdType.PROTECTED,
    "td_xfam": TdXfam.WITHOUT_AMX,
    "protected_restore": ProtectedRestore.DEDICATED,
    "fake_values": FakeValues.XFAM,
    "protected_check": ProtectedCheck.HELPER,
    "protected_warn": ProtectedWarn.SILENT,
    "protected_ioctl": ProtectedIoctl.SILENT,
    "fpu_confidential": FpuConfidential.AT_CREATE,
    "vmsa_resync": VmsaResync.WRITES,
    "launch_lock": LaunchLock.NOTHING,
    "tsc_aux_restore": TscAuxRestore.INTERCEPTED,
    "td_user_return": TdUserReturn.CACHE_AFTER_RUN,
}

THREAD = "seed 004 (10 March 2025)"

PROTECTED_CHOICES = (
    Choice(
        "sev_type",
        "Which protected guest runs on an AMD processor?",
        SevType,
        {
            SevType.SEV_ES_INIT: "SEV-ES by KVM_SEV_ES_INIT: a VM of the default type (v5.11)",
            SevType.SEV_ES: "SEV-ES by KVM_SEV_INIT2: a VM type of its own (v6.10)",
            SevType.SNP: "SNP (v6.11)",
        },
        "commits ad73109ae7ec, 4f5defae7089, ad27ce155566",
    ),
    Choice(
        "td_type",
        "Which TD runs on an Intel processor?",
        TdType,
        {
            TdType.PROTECTED: "one whose state KVM cannot read",
            TdType.DEBUG: "a debug TD: guest_state_protected is not set (KVM_TDX_INIT_VM refuses it so far)",
        },
        "linux:arch/x86/kvm/vmx/tdx.c tdx_vcpu_create()",
    ),
    Choice(
        "td_xfam",
        "Which components does the TD's XFAM have?",
        TdXfam,
        {
            TdXfam.WITHOUT_AMX: "those of the scenario, with PKRU and CET",
            TdXfam.HOST: "all that the host has enabled, so that XCR0 need not be restored",
            TdXfam.WITHOUT_PKU: "those of the scenario without PKRU and CET",
        },
        "linux:arch/x86/kvm/vmx/tdx.c tdx_get_supported_xfam()",
    ),
    Choice(
        "protected_restore",
        "Who puts the host's XCR0, IA32_XSS and PKRU back after a TD exit?",
        ProtectedRestore,
        {
            ProtectedRestore.DEDICATED: "code of TDX's own; the common helpers keep away (Bonzini, v6.16)",
            ProtectedRestore.FAKE_STATE: "the common helpers, from plausible values in vcpu->arch (Christopherson)",
        },
        THREAD,
    ),
    Choice(
        "fake_values",
        "Which values are put into vcpu->arch of a TD, where the common helpers restore?",
        FakeValues,
        {
            FakeValues.XFAM: "XCR0 and IA32_XSS of XFAM, PKRU 0, every bit of CR4 that the guest may have",
            FakeValues.XFAM_WITHOUT_PKE: "the same without CR4.PKE, which KVM has no business with",
            FakeValues.CPUID: "XCR0 and IA32_XSS that KVM could offer any guest, whatever XFAM says",
            FakeValues.RESET: "none: what the reset of the vCPU left",
        },
        f"{THREAD}; patch V2 07/12 of the same series",
    ),
    Choice(
        "protected_check",
        "Who keeps the common helpers away from protected state?",
        ProtectedCheck,
        {
            ProtectedCheck.HELPER: "the helper returns early",
            ProtectedCheck.CALLER: "the caller does not call it",
            ProtectedCheck.NOBODY: "nobody: a path on which the check was forgotten",
        },
        THREAD,
    ),
    Choice(
        "protected_warn",
        "Does a common helper warn when it is called for protected state?",
        ProtectedWarn,
        {
            ProtectedWarn.SILENT: "no (v5.11)",
            ProtectedWarn.WARN: "WARN_ON_ONCE",
        },
        f"{THREAD}: at least a WARN_ON_ONCE when it is accessed",
    ),
    Choice(
        "protected_ioctl",
        "What does an ioctl do that asks for protected state?",
        ProtectedIoctl,
        {
            ProtectedIoctl.SILENT: "it does nothing and reports success",
            ProtectedIoctl.REFUSED: "it fails with -EINVAL, unless the VM is of the default type (v6.10)",
        },
        "commit 517987e3fb19",
    ),
    Choice(
        "fpu_confidential",
        "When does a SEV-ES guest's fpstate become a scratch buffer?",
        FpuConfidential,
        {
            FpuConfidential.AT_CREATE: "when the vCPU is created",
            FpuConfidential.AT_LAUNCH: "when its contents are in the encrypted VMSA (v6.10)",
        },
        "commit eb4441864e03",
    ),
    Choice(
        "vmsa_resync",
        "What does a launch do to a VMSA that was encrypted before?",
        VmsaResync,
        {
            VmsaResync.WRITES: "it copies KVM's state over it (v5.11)",
            VmsaResync.REJECTED: "nothing: it fails with -EINVAL (v7.1)",
        },
        "commit 9b9f7962e3e8",
    ),
    Choice(
        "launch_lock",
        "What does SNP's launch hold from the copy of a vCPU's state to its encryption?",
        LaunchLock,
        {
            LaunchLock.NOTHING: "no vCPU's mutex (v6.11)",
            LaunchLock.ALL_VCPUS: "the mutex of every vCPU (v7.1)",
        },
        "commit cb923ee6a80f (CVE-2026-31591)",
    ),
    Choice(
        "tsc_aux_restore",
        "Which TSC_AUX does an exit from a SEV-ES guest leave in the register?",
        TscAuxRestore,
        {
            TscAuxRestore.INTERCEPTED: "the one written before the entry: the processor does not switch it",
            TscAuxRestore.USER_RETURN: "zero, and a user-return MSR as well (v5.19)",
            TscAuxRestore.HOST_VALUE: "the host's, stored once when KVM is loaded (v6.6)",
            TscAuxRestore.CURRENT_VALUE: "the one that the cache of user-return MSRs says is current (v6.18)",
        },
        "commits 296d5a17e793, 916e3e5f26ab, 29da8c823abf",
    ),
    Choice(
        "td_user_return",
        "How does the cache of user-return MSRs learn what a TD exit left in them?",
        TdUserReturn,
        {
            TdUserReturn.CACHE_AFTER_RUN: "it is corrected when the vCPU is put, if it ran (v6.16)",
            TdUserReturn.CACHE_AFTER_SUCCESS: "the same, only if the module reported success",
            TdUserReturn.WRITE_BEFORE: "the values are written before the entry (v6.19)",
        },
        "commits e0b4f31a3c65, c0711f8c610e",
    ),
)
