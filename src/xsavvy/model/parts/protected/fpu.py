# SPDX-License-Identifier: Apache-2.0
"""The guest's fpstate as a scratch buffer: is_confidential, and what it suppresses.

Only the swap at both ends of KVM_RUN looks at the flag. The context switch and the kernel's own use of the registers
save to the scratch buffer and restore from it like any other: what is in it is nobody's.
Source: arch/x86/kernel/fpu/core.c fpu_swap_kvm_fpstate().
"""

from xsavvy.checker import Program
from xsavvy.model import fpu
from xsavvy.model.constants import Constants

from .machine import ProtectedMachine

__all__ = ["with_scratch_fpstate"]


def scratch_is_installed(s: ProtectedMachine, k: Constants) -> bool:
    """Say whether current->thread.fpu.fpstate is a scratch buffer."""
    return s.guest_fp_in_use != 0 and s.fp_confidential != 0


def save_outgoing(s: ProtectedMachine, k: Constants) -> None:
    """XSAVES the registers to the installed fpstate, unless memory has them or nobody wants them."""
    if not scratch_is_installed(s, k):
        fpu.save_outgoing(s, k)


def restore_incoming(s: ProtectedMachine, k: Constants) -> None:
    """XRSTORS the incoming fpstate, unless the processor or the firmware restores the guest's registers."""
    if not scratch_is_installed(s, k):
        fpu.restore_incoming(s, k)


def with_scratch_fpstate(program: Program) -> Program:
    """Make both swaps look at is_confidential."""
    source = "linux:arch/x86/kernel/fpu/core.c fpu_swap_kvm_fpstate(), is_confidential"
    for path in ("kvm_load_guest_fpu", "kvm_put_guest_fpu"):
        program = program.replaced(f"{path}.save_outgoing", effect=save_outgoing, source=source)
        program = program.replaced(
            f"{path}.restore_incoming", effect=restore_incoming, source=source
        )
    return program
