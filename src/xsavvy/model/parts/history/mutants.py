# SPDX-License-Identifier: Apache-2.0
"""Changes that must break the properties of this part."""

from xsavvy.checker import Program
from xsavvy.model.constants import Constants
from xsavvy.model.history.xcr0 import forgets_at_xsetbv
from xsavvy.model.mutant import Mutant

from .bounds import deactivates_despite_mpx
from .emulator import touches_registers_unlocked
from .machine import HistoryMachine
from .mce import sleeps_in_the_handler

__all__ = ["MUTANTS"]

INTEL = "sapphire-rapids"


def get_host_pkru(s: HistoryMachine, k: Constants) -> None:
    """Copy the register to userspace."""
    s.uapi_pkru = s.hw_pkru[s.cpu]


def _reads_host(program: Program) -> Program:
    return program.replaced_event("KVM_GET_XSAVE", effect=get_host_pkru)


MUTANTS = (
    Mutant("the machine check handler sleeps", "machine-check", INTEL, sleeps_in_the_handler),
    Mutant(
        "the emulator does not lock the registers", "emulator", INTEL, touches_registers_unlocked
    ),
    Mutant("KVM_GET_XSAVE reads the host's PKRU", "pkru-image", INTEL, _reads_host),
    Mutant(
        "XSETBV forgets that XCR0 is loaded",
        "xcr0-switch",
        INTEL,
        forgets_at_xsetbv,
        kernel="v4.5",
    ),
    Mutant(
        "a guest with MPX is lazy",
        "bounds",
        INTEL,
        deactivates_despite_mpx,
        kernel="v4.1",
    ),
)
