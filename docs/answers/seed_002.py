# SPDX-License-Identifier: Apache-2.0
"""Seed 002: PKRU."""

from __future__ import annotations

from .row import SVM, VMX, Answer, Row


def _pkru(label: str, platform: str = VMX, kernel: str = "v6.18", **choices: str) -> Row:
    return Row(label, "pkru", kernel, platform, choices)


PKRU = Answer(
    "explanation/seed-002.md",
    (
        _pkru("VMX, as v6.18 does it"),
        _pkru("SVM, as v6.18 does it", SVM),
        _pkru("VMX, as v6.19 does it", kernel="v6.19"),
        _pkru("switched if CR4.PKE", pkru_switch="pke"),
        _pkru("switched if XCR0[9]", pkru_switch="xcr0"),
        _pkru("switched always", pkru_switch="always"),
        _pkru("switched never", pkru_switch="never"),
        _pkru("before XCR0", pkru_order="before_xcr0"),
        _pkru("in the FPU swap, with the rest", pkru_home="with_xstate"),
        _pkru("by a VMCS field that does not exist", pkru_home="vmcs_field"),
        _pkru("NMIs masked in the window", nmi_window="masked"),
        _pkru("hidden RDPKRU kept", pkru_compare="rdpkru"),
        _pkru("the thread's hint", pkru_compare="hint"),
        _pkru("host value sampled at entry", pkru_sample="entry"),
        _pkru("written with XRSTOR", pkru_write="xrstor"),
    ),
    {
        "guest_sees_its_own_pkru": "guest sees its own",
        "host_runs_on_host_pkru": "host runs on its own",
        "nmi_reads_user_memory_under_host_pkru": "NMI reads under the host's",
    },
)

XINUSE = Answer(
    "explanation/seed-002.md",
    (
        Row("VMX, WRPKRU", "pkru-xinuse", "v6.18", VMX),
        Row("VMX, XRSTOR", "pkru-xinuse", "v6.18", VMX, {"pkru_write": "xrstor"}),
        Row("SVM, WRPKRU", "pkru-xinuse", "v6.18", SVM),
    ),
    {"guest_sees_its_own_pkru_inuse": "XINUSE[9] as the guest left it"},
)
