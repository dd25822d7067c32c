# SPDX-License-Identifier: Apache-2.0
"""PKRU in the image that a VMM reads with KVM_GET_XSAVE: the guest's, wherever KVM keeps it.

Source: arch/x86/kernel/fpu/xstate.c __copy_xstate_to_uabi_buf(), which takes PKRU as an argument; commit 38cfd5e3df9c.
"""

from xsavvy.checker import Program, Step
from xsavvy.isa.components import PKRU
from xsavvy.model.constants import Constants
from xsavvy.model.history.fields import PkruImages, PkruMachine, with_fields
from xsavvy.model.values import Buffer, Value
from xsavvy.model.vmm import vmm_event

from .machine import HistoryMachine

__all__ = ["reads_pkru_from_the_image", "with_get_xsave"]

NAME = "KVM_GET_XSAVE"


class ReaderMachine(HistoryMachine, PkruMachine):
    """The machine of a kernel whose images hold PKRU, as step functions see it."""


def get_xsave(s: HistoryMachine, k: Constants) -> None:
    """Copy the guest's image to userspace, with PKRU from the vCPU."""
    if k.host_xcr0 & PKRU:
        s.uapi_pkru = s.vcpu_pkru


def get_xsave_from_image(s: ReaderMachine, k: Constants) -> None:
    """Copy the guest's image to userspace as it is."""
    if k.host_xcr0 & PKRU:
        s.uapi_pkru = s.fp_pkru[Buffer.GUEST]


def forget_copy(s: HistoryMachine, k: Constants) -> None:
    """Take the copy for used: the guest goes on."""
    s.uapi_pkru = Value.ANY


def with_get_xsave(program: Program) -> Program:
    """Add the ioctl."""
    event = vmm_event(
        NAME,
        get_xsave,
        source="linux:arch/x86/kvm/x86.c kvm_vcpu_ioctl_x86_get_xsave()",
    )
    forget = Step("guest_goes_on", forget_copy, source="userspace")
    program = program.inserted(forget, before="kvm_arch_vcpu_ioctl_run.vcpu_load")
    return program.with_event(event)


def reads_pkru_from_the_image(program: Program) -> Program:
    """Undo 38cfd5e3df9c: PKRU of the image is what the last save of the guest's FPU found."""
    program = with_fields(program, PkruImages)
    return program.replaced_event(NAME, effect=get_xsave_from_image)
