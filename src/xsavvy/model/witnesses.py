# SPDX-License-Identifier: Apache-2.0
"""States that must be reachable, so that no property is true of an empty world."""

from xsavvy.checker import Witness
from xsavvy.isa.components import PKRU

from .constants import Constants
from .machine import Machine
from .progress import (
    exit_is_pending,
    guest_cleared_xfd,
    guest_takes_device_not_available,
    kvm_run_is_on_its_way,
    userspace_is_asked,
)
from .properties import guest_has_xsave, in_guest, task_has_control
from .values import GUEST_MODE, IRQS_OFF, PREEMPT_OFF, TILE, USER_MODE, Buffer, Exit, Task, Value

__all__ = ["WITNESSES"]


def is_guests(value: int) -> bool:
    """Say whether a value is one that the guest writes."""
    return value == Value.GUEST or value == Value.GUEST2


def registers_must_be_reloaded(s: Machine, k: Constants) -> bool:
    """The vCPU thread is in KVM_RUN; the guest's XMM value is in memory and not in the CPU.

    In memory is its own image, or with `user_registers=thread_fpu` that of the thread.
    """
    in_memory = is_guests(s.fp_sse[Buffer.GUEST]) or is_guests(s.fp_sse[Buffer.VMM])
    return kvm_run_is_on_its_way(s, k) and in_memory and not is_guests(s.hw_sse[s.cpu])


def guest_xcr0(s: Machine, k: Constants) -> bool:
    """The guest runs on an XCR0 or IA32_XSS that is not the host's."""
    return guest_has_xsave(s, k) and (
        s.hw_xcr0[s.cpu] != k.host_xcr0 or s.hw_xss[s.cpu] != k.host_xss
    )


def guest_pkru(s: Machine, k: Constants) -> bool:
    """The guest runs on its own PKRU."""
    return in_guest(s, k) and s.hw_pkru[s.cpu] == Value.GUEST


def nmi_in_run_loop(s: Machine, k: Constants) -> bool:
    """An NMI arrives while the vCPU thread has interrupts off, outside guest mode."""
    return (
        s.nmi_at != 0
        and s.current == Task.VMM
        and s.vcpu_context & (IRQS_OFF | GUEST_MODE) == IRQS_OFF
    )


def other_runs(s: Machine, k: Constants) -> bool:
    """The other task runs in user mode while the guest's registers are in memory."""
    return task_has_control(s, k) and s.task_context & USER_MODE != 0 and s.guest_fp_in_use != 0


def tiles_disabled(s: Machine, k: Constants) -> bool:
    """The guest runs with its tiles disabled."""
    return in_guest(s, k) and s.hw_xfd[s.cpu] & TILE != 0 and s.vcpu_xcr0 & TILE != 0


def tiles_used(s: Machine, k: Constants) -> bool:
    """The guest has data in its tiles."""
    return in_guest(s, k) and s.hw_tile[s.cpu] == Value.GUEST


def has_xfd_err(s: Machine, k: Constants) -> bool:
    """The guest runs with IA32_XFD_ERR set, after KVM has handled its #NM."""
    return (
        in_guest(s, k)
        and s.hw_xfd_err[s.cpu] != 0
        and s.vcpu_xfd_err != 0
        and s.vcpu_exit == Exit.NONE
    )


def preempted_in_kernel(s: Machine, k: Constants) -> bool:
    """The vCPU thread is switched out with the guest's fpstate installed."""
    return (
        s.switch_at != 0
        and s.current == Task.VMM
        and s.guest_fp_in_use != 0
        and s.vcpu_context & PREEMPT_OFF == 0
    )


def pkru_unreachable(s: Machine, k: Constants) -> bool:
    """The guest runs with PKRU out of its reach, while the host's value is live."""
    return (
        in_guest(s, k)
        and s.vcpu_cr4 == 0
        and s.vcpu_xcr0 & PKRU == 0
        and s.hw_pkru[s.cpu] == Value.VMM
    )


WITNESSES = (
    Witness(
        "registers_reloaded_for_guest",
        "The guest's registers must be loaded from memory before it runs: the CPU has somebody else's.",
        registers_must_be_reloaded,
    ),
    Witness(
        "guest_has_its_own_xcr0",
        "The guest runs on an XCR0 or IA32_XSS that is not the host's.",
        guest_xcr0,
    ),
    Witness("guest_has_its_own_pkru", "The guest runs on its own PKRU.", guest_pkru),
    Witness(
        "guest_cannot_reach_pkru",
        "The guest runs with the host's PKRU out of its reach.",
        pkru_unreachable,
    ),
    Witness(
        "nmi_hits_the_run_loop",
        "An NMI arrives between the switch of registers and the guest.",
        nmi_in_run_loop,
    ),
    Witness(
        "other_task_runs",
        "Another task runs while the guest's registers are in memory.",
        other_runs,
    ),
    Witness(
        "vcpu_is_preempted",
        "The vCPU thread is switched out with the guest's fpstate installed.",
        preempted_in_kernel,
    ),
    Witness(
        "guest_disabled_its_tiles", "The guest runs with its tiles disabled by XFD.", tiles_disabled
    ),
    Witness("guest_uses_tiles", "The guest has data in its tiles.", tiles_used),
    Witness(
        "guest_has_xfd_err",
        "The guest runs with IA32_XFD_ERR set after its #NM was handled.",
        has_xfd_err,
    ),
    Witness(
        "kvm_run_is_on_its_way",
        "The vCPU thread is between userspace and the guest.",
        kvm_run_is_on_its_way,
    ),
    Witness("exit_is_pending", "An exit waits to be handled.", exit_is_pending),
    Witness(
        "userspace_is_asked", "The guest waits for what only userspace can do.", userspace_is_asked
    ),
    Witness(
        "guest_takes_device_not_available",
        "A #NM of the guest exits.",
        guest_takes_device_not_available,
    ),
    Witness(
        "guest_cleared_xfd",
        "The guest has enabled its tiles and cleared IA32_XFD.",
        guest_cleared_xfd,
    ),
)
