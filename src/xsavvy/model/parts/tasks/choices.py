# SPDX-License-Identifier: Apache-2.0
"""Designs of this part that people argued for and against, and how older kernels answered."""

from collections.abc import Mapping
from enum import IntEnum

from xsavvy.model.choices import Choice

from .values import PkruAfterKthread, PkruHome, PkruOfInit, XfdFpstate

__all__ = ["CHOICES", "DEFAULTS"]

CHOICES = (
    Choice(
        "xfd_fpstate",
        "Do the guest and its fpstate share one IA32_XFD?",
        XfdFpstate,
        {
            XfdFpstate.TOGETHER: "yes: the kernel saves and restores on the guest's value (v5.17)",
            XfdFpstate.SEPARATE: "no: XRSTORS runs on the task's value, the guest's is loaded at entry "
            "(proposed against the kernel #NM, refused)",
        },
        'mail "x86, fpu: separate fpstate->xfd and guest XFD" (24 Dec 2025) and its reply of 29 Dec 2025',
    ),
    Choice(
        "pkru_from",
        "From where does the context switch take the next task's PKRU?",
        PkruHome,
        {
            PkruHome.THREAD: "from thread.pkru (v5.14)",
            PkruHome.XSTATE: "from the task's XSAVE image (v5.2 to v5.13)",
        },
        "commits 0cecca9d03c9, 954436989cc5",
    ),
    Choice(
        "pkru_of_init",
        "What does an image without PKRU mean to a context switch that reads it?",
        PkruOfInit,
        {
            PkruOfInit.HARDWARE_INIT: "0, as XRSTOR has it (v5.13)",
            PkruOfInit.KERNEL_DEFAULT: "the kernel's default, which denies most keys (v5.2 to v5.12)",
        },
        "commit 510b80a6a0f1",
    ),
    Choice(
        "pkru_after_kthread",
        "Which PKRU does such a context switch load for the task that follows a kernel thread?",
        PkruAfterKthread,
        {
            PkruAfterKthread.OWN: "the task's own (5.4.182, 5.10.103)",
            PkruAfterKthread.KERNEL_DEFAULT: "the default, where the compiler reads `current` too early",
        },
        'stable patch "x86/fpu: Correct pkru/xstate inconsistency" (15 Feb 2022)',
    ),
)

DEFAULTS: Mapping[str, IntEnum] = {
    "xfd_fpstate": XfdFpstate.TOGETHER,
    "pkru_from": PkruHome.THREAD,
    "pkru_of_init": PkruOfInit.HARDWARE_INIT,
    "pkru_after_kthread": PkruAfterKthread.OWN,
}
