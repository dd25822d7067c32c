# SPDX-License-Identifier: Apache-2.0
"""The designs that people argued for and against: each a name, its values, and who said it where.

A kernel is a point in this space (`kernels`); `--set NAME=VALUE` moves to any other.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum

from . import constants as c

__all__ = ["CORE_CHOICES", "Choice", "value_name"]

THREAD_2 = "seed 002 (17 May 2021)"
THREAD_1 = "seed 001 (7 Dec 2021)"


@dataclass(frozen=True)
class Choice:
    """One question of design and its answers, in the order of their enumeration."""

    name: str
    question: str
    values: type[IntEnum]
    answers: Mapping[IntEnum, str]
    source: str

    def parse(self, text: str) -> IntEnum | None:
        """Return the value that a text names, if there is one."""
        return {value_name(value): value for value in self.values}.get(text)


def value_name(value: IntEnum) -> str:
    """Return a value as it is written on the command line.

    >>> value_name(c.PkruSwitch.XCR0_OR_PKE)
    'xcr0_or_pke'
    """
    return value.name.lower()


CORE_CHOICES = (
    Choice(
        "xfeatures_home",
        "Where are XCR0 and IA32_XSS switched?",
        c.XfeaturesHome,
        {
            c.XfeaturesHome.VENDOR_RUN: "inside the vendor's run function, at every entry (v5.1 to v6.18)",
            c.XfeaturesHome.OUTSIDE_LOOP: "once around the loop of fastpath exits (v4.6 to v5.0, and v6.19)",
            c.XfeaturesHome.WHILE_LOADED: "at the first entry, until the vCPU is put (v3.10 to v4.5)",
        },
        "commits fc5b7f3b, 1811d979c716, 75c69c82f211",
    ),
    Choice(
        "pkru_switch",
        "When is the guest's PKRU put into the register?",
        c.PkruSwitch,
        {
            c.PkruSwitch.XCR0_OR_PKE: "if the guest can reach it: XCR0[9] or CR4.PKE (v5.8)",
            c.PkruSwitch.PKE: "if CR4.PKE is set (v4.13 to v5.7)",
            c.PkruSwitch.XCR0: "if XCR0[9] is set",
            c.PkruSwitch.ALWAYS: "always, with every guest that has protection keys",
            c.PkruSwitch.NEVER: "never",
        },
        f"{THREAD_2}; commits 1be0e61c1f25, 37486135d3a7",
    ),
    Choice(
        "pkru_home",
        "Where is it switched?",
        c.PkruHome,
        {
            c.PkruHome.VENDOR_RUN: "inside the vendor's run function, at every entry (v5.8 to v6.18)",
            c.PkruHome.OUTSIDE_LOOP: "once around the loop of fastpath exits (v6.19)",
            c.PkruHome.VMCS_FIELD: "by the processor, from a VMCS or VMCB field that does not exist",
            c.PkruHome.WITH_XSTATE: "with the rest of the guest's registers, in the FPU swap",
        },
        f"{THREAD_2}; commit 7649412af3ea",
    ),
    Choice(
        "pkru_order",
        "Before or after XCR0 on the way in (and the reverse on the way out)?",
        c.PkruOrder,
        {
            c.PkruOrder.AFTER_XCR0: "after XCR0 and IA32_XSS, as every kernel does",
            c.PkruOrder.BEFORE_XCR0: "before them",
        },
        THREAD_2,
    ),
    Choice(
        "pkru_write",
        "With which instruction is PKRU written?",
        c.PkruWrite,
        {
            c.PkruWrite.WRPKRU: "WRPKRU, which leaves XINUSE[9] set",
            c.PkruWrite.XRSTOR: "XRSTOR, which can put XINUSE[9] back",
        },
        f"{THREAD_2}: the objection that XINUSE[PKRU] is not restored, and the answer",
    ),
    Choice(
        "pkru_compare",
        "Is a write skipped when the register has the value?",
        c.PkruCompare,
        {
            c.PkruCompare.RDPKRU: "yes, by a RDPKRU hidden in the helper (v5.2 to v6.13)",
            c.PkruCompare.HINT: "by a hint from a caller who has just compared (the patch of the thread)",
            c.PkruCompare.NONE: "no: the caller's own comparison is enough (v6.14)",
        },
        f"{THREAD_2}; commit 4c20cd4cee92",
    ),
    Choice(
        "pkru_sample",
        "When is the host's PKRU remembered?",
        c.PkruSample,
        {
            c.PkruSample.VCPU_LOAD: "at vcpu_load() and when the thread is scheduled in",
            c.PkruSample.ENTRY: "before every entry",
        },
        "linux:arch/x86/kvm/x86.c kvm_arch_vcpu_load()",
    ),
    Choice(
        "nmi_window",
        "May an NMI arrive while the guest's PKRU is loaded in the host?",
        c.NmiWindow,
        {
            c.NmiWindow.OPEN: "yes, unless the vendor's GIF holds it",
            c.NmiWindow.MASKED: "no: masked in the local APIC (too expensive, says the thread)",
        },
        THREAD_2,
    ),
    Choice(
        "xfd_allocate",
        "When does the guest's fpstate get room for TILEDATA?",
        c.XfdAllocate,
        {
            c.XfdAllocate.SET_CPUID: "at KVM_SET_CPUID2 (v5.17)",
            c.XfdAllocate.FIRST_ENABLE: "at the first XSETBV or WRMSR that enables it, by way of userspace (v1)",
        },
        THREAD_1,
    ),
    Choice(
        "xfd_intercept",
        "When does WRMSR of IA32_XFD stop exiting?",
        c.XfdIntercept,
        {
            c.XfdIntercept.FIRST_NONZERO: "after the first successful write of a value that is not 0 (v5.17)",
            c.XfdIntercept.ALWAYS: "never",
            c.XfdIntercept.OPTION_1: "option 1: while the first enabling WRMSR is emulated, before userspace is told",
            c.XfdIntercept.OPTION_2: "option 2: on the way back from userspace, after a look at the fpstate",
            c.XfdIntercept.OPTION_3: "option 3: at the second enabling WRMSR, when the fpstate has room (v1)",
        },
        f"{THREAD_1}; commit b5274b1b7ba8",
    ),
    Choice(
        "xfd_sync",
        "When does software learn IA32_XFD after an exit?",
        c.XfdSync,
        {
            c.XfdSync.IRQS_OFF: "before interrupts are enabled (v5.17)",
            c.XfdSync.IRQS_ON: "after interrupts are enabled",
            c.XfdSync.NEVER: "never",
        },
        f"{THREAD_1}; commit 5429cead0119",
    ),
    Choice(
        "xfd_err",
        "What becomes of IA32_XFD_ERR?",
        c.XfdErr,
        {
            c.XfdErr.SWITCHED: "remembered at a #NM exit, zeroed before interrupts, loaded at entry (v5.17)",
            c.XfdErr.NOT_CLEARED: "remembered but left in the register",
            c.XfdErr.NOT_SAVED: "zeroed and not remembered",
        },
        f"{THREAD_1}, its series; commit ec5be88ab29f",
    ),
    Choice(
        "xfd_header",
        "What becomes of a component's bit in XSTATE_BV in memory when XFD disables it?",
        c.XfdHeader,
        {
            c.XfdHeader.KEPT: "nothing (v5.17 to v6.18)",
            c.XfdHeader.CLEARED: "it is cleared (v6.19 and stable kernels)",
        },
        "commit b45f72177594",
    ),
    Choice(
        "save_mask",
        "Which components does the kernel ask XSAVES to write?",
        c.SaveMask,
        {
            c.SaveMask.FPSTATE: "those of the fpstate it saves to",
            c.SaveMask.ALL: "all that are enabled: the memory corruption that the thread fears",
        },
        f"{THREAD_1}; linux:arch/x86/kernel/fpu/core.c save_fpregs_to_fpstate()",
    ),
    Choice(
        "user_registers",
        "Where are the VMM's registers while the guest's are loaded?",
        c.UserRegisters,
        {
            c.UserRegisters.OWN_BUFFER: "in a buffer of their own (until v4.20, from v5.3)",
            c.UserRegisters.THREAD_FPU: "in thread.fpu, to which the scheduler saves (v5.0 to v5.2)",
        },
        "commits 240c35a3783a, ec269475cba7",
    ),
    Choice(
        "allocation",
        "Can the growth of the fpstate fail?",
        c.Allocation,
        {c.Allocation.SUCCEEDS: "no", c.Allocation.MAY_FAIL: "yes"},
        THREAD_1,
    ),
    Choice(
        "after_failure",
        "What does the VMM do when KVM_RUN says that the growth failed?",
        c.AfterFailure,
        {
            c.AfterFailure.STOPS: "it does not enter the guest again",
            c.AfterFailure.REENTERS: "it calls KVM_RUN again",
        },
        f"{THREAD_1}, option 1",
    ),
)
