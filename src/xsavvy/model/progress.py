# SPDX-License-Identifier: Apache-2.0
"""What must happen sooner or later: a vCPU makes progress, and so does whoever was interrupted.

Like the properties these are general sentences, each with a witness and a mutant. They speak of fair runs: every step
that could be taken again and again is taken, and the scheduler brings the vCPU thread back; a guest, a signal, an
interrupt need not come, and may come again and again (`checker.liveness` has the exact rule). So a guest may fall
silent in any state, and a goal in guest mode must be true as soon as it runs.
"""

from xsavvy.checker import Eventually

from .constants import Constants
from .machine import Machine
from .properties import in_guest, vcpu_has_control
from .values import GUEST_MODE, TILE, USER_MODE, Exit, Realloc

__all__ = [
    "EVENTUALITIES",
    "exit_is_pending",
    "guest_cleared_xfd",
    "guest_takes_device_not_available",
    "kvm_run_is_on_its_way",
    "userspace_is_asked",
]

KVM = "linux:arch/x86/kvm/x86.c"


def kvm_run_is_on_its_way(s: Machine, k: Constants) -> bool:
    """The vCPU thread is in KVM_RUN, and the guest is not running or has just exited."""
    return s.vcpu_context & USER_MODE == 0 and (
        s.vcpu_context & GUEST_MODE == 0 or s.vcpu_exit != Exit.NONE
    )


def guest_runs(s: Machine, k: Constants) -> bool:
    """The guest can execute its next instruction."""
    return in_guest(s, k) and s.vcpu_exit == Exit.NONE


def vmm_runs(s: Machine, k: Constants) -> bool:
    """The VMM's thread runs in user mode."""
    return vcpu_has_control(s, k) and s.vcpu_context & USER_MODE != 0


def guest_or_vmm_runs(s: Machine, k: Constants) -> bool:
    """The guest or its VMM runs."""
    return guest_runs(s, k) or vmm_runs(s, k)


def exit_is_pending(s: Machine, k: Constants) -> bool:
    """The guest has exited and KVM has not finished with it."""
    return s.vcpu_exit != Exit.NONE


def exit_is_finished(s: Machine, k: Constants) -> bool:
    """The exit was handled, or userspace was told that it cannot be."""
    return s.vcpu_exit == Exit.NONE or s.vcpu_realloc == Realloc.FAILED


def userspace_is_asked(s: Machine, k: Constants) -> bool:
    """Only userspace can do what the guest waits for."""
    return s.vcpu_exit == Exit.USERSPACE or s.vcpu_realloc == Realloc.REQUESTED


def guest_takes_device_not_available(s: Machine, k: Constants) -> bool:
    """An instruction of the guest raised #NM, and that exits."""
    return s.vcpu_exit == Exit.DEVICE_NOT_AVAILABLE


def guest_can_tell_xfd(s: Machine, k: Constants) -> bool:
    """The guest runs, and IA32_XFD_ERR tells its #NM handler that XFD is to blame."""
    return guest_runs(s, k) and s.hw_xfd_err[s.cpu] & TILE != 0


def guest_cleared_xfd(s: Machine, k: Constants) -> bool:
    """The guest has enabled its tiles, and cleared IA32_XFD as its #NM handler does."""
    return s.ghost_xfd & TILE == 0 and s.vcpu_xcr0 & TILE != 0


def tiles_do_not_fault(s: Machine, k: Constants) -> bool:
    """The guest runs, and XFD disables nothing; or userspace knows that there is no memory for it."""
    if s.vcpu_realloc == Realloc.FAILED or s.ghost_xfd & TILE:
        return True
    return guest_runs(s, k) and s.hw_xfd[s.cpu] & TILE == 0


def vcpu_is_held_up(s: Machine, k: Constants) -> bool:
    """Somebody else has the vCPU thread's CPU."""
    return not vcpu_has_control(s, k)


EVENTUALITIES = (
    Eventually(
        "kvm_run_gets_somewhere",
        "A vCPU thread inside KVM_RUN lets the guest execute an instruction or returns to userspace.",
        guest_or_vmm_runs,
        when=kvm_run_is_on_its_way,
        source=f"{KVM} vcpu_run()",
        witness="kvm_run_is_on_its_way",
        mutant="a fastpath exit is not finished",
    ),
    Eventually(
        "exiting_instruction_is_completed",
        "An instruction that exits is completed or refused, and does not exit again for ever.",
        exit_is_finished,
        when=exit_is_pending,
        source=f"{KVM} kvm_skip_emulated_instruction(), kvm_complete_insn_gp()",
        witness="exit_is_pending",
        mutant="a refused XSETBV is executed again",
    ),
    Eventually(
        "userspace_hears_of_its_exits",
        "An exit that only userspace can handle gets to userspace.",
        vmm_runs,
        when=userspace_is_asked,
        source=f"{KVM} vcpu_run(), kvm_arch_vcpu_ioctl_run()",
        witness="userspace_is_asked",
        mutant="an exit to userspace is dropped",
    ),
    Eventually(
        "interrupted_vcpu_goes_on",
        "A vCPU thread that was interrupted or preempted gets its CPU back.",
        vcpu_has_control,
        when=vcpu_is_held_up,
        source="linux:kernel/sched/core.c schedule()",
        witness="other_task_runs",
        mutant="the vCPU thread is never switched to",
    ),
    Eventually(
        "device_not_available_is_explained",
        "After a #NM of XFD the guest runs with IA32_XFD_ERR set: else its handler could not end the fault.",
        guest_can_tell_xfd,
        when=guest_takes_device_not_available,
        source='SDM "Extended Feature Disable (XFD)"; commit ec5be88ab29f',
        witness="guest_takes_device_not_available",
        mutant="XFD_ERR of a #NM is not saved",
    ),
    Eventually(
        "guest_gets_its_tiles",
        "A guest that has cleared IA32_XFD, as a #NM handler does, comes to run without that fault.",
        tiles_do_not_fault,
        when=guest_cleared_xfd,
        source='SDM "Extended Feature Disable (XFD)"; commit 820a6ee944e7; seed 001',
        witness="guest_cleared_xfd",
        mutant="IA32_XFD is never cleared",
    ),
)
