# SPDX-License-Identifier: Apache-2.0
"""What KVM decides for nested guests, and which commit made it decide so."""

from collections.abc import Mapping
from enum import IntEnum

from xsavvy.model.choices import Choice
from xsavvy.model.delta import Delta

from .values import BndcfgsAtExit, Checks, FpuLoad, NmRoute, Snapshot, XsavesExits

__all__ = ["CHOICES", "DEFAULTS", "DELTAS"]

CHOICES = (
    Choice(
        "bndcfgs_snapshot",
        "When does KVM remember L1's IA32_BNDCFGS at a nested entry?",
        Snapshot,
        {
            Snapshot.IF_NOT_LOADED: "if vmcs12 does not load it (to v5.19)",
            Snapshot.ALSO_IF_NO_RUN_PENDING: "also if no nested run is pending (v6.0)",
        },
        "commit fa578398a0ba",
    ),
    Choice(
        "cet_snapshot",
        "When does KVM remember L1's S_CET, SSP and SSP table at a nested entry?",
        Snapshot,
        {
            Snapshot.IF_NOT_LOADED: "if vmcs12 does not load them, as it was with IA32_BNDCFGS",
            Snapshot.ALSO_IF_NO_RUN_PENDING: "also if no nested run is pending (v6.18)",
        },
        "commit 625884996bff",
    ),
    Choice(
        "bndcfgs_at_exit",
        "What does L1 find in IA32_BNDCFGS after an exit of L2 that does not clear it?",
        BndcfgsAtExit,
        {
            BndcfgsAtExit.L1S: "its own value from before the entry (every kernel)",
            BndcfgsAtExit.L2S: "L2's, as on a processor and as the comment in the kernel says (a sketch of 2020)",
        },
        'mails of Jim Mattson and Paolo Bonzini, 2 Sep 2020; SDM "Loading Host State"',
    ),
    Choice(
        "xsaves_exits",
        "Who gets an exit of L2's XSAVES or XRSTORS?",
        XsavesExits,
        {
            XsavesExits.L1_IF_ENABLED: "L1, if vmcs12 enables XSAVES (to v6.17)",
            XsavesExits.L1: "L1 (v6.18)",
            XsavesExits.L0: "L0, as if IA32_XSS were 0 for ever",
        },
        "commit 19e6e083f3f9",
    ),
    Choice(
        "nested_cr_check",
        "Does a nested entry check that CR4.CET goes with CR0.WP?",
        Checks,
        {Checks.UNCHECKED: "no", Checks.CHECKED: "yes (v6.18)"},
        "commit 8060b2bd2dd0",
    ),
    Choice(
        "nested_cet_check",
        "Does a nested entry check the CET state that L1 wants loaded?",
        Checks,
        {Checks.UNCHECKED: "no", Checks.CHECKED: "yes (v6.18)"},
        "commit 62f7533a6b3a",
    ),
    Choice(
        "nested_nm",
        "What decides whether L1 gets an exit of L2's #NM?",
        NmRoute,
        {
            NmRoute.BITMAP: "L1's exception bitmap (v4.20; and before v3.13)",
            NmRoute.VMCS12_CR0: "the bitmap, and CR0.TS in the guest-state area of vmcs12 (v3.14 to v4.19)",
            NmRoute.READ_CR0: "the bitmap, and CR0.TS as L2 reads it (v3.13)",
        },
        "commits e504c9098ed6, 1b385cbdd74a; a patch of Jim Mattson of 2018",
    ),
    Choice(
        "nested_fpu",
        "When does L0 load the guest's FPU registers?",
        FpuLoad,
        {
            FpuLoad.EAGER: "before it enters the guest",
            FpuLoad.LAZY: "at a #NM that its own CR0.TS causes (to v4.11, as with eagerfpu=off)",
        },
        "commit bd7e5b0899a4",
    ),
)

DEFAULTS: Mapping[str, IntEnum] = {
    "bndcfgs_snapshot": Snapshot.IF_NOT_LOADED,
    "cet_snapshot": Snapshot.ALSO_IF_NO_RUN_PENDING,
    "bndcfgs_at_exit": BndcfgsAtExit.L1S,
    "xsaves_exits": XsavesExits.L1_IF_ENABLED,
    "nested_cr_check": Checks.UNCHECKED,
    "nested_cet_check": Checks.UNCHECKED,
    "nested_nm": NmRoute.BITMAP,
    "nested_fpu": FpuLoad.EAGER,
}
"""The answers of the base, v5.17."""

DELTAS: Mapping[str, Delta] = {
    "e504c9098ed6": Delta(lacks={"nested_nm": NmRoute.BITMAP}),
    "1b385cbdd74a": Delta(lacks={"nested_nm": NmRoute.READ_CR0}),
    "bd7e5b0899a4": Delta(lacks={"nested_fpu": FpuLoad.LAZY}),
    "nvmx_reflect_nm": Delta(lacks={"nested_nm": NmRoute.VMCS12_CR0}),
    "fa578398a0ba": Delta(sets={"bndcfgs_snapshot": Snapshot.ALSO_IF_NO_RUN_PENDING}),
    "19e6e083f3f9": Delta(sets={"xsaves_exits": XsavesExits.L1}),
    "8060b2bd2dd0": Delta(sets={"nested_cr_check": Checks.CHECKED}),
    "62f7533a6b3a": Delta(sets={"nested_cet_check": Checks.CHECKED}),
}
