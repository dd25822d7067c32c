# SPDX-License-Identifier: Apache-2.0
"""The same window, and a flag that lets the kernel's own FPU code put the host's XCR0 back. Three degrees of care."""

from enum import IntEnum
from typing import Annotated

from xsavvy.checker import Each, Flag, Program, Property, Step
from xsavvy.kvm.rules import xcr0_is_switched
from xsavvy.model.choices import Choice
from xsavvy.model.fpu import kernel_fpu_save, switch_fpu_return
from xsavvy.model.switch import save_and_set_tif_on_prev
from xsavvy.model.values import IRQS_OFF

ME = "docs/patches/xcr0_flag.py"


class Care(IntEnum):
    """How much of the kernel knows about the flag."""

    FIRST_TRY = 0
    RELOAD = 1
    RECHECK = 2


CHOICES = (
    Choice(
        "care",
        "Who puts the host's XCR0 back, and who looks again?",
        Care,
        {
            Care.FIRST_TRY: "the kernel's own use of the FPU, and the context switch",
            Care.RELOAD: "the reload before the entry too",
            Care.RECHECK: "and the entry looks at the flag once more, with interrupts off",
        },
        ME,
    ),
)


def load_guest_xcr0_early(s, k):
    """Load the guest's XCR0 with interrupts on, and set the flag first."""
    if xcr0_is_switched(s.vcpu_cr4, s.vcpu_xcr0, k.host_xcr0):
        s.cpu_guest_xcr0_loaded[s.cpu] = 1
        s.hw_xcr0[s.cpu] = s.vcpu_xcr0


def load_guest_xcr0_again(s, k):
    """Load it again if somebody has put the host's back."""
    if k.care == Care.RECHECK:
        load_guest_xcr0_early(s, k)


def put_host_xcr0(s, k):
    """Put the host's XCR0 back if the flag says that the guest's is loaded here."""
    if s.cpu_guest_xcr0_loaded[s.cpu]:
        s.hw_xcr0[s.cpu] = k.host_xcr0
        s.cpu_guest_xcr0_loaded[s.cpu] = 0


def save_under_host_xcr0(s, k):
    """Put the host's XCR0 back before the kernel uses the registers, then save them."""
    put_host_xcr0(s, k)
    kernel_fpu_save(s, k)


def switch_under_host_xcr0(s, k):
    """Put the host's XCR0 back before another task runs, then save the registers."""
    put_host_xcr0(s, k)
    save_and_set_tif_on_prev(s, k)


def reload_under_host_xcr0(s, k):
    """Put the host's XCR0 back before the registers are loaded, then load them if they are in memory."""
    if k.care != Care.FIRST_TRY and s.tif_need_fpu_load[s.current]:
        put_host_xcr0(s, k)
    switch_fpu_return(s, k)


def flag_is_true(s, k):
    """The flag is never wrong about a foreign XCR0: without it the register holds the host's."""
    return s.cpu_guest_xcr0_loaded[s.cpu] == 1 or s.hw_xcr0[s.cpu] == k.host_xcr0


def patch(program: Program) -> Program:
    """Load early, put back wherever the kernel needs its own, and by choice look again before the entry."""
    program = program.with_fields(
        cpu_guest_xcr0_loaded=Annotated[
            list[int], Each(2, Flag()), "the guest's XCR0 is loaded here"
        ]
    )
    load, restore = "vcpu_enter_guest.load_guest_xcr0", "vcpu_exit_guest.load_host_xcr0"
    program = program.replaced(load, effect=load_guest_xcr0_early, needs=0)
    program = program.moved(load, before="vcpu_enter_guest.local_irq_disable")
    program = program.replaced(restore, effect=put_host_xcr0, needs=0)
    program = program.moved(restore, after="vcpu_exit_guest.local_irq_enable")
    again = Step("load_guest_xcr0_again", load_guest_xcr0_again, needs=IRQS_OFF, source=ME)
    program = program.inserted(again, after="vcpu_enter_guest.load_guest_xfd_err")
    called_off = Step("put_host_xcr0", put_host_xcr0, source=ME)
    program = program.inserted(called_off, before="cancel_injection.local_irq_enable")
    program = program.replaced("kernel_fpu.kernel_fpu_begin.save", effect=save_under_host_xcr0)
    program = program.replaced("context_switch.switch_fpu", effect=switch_under_host_xcr0)
    program = program.replaced("vcpu_enter_guest.switch_fpu_return", effect=reload_under_host_xcr0)
    # Other code of the host may run under the guest's XCR0 in this design; the kernel's uses of the FPU may not.
    program = program.without_property("host_runs_on_host_features")
    return program.with_property(
        Property(
            "flag_is_true", "Without the flag XCR0 holds the host's value.", flag_is_true, source=ME
        )
    )
