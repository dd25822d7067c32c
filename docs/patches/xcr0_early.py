# SPDX-License-Identifier: Apache-2.0
"""An old mistake on a new kernel: the guest's XCR0 is loaded while interrupts are still on, and restored too late."""

from xsavvy.checker import Program


def patch(program: Program) -> Program:
    """Widen the window in which the guest's XCR0 is live."""
    program = program.replaced("vcpu_enter_guest.load_guest_xcr0", needs=0)
    program = program.moved(
        "vcpu_enter_guest.load_guest_xcr0", before="vcpu_enter_guest.local_irq_disable"
    )
    program = program.replaced("vcpu_exit_guest.load_host_xcr0", needs=0)
    return program.moved("vcpu_exit_guest.load_host_xcr0", after="vcpu_exit_guest.local_irq_enable")
