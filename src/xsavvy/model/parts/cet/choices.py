# SPDX-License-Identifier: Apache-2.0
"""Design questions about CET in the run loop."""

from collections.abc import Mapping
from enum import IntEnum

from xsavvy.model.choices import Choice

from .border import CetSwitch, HostSCet
from .intercept import CetMsrs

__all__ = ["CHOICES", "DEFAULTS"]

CHOICES = (
    Choice(
        "cet_switch",
        "When are U_CET and PL0_SSP to PL3_SSP switched?",
        CetSwitch,
        {
            CetSwitch.VMCS_AND_FPU: "with the FPU, when KVM_RUN begins and ends; the VMCS has the urgent rest (v6.18)",
            CetSwitch.ALL_AT_ENTRY: "at every entry and exit, by WRMSR, like the rest",
        },
        "seed 003's series; commit d6c387fc396b; linux:arch/x86/kernel/fpu/core.c fpu_swap_kvm_fpstate()",
    ),
    Choice(
        "cet_msrs",
        "Do a guest's WRMSRs of U_CET, S_CET and PL0_SSP to PL3_SSP exit?",
        CetMsrs,
        {
            CetMsrs.PASSED_THROUGH: "no, if the guest has the feature and the kernel the patch (v6.18)",
            CetMsrs.INTERCEPTED: "yes, and KVM writes the register: so asks an MSR filter",
        },
        "commits 25f3840483e6, 38c46bdbf998",
    ),
    Choice(
        "cet_host",
        "What does an exit on VMX load into the host's S_CET?",
        HostSCet,
        {
            HostSCet.NOT_WRITTEN: "zero: nobody wrote the field",
            HostSCet.CONSTANT: "the value that was sampled when the module was loaded (v6.18)",
        },
        "commit 584ba3ffb984",
    ),
)

DEFAULTS: Mapping[str, IntEnum] = {
    "cet_switch": CetSwitch.VMCS_AND_FPU,
    "cet_msrs": CetMsrs.PASSED_THROUGH,
    "cet_host": HostSCet.NOT_WRITTEN,
}
