# SPDX-License-Identifier: Apache-2.0
"""What must be true of host tasks, whatever interrupts them: sentences, witnesses, and one eventuality."""

from xsavvy.checker import Eventually, Property, Witness
from xsavvy.model.constants import Constants
from xsavvy.model.properties import task_has_control, vcpu_has_control
from xsavvy.model.values import BH_OFF, USER_MODE, Task, Value

from .guest_xfd import image_tile
from .machine import TaskMachine
from .values import DEFAULT_PKRU, FrameSize, Pages

__all__ = ["TASK_EVENTUALITIES", "TASK_PROPERTIES", "TASK_WITNESSES"]

CORE = "linux:arch/x86/kernel/fpu/core.c"
SIGNAL = "linux:arch/x86/kernel/fpu/signal.c"


def vmm_in_user_mode(s: TaskMachine, k: Constants) -> bool:
    """The VMM's thread runs in user mode."""
    return vcpu_has_control(s, k) and s.vcpu_context & USER_MODE != 0


def other_in_user_mode(s: TaskMachine, k: Constants) -> bool:
    """The other task runs in user mode."""
    return task_has_control(s, k) and s.task_context & USER_MODE != 0


def own_registers(s: TaskMachine, k: Constants) -> bool:
    """P4, P6, P10: a task in user mode has the registers that it left, or that somebody entitled gave it."""
    if vmm_in_user_mode(s, k):
        return s.hw_sse[s.cpu] == s.ghost_vmm_sse
    if other_in_user_mode(s, k):
        return s.hw_sse[s.cpu] == s.ghost_other_sse
    return True


def own_pkru(s: TaskMachine, k: Constants) -> bool:
    """P10, P15, P18: the same of PKRU, which XSAVE can read even where CR4.PKE is clear."""
    if vmm_in_user_mode(s, k):
        return s.hw_pkru[s.cpu] == s.ghost_vmm_pkru
    if other_in_user_mode(s, k):
        return s.hw_pkru[s.cpu] == s.ghost_other_pkru
    return True


def no_nested_fpu(s: TaskMachine, k: Constants) -> bool:
    """P8: no softirq uses the FPU while the interrupted code is between fpregs_lock() and fpregs_unlock()."""
    inside = s.current == Task.VMM and s.switch_at == 0 and s.vcpu_context & BH_OFF != 0
    return s.softirq_at == 0 or not inside


def enough_is_faulted_in(s: TaskMachine, k: Constants) -> bool:
    """P19: what was faulted in is all that the next XRSTOR reads."""
    if s.sig_faulted_in == 0 or s.uapi_frame_size == FrameSize.SMALLER_HOST:
        return True
    return s.uapi_frame_page == Pages.PRESENT


def image_is_kept(s: TaskMachine, k: Constants) -> bool:
    """P13: what KVM_SET_XSAVE set and KVM_GET_XSAVE returned stays, until the guest changes it."""
    if not vmm_in_user_mode(s, k) or s.ghost_uapi_tile == Value.ANY:
        return True
    return image_tile(s, k) == s.ghost_uapi_tile


def guest_pkru_is_kept(s: TaskMachine, k: Constants) -> bool:
    """P18: KVM has the PKRU that the guest or an image with PKRU last gave it."""
    return not vmm_in_user_mode(s, k) or s.vcpu_pkru == s.ghost_pkru


TASK_PROPERTIES = (
    Property(
        "tasks_keep_their_registers",
        "A task in user mode has the registers that it left, or that its signal frame, its tracer or exec gave it.",
        own_registers,
        source="P4, P6, P10, P15; linux:arch/x86/kernel/fpu/context.h fpregs_state_valid()",
        witness="handler_is_preempted",
        mutant="sigreturn does not restore",
    ),
    Property(
        "tasks_keep_their_pkru",
        "A task in user mode has the PKRU that it left, or that its signal frame, its tracer or exec gave it.",
        own_pkru,
        source="P9, P10, P15, P18; linux:arch/x86/kernel/fpu/xstate.c copy_uabi_to_xstate()",
        witness="handler_runs_on_the_default_pkru",
        mutant="the frame has no PKRU",
    ),
    Property(
        "no_kernel_fpu_inside_fpregs_lock",
        "No softirq uses the FPU while the code that it interrupted is inside fpregs_lock().",
        no_nested_fpu,
        source=f"P8; {CORE} irq_fpu_usable()",
        witness="softirq_hits_a_system_call",
        mutant="fpregs_lock does not stop softirqs",
    ),
    Property(
        "fault_in_covers_the_restore",
        "When the kernel has faulted a signal frame in, all that its XRSTOR reads has been faulted in.",
        enough_is_faulted_in,
        source=f"P19; {SIGNAL} restore_fpregs_from_user()",
        witness="frame_was_faulted_in",
        mutant="fault-in trusts the frame",
    ),
    Property(
        "kvm_image_is_kept",
        "What KVM_SET_XSAVE set and KVM_GET_XSAVE returned is returned again, until the guest changes it.",
        image_is_kept,
        source="P13; mail of 29 Dec 2025 on IA32_XFD apart from the fpstate's",
        witness="guest_ran_on_a_set_image",
        mutant="the guest's XFD is kept apart",
    ),
    Property(
        "guest_pkru_is_kept_without_its_bit",
        "KVM_SET_XSAVE changes the guest's PKRU if the image has PKRU, and leaves it as it is if not.",
        guest_pkru_is_kept,
        source=f"P18; {CORE} fpu_copy_uabi_to_guest_fpstate()",
        witness="kvm_was_given_pkru",
        mutant="KVM_SET_XSAVE resets PKRU",
    ),
)


