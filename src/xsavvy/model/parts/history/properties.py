# SPDX-License-Identifier: Apache-2.0
"""What must hold besides the run loop's properties, and what must be reachable."""

from xsavvy.checker import Property, Witness
from xsavvy.model.constants import Constants
from xsavvy.model.properties import host_is_interruptible, in_guest
from xsavvy.model.values import BH_OFF, GUEST_MODE, IRQS_OFF, NMI_OFF, PREEMPT_OFF, Task, Value

from .machine import HistoryMachine

__all__ = ["PROPERTIES", "WITNESSES"]

ATOMIC = PREEMPT_OFF | BH_OFF | IRQS_OFF | NMI_OFF | GUEST_MODE


def sleeps_where_it_may(s: HistoryMachine, k: Constants) -> bool:
    """P20: the scheduler takes the CPU from the vCPU thread only where that may sleep or be preempted."""
    if s.switch_at == 0 or s.current != Task.VMM:
        return True
    return s.vcpu_context & ATOMIC == 0


def emulator_reads(s: HistoryMachine, k: Constants) -> bool:
    """P6: what the emulator has read from a register is what the guest put there."""
    return s.vcpu_operand == Value.ANY or s.vcpu_operand == s.ghost_sse


def userspace_reads_pkru(s: HistoryMachine, k: Constants) -> bool:
    """P13, P10: the PKRU that userspace reads with the guest's image is the guest's."""
    return s.uapi_pkru == Value.ANY or s.uapi_pkru == s.ghost_pkru


def guest_finds_bounds(s: HistoryMachine, k: Constants) -> bool:
    """P10: CR0.TS does not keep the guest from its bound registers, so they must be its own."""
    return not in_guest(s, k) or s.hw_bnd[s.cpu] == s.ghost_bnd


def xcr0_is_as_remembered(s: HistoryMachine, k: Constants) -> bool:
    """P5: wherever the host can be interrupted, XCR0 is what guest_xcr0_loaded says, or the host's without a flag."""
    if not host_is_interruptible(s, k):
        return True
    if s.vcpu_xcr0_loaded and s.current == Task.VMM:
        return s.hw_xcr0[s.cpu] == s.vcpu_xcr0
    return s.hw_xcr0[s.cpu] == k.host_xcr0


def vcpu_sleeps(s: HistoryMachine, k: Constants) -> bool:
    """The vCPU thread is being switched out."""
    return s.switch_at != 0 and s.current == Task.VMM


def emulator_has_read(s: HistoryMachine, k: Constants) -> bool:
    """The emulator holds a value that the guest computed."""
    return s.vcpu_operand == Value.GUEST


def guest_pkru_is_read(s: HistoryMachine, k: Constants) -> bool:
    """Userspace holds the guest's PKRU."""
    return s.uapi_pkru == Value.GUEST


def guest_has_bounds(s: HistoryMachine, k: Constants) -> bool:
    """The guest runs on bounds of its own, after the other task had the CPU or not."""
    return in_guest(s, k) and s.ghost_bnd != Value.INIT and s.hw_bnd[s.cpu] == s.ghost_bnd


PROPERTIES = (
    Property(
        "nobody_sleeps_in_atomic_context",
        "The vCPU thread is switched out only where it may sleep or be preempted.",
        sleeps_where_it_may,
        source="P20; linux:kernel/sched/core.c schedule_debug()",
        witness="vcpu_is_switched_out",
        mutant="the machine check handler sleeps",
    ),
    Property(
        "emulator_reads_guest_registers",
        "What the emulator reads from a register is what the guest put there.",
        emulator_reads,
        source="P6; linux:arch/x86/kvm/fpu.h kvm_fpu_get()",
        witness="emulator_has_read",
        mutant="the emulator does not lock the registers",
    ),
    Property(
        "userspace_reads_guest_pkru",
        "The PKRU in the image that userspace reads is the guest's.",
        userspace_reads_pkru,
        source="P10, P13; commit 38cfd5e3df9c",
        witness="userspace_has_read_guest_pkru",
        mutant="KVM_GET_XSAVE reads the host's PKRU",
    ),
    Property(
        "xcr0_is_what_kvm_remembers",
        "Wherever the host can be interrupted, XCR0 is the guest's if KVM remembers that, and the host's otherwise.",
        xcr0_is_as_remembered,
        source="P5; commit 42bdf991f4ca",
        witness="guest_has_its_own_xcr0",
        mutant="XSETBV forgets that XCR0 is loaded",
    ),
    Property(
        "guest_finds_its_bounds",
        "In guest mode the bound registers, which CR0.TS does not gate, hold what the guest put there.",
        guest_finds_bounds,
        source="P10; SDM Intel MPX and XSAVE",
        witness="guest_has_bounds",
        mutant="a guest with MPX is lazy",
    ),
)

WITNESSES = (
    Witness("vcpu_is_switched_out", "The vCPU thread is switched out.", vcpu_sleeps),
    Witness(
        "emulator_has_read", "The emulator has read what the guest computed.", emulator_has_read
    ),
    Witness(
        "userspace_has_read_guest_pkru",
        "Userspace has read a PKRU that the guest wrote.",
        guest_pkru_is_read,
    ),
    Witness("guest_has_bounds", "The guest runs on bounds that it made.", guest_has_bounds),
)
