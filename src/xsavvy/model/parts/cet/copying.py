# SPDX-License-Identifier: Apache-2.0
"""The FPU swap before v5.16: two buffers of the vCPU, and registers copied to and from them.

A put saves the registers to the guest's buffer and restores the user's, whether or not a load came before; no
pointer tells, so nothing crashes and two domains exchange registers. The puts of KVM_RUN itself are `model.history`'s.
Source: arch/x86/kvm/x86.c kvm_put_guest_fpu() of v5.5; the message of commit f958bd2314d1; commit 69f6ed1d14c6.
"""

from xsavvy.checker import Program
from xsavvy.isa.components import CET_S
from xsavvy.model.constants import Constants
from xsavvy.model.values import Buffer, Task
from xsavvy.model.xstate import xsaves

from .access import OWN_SWAPS
from .machine import CetMachine

__all__ = ["copy_registers"]


def save_to_guest_buffer(s: CetMachine, k: Constants) -> None:
    """Save the registers to the guest's buffer, whoever's they are."""
    if s.tif_need_fpu_load[Task.VMM] == 0:
        xsaves(s, k, Buffer.GUEST)
        if s.fp_xfeatures[Buffer.GUEST] & s.hw_xss[s.cpu] & CET_S:
            s.fp_cet_s = s.hw_cet_s[s.cpu]


def use_user_buffer(s: CetMachine, k: Constants) -> None:
    """Go on with the user's buffer; nothing says whether the guest's was in use."""
    s.guest_fp_in_use = 0


def copy_registers(program: Program) -> Program:
    """Return the program with puts that copy, as before commit 69f6ed1d14c6."""
    for path in OWN_SWAPS:
        program = program.replaced(f"{path}.save_outgoing", effect=save_to_guest_buffer)
        program = program.replaced(f"{path}.install_user", effect=use_user_buffer)
    return program
