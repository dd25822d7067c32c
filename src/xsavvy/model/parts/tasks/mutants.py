# SPDX-License-Identifier: Apache-2.0
"""Changes that must break this part's properties."""

from xsavvy.checker import Program
from xsavvy.isa.components import PKRU
from xsavvy.model.constants import Constants
from xsavvy.model.interrupts import NO_INTERRUPT
from xsavvy.model.mutant import Mutant
from xsavvy.model.values import USER_MODE, Value

from .frame import fault_in_frame_size, set_frame_pkru_slot
from .machine import TaskMachine
from .values import Outcome, Pages

__all__ = ["MUTANTS"]

INTEL = "sapphire-rapids"


def restore_nothing(s: TaskMachine, k: Constants) -> int:
    """Return from a handler with the registers that it left; a page that is away is a fault all the same."""
    return Outcome.DONE if s.uapi_frame_page == Pages.PRESENT else Outcome.PAGE_FAULT


def forget_pkru(s: TaskMachine, k: Constants) -> None:
    """Write a frame without PKRU."""
    set_frame_pkru_slot(s, k)
    s.uapi_frame_bv &= ~PKRU


def reset_pkru_of_guest(s: TaskMachine, k: Constants, xstate_bv: int) -> None:
    """Treat an image for the guest as ptrace treats one for a task."""
    s.vcpu_pkru = Value.GUEST2 if xstate_bv & PKRU else Value.INIT
    if xstate_bv & PKRU:
        s.ghost_pkru = Value.GUEST2


def _softirq_anywhere(program: Program) -> Program:
    return program.replaced_event("softirq", masked_by=NO_INTERRUPT | USER_MODE)


MUTANTS = (
    Mutant(
        "sigreturn does not restore",
        "signals",
        INTEL,
        lambda p: p.replaced("restore_fpregs_from_user.xrstor_from_user", effect=restore_nothing),
    ),
    Mutant(
        "the frame has no PKRU",
        "signals-pkru",
        INTEL,
        lambda p: p.replaced(
            "copy_fpstate_to_sigframe.update_pkru_in_sigframe", effect=forget_pkru
        ),
    ),
    Mutant("fpregs_lock does not stop softirqs", "signals", INTEL, _softirq_anywhere),
    Mutant(
        "fault-in trusts the frame",
        "sigframe",
        INTEL,
        lambda p: p.replaced("xrstor_failed.fault_in_readable", effect=fault_in_frame_size),
        kernel="v7.1",
    ),
    Mutant(
        "the guest's XFD is kept apart",
        "xfd-set-xsave",
        INTEL,
        changed={"xfd_fpstate": "separate"},
    ),
    Mutant(
        "KVM_SET_XSAVE resets PKRU",
        "ptrace",
        INTEL,
        lambda p: p.replaced_event("KVM_SET_XSAVE with PKRU", effect=reset_pkru_of_guest),
    ),
)
