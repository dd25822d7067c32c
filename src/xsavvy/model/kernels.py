# SPDX-License-Identifier: Apache-2.0
"""What commits change in the run loop: the base's answers, and a delta for each commit that differs from them.

A commit of the table without a delta belongs to the base, or changes nothing that is modelled; `kvm.commits` says
which. Until v6.5 the host has no CET in IA32_XSS, until v6.16 no CET_S.
"""

from collections.abc import Mapping
from enum import IntEnum

from xsavvy.checker import Program
from xsavvy.isa.components import CET_S, CET_U
from xsavvy.kvm import Kernel

from . import constants as c
from .constants import Constants
from .delta import Delta
from .fpu import install_user
from .machine import Machine
from .switch import save_and_set_tif_on_prev
from .values import BH_OFF

__all__ = [
    "DEFAULTS",
    "DELTAS",
    "guest_xss",
    "host_xss",
]

DEFAULTS: Mapping[str, IntEnum] = {
    "xfeatures_home": c.XfeaturesHome.VENDOR_RUN,
    "pkru_switch": c.PkruSwitch.XCR0_OR_PKE,
    "pkru_home": c.PkruHome.VENDOR_RUN,
    "pkru_order": c.PkruOrder.AFTER_XCR0,
    "pkru_write": c.PkruWrite.WRPKRU,
    "pkru_compare": c.PkruCompare.RDPKRU,
    "pkru_sample": c.PkruSample.VCPU_LOAD,
    "nmi_window": c.NmiWindow.OPEN,
    "xfd_allocate": c.XfdAllocate.SET_CPUID,
    "xfd_intercept": c.XfdIntercept.FIRST_NONZERO,
    "xfd_sync": c.XfdSync.IRQS_OFF,
    "xfd_err": c.XfdErr.SWITCHED,
    "xfd_header": c.XfdHeader.KEPT,
    "save_mask": c.SaveMask.FPSTATE,
    "allocation": c.Allocation.SUCCEEDS,
    "after_failure": c.AfterFailure.STOPS,
}
"""The answers of the base."""


def install_user_if_in_use(s: Machine, k: Constants) -> None:
    """Put the task's own fpstate back only if the guest's is installed."""
    if s.guest_fp_in_use:
        install_user(s, k)


def _no_fpu_in_fpregs_lock(program: Program) -> Program:
    old = next(event for event in program.events if event.name == "softirq")
    return program.replaced_event("softirq", masked_by=old.masked_by | BH_OFF)


def _tif_on_prev(program: Program) -> Program:
    source = "linux:arch/x86/include/asm/fpu/sched.h switch_fpu()"
    program = program.replaced(
        "context_switch.switch_fpu", effect=save_and_set_tif_on_prev, source=source
    )
    return program.removed("context_switch.switch_fpu_finish")


def _hardened_put(program: Program) -> Program:
    return program.replaced("kvm_put_guest_fpu.install_user", effect=install_user_if_in_use)


DELTAS: Mapping[str, Delta] = {
    "59f5ede3bc0f": Delta(
        edit=_no_fpu_in_fpregs_lock, summary="event softirq: masked by fpregs_lock() too"
    ),
    "4c20cd4cee92": Delta(sets={"pkru_compare": c.PkruCompare.NONE}),
    "730faa15a069": Delta(
        edit=_tif_on_prev, summary="context_switch: TIF on prev, switch_fpu_finish removed"
    ),
    "9bc610b6a2a7": Delta(
        edit=_hardened_put, summary="kvm_put_guest_fpu: nothing to do if not in use"
    ),
    "b45f72177594": Delta(sets={"xfd_header": c.XfdHeader.CLEARED}),
    "75c69c82f211": Delta(sets={"xfeatures_home": c.XfeaturesHome.OUTSIDE_LOOP}),
    "7649412af3ea": Delta(sets={"pkru_home": c.PkruHome.OUTSIDE_LOOP}),
}


def host_xss(kernel: Kernel, xss_supported: int) -> int:
    """Return the CET bits of the host's IA32_XSS.

    CET_U since user shadow stacks (v6.6), CET_S since the guest-only supervisor features (v6.17). Inferred from the
    sources of 6.1, 6.12 and 7.2; a kernel is old or new here by its version's name.
    """
    release = kernel.name.split("+", maxsplit=1)[0].split("-", maxsplit=1)[0]
    major, minor = (int(part) for part in release.removeprefix("v").split("."))
    enabled = 0
    if (major, minor) >= (6, 6):
        enabled |= CET_U
    if (major, minor) >= (6, 17):
        enabled |= CET_S
    return xss_supported & enabled


def guest_xss(kernel: Kernel, host: int) -> int:
    """Return what KVM lets a guest put into IA32_XSS: both CET components or none.

    Source: commit 69cc3e886582; arch/x86/kvm/x86.c kvm_setup_xss_caps().
    """
    both = CET_U | CET_S
    return both if "69cc3e886582" in kernel and host & both == both else 0
