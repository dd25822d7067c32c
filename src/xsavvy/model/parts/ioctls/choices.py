# SPDX-License-Identifier: Apache-2.0
"""The designs that people argued for: when CPUID follows, how IA32_XSS reaches the guest, when XFD_ERR is saved."""

from collections.abc import Mapping
from enum import IntEnum

from xsavvy.model.choices import Choice

__all__ = [
    "CHOICES",
    "DEFAULTS",
    "CpuidRefresh",
    "CpuidSize",
    "XfdErrSave",
    "XssAccess",
    "XssSwap",
]


class CpuidRefresh(IntEnum):
    """When the guest's CPUID follows a change of XCR0, IA32_XSS or CR4."""

    AT_ONCE = 0
    WHEN_READ = 1


class CpuidSize(IntEnum):
    """Of which components CPUID (0xD,1).EBX says the size."""

    XCR0 = 0
    XCR0_AND_XSS = 1


class XssAccess(IntEnum):
    """How a guest writes IA32_XSS, and reaches the components in it."""

    INTERCEPTED = 0
    PASSTHROUGH = 1
    EXITING_BITMAP = 2


class XssSwap(IntEnum):
    """What decides on SVM whether IA32_XSS is switched; on VMX XSAVES can be disabled."""

    HOST_CAPABILITY = 0
    GUEST_CPUID = 1


class XfdErrSave(IntEnum):
    """When IA32_XFD_ERR of a guest's #NM is saved."""

    IRQS_OFF = 0
    IRQS_ON = 1


DEFAULTS: Mapping[str, IntEnum] = {
    "cpuid_refresh": CpuidRefresh.AT_ONCE,
    "cpuid_compacted": CpuidSize.XCR0,
    "xss_access": XssAccess.INTERCEPTED,
    "xss_swap": XssSwap.HOST_CAPABILITY,
    "xfd_err_save": XfdErrSave.IRQS_OFF,
}
"""The answers of the base."""

CHOICES = (
    Choice(
        "cpuid_refresh",
        "When does the guest's CPUID follow a change of XCR0, IA32_XSS or CR4?",
        CpuidRefresh,
        {
            CpuidRefresh.AT_ONCE: "with the change (to v6.13)",
            CpuidRefresh.WHEN_READ: "when the guest executes CPUID or the VMM reads or sets it (v6.14)",
        },
        "commit 93da6af3ae56",
    ),
    Choice(
        "cpuid_compacted",
        "Of which components does CPUID (0xD,1).EBX say the size?",
        CpuidSize,
        {
            CpuidSize.XCR0: "those of XCR0 (to v6.17)",
            CpuidSize.XCR0_AND_XSS: "those of XCR0 and IA32_XSS (v6.18), as the SDM has it",
        },
        "commit 9622e116d0d2",
    ),
    Choice(
        "xss_access",
        "How does a guest write IA32_XSS, and reach the components in it?",
        XssAccess,
        {
            XssAccess.INTERCEPTED: "the write exits, is checked against CPUID and stored (upstream)",
            XssAccess.PASSTHROUGH: "without an exit; KVM reads the register back after the guest",
            XssAccess.EXITING_BITMAP: "as upstream; XSAVES and XRSTORS of its components exit, too, and are emulated",
        },
        "seed 000; linux:arch/x86/kvm/msrs.c kvm_set_msr_common(); linux:arch/x86/kvm/vmx/vmx.c init_vmcs()",
    ),
    Choice(
        "xss_swap",
        "What decides on SVM whether IA32_XSS is switched?",
        XssSwap,
        {
            XssSwap.HOST_CAPABILITY: "that the processor has XSAVES, which SVM cannot intercept (upstream)",
            XssSwap.GUEST_CPUID: "that the guest's CPUID has XSAVES",
        },
        "commit 312a1c87798e; linux:arch/x86/kvm/svm/svm.c svm_vcpu_after_set_cpuid()",
    ),
    Choice(
        "xfd_err_save",
        "When is IA32_XFD_ERR of a guest's #NM saved?",
        XfdErrSave,
        {
            XfdErrSave.IRQS_OFF: "before interrupts are on (upstream)",
            XfdErrSave.IRQS_ON: "by the handler of the exit, with interrupts on",
        },
        "commit ec5be88ab29f; seed 001",
    ),
)
