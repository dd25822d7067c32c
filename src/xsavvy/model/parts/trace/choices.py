# SPDX-License-Identifier: Apache-2.0
"""The designs for Processor Trace that people argued for and against, and what commits chose."""

from collections.abc import Mapping
from enum import IntEnum

from xsavvy.model.choices import Choice
from xsavvy.model.delta import Delta

from .values import HostTracing, PtMode, PtSwitch, RtitCheck

__all__ = ["CHOICES", "DEFAULTS", "DELTAS"]

SEED = "seed 000 (1 Nov 2023)"

CHOICES = (
    Choice(
        "pt_mode",
        "What does kvm_intel's parameter pt_mode ask for?",
        PtMode,
        {
            PtMode.HOST_GUEST: "the guest has Processor Trace (v5.0; since v6.12 only with CONFIG_BROKEN)",
            PtMode.SYSTEM: "the host's trace goes on in the guest, which has none",
        },
        "commits f99e3daf94ff, aa0d42cacf09",
    ),
    Choice(
        "host_tracing",
        "What becomes of the host's own tracing at a VM entry?",
        HostTracing,
        {
            HostTracing.IF_GUEST_TRACES: "TraceEn is cleared if the guest has it set (every kernel with the mode)",
            HostTracing.CLEARED: "TraceEn is cleared always, by KVM, behind perf's back",
            HostTracing.STOPPED_BY_PERF: "perf stops its event and its interrupt handler first (a patch of 2024)",
        },
        'the thread of the patch "KVM: x86: Fix Intel PT Host/Guest mode when host tracing also" (Oct 2024)',
    ),
    Choice(
        "pt_switch",
        "When does the processor hold the guest's MSRs of Processor Trace, and may XSAVES reach them?",
        PtSwitch,
        {
            PtSwitch.TRACE_EN: "while the guest has TraceEn set; IA32_XSS[8] is not offered (v5.0)",
            PtSwitch.ALWAYS: "at every entry, whether it traces or not; IA32_XSS[8] is not offered",
            PtSwitch.XSS_ALWAYS: "at every entry; IA32_XSS[8] is offered",
            PtSwitch.XSS_EMULATED: "as upstream; XSAVES and XRSTORS of PT state exit and are emulated",
            PtSwitch.XSS_TOGGLED: "as upstream; XSAVES and XRSTORS of PT state exit, which makes the MSRs resident",
            PtSwitch.XSS_FPSTATE: "while the guest's fpstate is installed, which has the component",
            PtSwitch.XSS_ONLY: "as upstream; IA32_XSS[8] is offered without any of that",
        },
        f"{SEED}; the comment at KVM_SUPPORTED_XSS (v6.18)",
    ),
    Choice(
        "rtit_check",
        "Does KVM refuse an address for IA32_RTIT_ADDRn that is not canonical?",
        RtitCheck,
        {
            RtitCheck.CHECKED: "yes (v5.6)",
            RtitCheck.UNCHECKED: "no (v5.0 to v5.5)",
        },
        "commit fe6ed369fca9",
    ),
)

DEFAULTS: Mapping[str, IntEnum] = {
    "pt_mode": PtMode.HOST_GUEST,
    "host_tracing": HostTracing.IF_GUEST_TRACES,
    "pt_switch": PtSwitch.TRACE_EN,
    "rtit_check": RtitCheck.CHECKED,
}

DELTAS: Mapping[str, Delta] = {
    "f99e3daf94ff": Delta(lacks={"pt_mode": PtMode.SYSTEM}),
    "fe6ed369fca9": Delta(lacks={"rtit_check": RtitCheck.UNCHECKED}),
    "aa0d42cacf09": Delta(sets={"pt_mode": PtMode.SYSTEM}),
}
