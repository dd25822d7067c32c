# SPDX-License-Identifier: Apache-2.0
"""What commits change in the run loop: the base's answers, and a delta for each commit that differs from them.

A commit of the table without a delta belongs to the base, says what a host enables or a guest is offered (the functions
at the end), or changes nothing that is modelled; `kvm.commits` says which. `history` has the deltas before v5.17.
"""

from collections.abc import Mapping
from enum import IntEnum

from xsavvy.checker import Program
from xsavvy.kvm import Kernel
from xsavvy.kvm.enabled import guest_has_protection_keys, guest_xcr0, guest_xss, host_xcr0, host_xss

from . import constants as c
from .constants import Constants
from .delta import Delta
from .fpu import install_user
from .guest import HLT_PENDING, exit_for
from .history import HISTORY_DELTAS
from .machine import Machine
from .switch import save_and_set_tif_on_prev
from .values import BH_OFF, Exit

__all__ = [
    "DEFAULTS",
    "DELTAS",
    "guest_has_protection_keys",
    "guest_xcr0",
    "guest_xss",
    "host_xcr0",
    "host_xss",
    "offered_xcr0",
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
    "user_registers": c.UserRegisters.OWN_BUFFER,
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


def _halts_in_the_loop(program: Program) -> Program:
    source = "linux:arch/x86/kvm/x86.c handle_fastpath_hlt(), with virtual interrupt delivery"
    return program.replaced_event(
        HLT_PENDING, choose={"reason": exit_for(Exit.FASTPATH)}, source=source
    )


def _hardened_put(program: Program) -> Program:
    return program.replaced("kvm_put_guest_fpu.install_user", effect=install_user_if_in_use)


DELTAS: Mapping[str, Delta] = {
    **HISTORY_DELTAS,
    "59f5ede3bc0f": Delta(
        edit=_no_fpu_in_fpregs_lock, summary="event softirq: masked by fpregs_lock() too"
    ),
    "1876dd69dfe8": Delta(edit=_halts_in_the_loop, summary=f"event {HLT_PENDING}: a fastpath exit"),
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


def offered_xcr0(kernel: Kernel, wanted: int) -> int:
    """Return which of some bits a guest can have in XCR0, on a machine that has all of them."""
    return guest_xcr0(kernel, host_xcr0(kernel, wanted))