# Witnesses.


def handler_preempted(s: TaskMachine, k: Constants) -> bool:
    """The other task runs while the VMM's thread is in its handler."""
    return other_in_user_mode(s, k) and s.vmm_handler != 0


def handler_default_pkru(s: TaskMachine, k: Constants) -> bool:
    """The handler runs on the kernel's default."""
    return vmm_in_user_mode(s, k) and s.vmm_handler != 0 and s.hw_pkru[s.cpu] == DEFAULT_PKRU


def softirq_in_system_call(s: TaskMachine, k: Constants) -> bool:
    """A softirq uses the FPU and has interrupted the VMM's thread in the kernel."""
    return s.softirq_at != 0 and s.current == Task.VMM and s.vcpu_context & USER_MODE == 0


def was_faulted_in(s: TaskMachine, k: Constants) -> bool:
    """The frame was faulted in, and XRSTOR is tried again."""
    return s.sig_faulted_in != 0


def set_image_came_back(s: TaskMachine, k: Constants) -> bool:
    """The VMM can read back TILEDATA that it set, of a guest that writes IA32_XFD without an exit."""
    return (
        vmm_in_user_mode(s, k) and s.ghost_uapi_tile == Value.GUEST2 and s.vcpu_xfd_passthrough != 0
    )


def kvm_has_pkru(s: TaskMachine, k: Constants) -> bool:
    """The guest's PKRU came from an image."""
    return s.vcpu_pkru == Value.GUEST2


def traced_thread_runs(s: TaskMachine, k: Constants) -> bool:
    """The VMM's thread runs on what its tracer wrote."""
    return vmm_in_user_mode(s, k) and s.hw_sse[s.cpu] == Value.VMM2


def other_ran(s: TaskMachine, k: Constants) -> bool:
    """The other task runs in user mode."""
    return other_in_user_mode(s, k)


def new_program_runs(s: TaskMachine, k: Constants) -> bool:
    """The VMM's thread runs on initial registers, on the second CPU."""
    return vmm_in_user_mode(s, k) and s.cpu == 1 and s.ghost_vmm_sse == Value.INIT


def kthread_runs(s: TaskMachine, k: Constants) -> bool:
    """A kernel thread is current."""
    return s.current == Task.NOBODY


def is_returning(s: TaskMachine, k: Constants) -> bool:
    """The VMM's thread is in sigreturn()."""
    return s.vmm_returning != 0


def has_returned(s: TaskMachine, k: Constants) -> bool:
    """It has its registers from the frame, or gets a signal because it cannot."""
    return s.vmm_returning == 0


TASK_WITNESSES = (
    Witness(
        "handler_is_preempted",
        "The other task runs while a handler is preempted.",
        handler_preempted,
    ),
    Witness(
        "handler_runs_on_the_default_pkru",
        "A signal handler runs on the kernel's default PKRU.",
        handler_default_pkru,
    ),
    Witness(
        "softirq_hits_a_system_call",
        "A softirq uses the FPU in the middle of a system call.",
        softirq_in_system_call,
    ),
    Witness("frame_was_faulted_in", "A signal frame was faulted in for XRSTOR.", was_faulted_in),
    Witness(
        "guest_ran_on_a_set_image",
        "Userspace can read back TILEDATA that it set, of a guest that writes IA32_XFD without exits.",
        set_image_came_back,
    ),
    Witness("kvm_was_given_pkru", "The guest's PKRU came from KVM_SET_XSAVE.", kvm_has_pkru),
    Witness("traced_thread_runs", "A thread runs on what its tracer wrote.", traced_thread_runs),
    Witness("other_task_ran", "The other task runs in user mode.", other_ran),
    Witness("new_program_runs", "A new program runs on the second CPU.", new_program_runs),
    Witness("kthread_runs", "A kernel thread has the VMM's CPU.", kthread_runs),
    Witness("sigreturn_is_on_its_way", "A handler is returning.", is_returning),
)

TASK_EVENTUALITIES = (
    Eventually(
        "sigreturn_ends",
        "A sigreturn() restores the frame or fails; it does not fault on the same page for ever.",
        has_returned,
        when=is_returning,
        source=f"P19; commit d877550eaf2d; {SIGNAL} restore_fpregs_from_user()",
        witness="sigreturn_is_on_its_way",
        mutant="fault-in trusts the frame",
    ),
)
