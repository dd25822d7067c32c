# SPDX-License-Identifier: Apache-2.0
"""The FPU core's part: the swap of the guest's fpstate, reload on return, the kernel's own use of the registers.

Read `xstate` first. Order and contexts are in the tuples at the end of each group; the functions say what one step
does. Source: arch/x86/kernel/fpu/core.c, arch/x86/kernel/fpu/context.h, arch/x86/include/asm/fpu/sched.h.
"""

from dataclasses import replace

from xsavvy.checker import REST, Path, Step
from xsavvy.isa.components import SSE

from .constants import Constants, UserRegisters
from .machine import Machine
from .values import BH_OFF, IRQS_OFF, USER_MODE, Fault, Task, Value
from .xstate import forget_image, installed_fpstate, xfd_update_state, xrstors, xsaves

__all__ = [
    "KERNEL_FPU",
    "exit_to_user",
    "kvm_fpu_get",
    "kvm_load_guest_fpu",
    "kvm_put_guest_fpu",
    "switch_fpu_return",
]

CORE = "linux:arch/x86/kernel/fpu/core.c"


def nothing(s: Machine, k: Constants) -> None:
    """Change no modelled state: the step is there for its context."""


def fpregs_mark_activate(s: Machine, k: Constants) -> None:
    """Claim this CPU's registers for the current task and clear TIF_NEED_FPU_LOAD."""
    s.cpu_fpregs_owner[s.cpu] = s.current
    s.thread_last_cpu[s.current] = s.cpu
    s.tif_need_fpu_load[s.current] = 0
    if k.user_registers == UserRegisters.OWN_BUFFER:
        forget_image(s, k, installed_fpstate(s, k))


def switch_fpu_return(s: Machine, k: Constants) -> None:
    """Reload the installed fpstate if TIF_NEED_FPU_LOAD is set.

    The reload is skipped when this CPU's registers are still the task's: the owner is this task and the task ran
    here last.
    """
    if s.tif_need_fpu_load[s.current]:
        if s.cpu_fpregs_owner[s.cpu] != s.current or s.thread_last_cpu[s.current] != s.cpu:
            xfd_update_state(s, k, installed_fpstate(s, k))
            xrstors(s, k, installed_fpstate(s, k))
        if s.fault == Fault.NONE:
            fpregs_mark_activate(s, k)


def kvm_fpu_get(access: Step) -> tuple[Step, ...]:
    """Return the steps of KVM's access to a register of the guest, which the FPU core may have taken.

    Source: arch/x86/kvm/fpu.h kvm_fpu_get(), kvm_fpu_put().
    """
    get, put = (f"linux:arch/x86/kvm/fpu.h {name}()" for name in ("kvm_fpu_get", "kvm_fpu_put"))
    return (
        Step("kvm_fpu_get", nothing, enters=BH_OFF, source=get),
        Step("switch_fpu_return", switch_fpu_return, needs=BH_OFF, source=get),
        replace(access, needs=BH_OFF),
        Step("kvm_fpu_put", nothing, leaves=BH_OFF, source=put),
    )


# The swap: fpu_swap_kvm_fpstate(), at both ends of KVM_RUN.


def save_outgoing(s: Machine, k: Constants) -> None:
    """XSAVES the registers to the installed fpstate, unless memory has them already."""
    if s.tif_need_fpu_load[Task.VMM] == 0:
        xsaves(s, k, installed_fpstate(s, k))


def install_guest(s: Machine, k: Constants) -> None:
    """Park the task's fpstate and install the guest's."""
    s.guest_fp_in_use = 1


def install_user(s: Machine, k: Constants) -> None:
    """Put the task's own fpstate back; there must be one that was parked."""
    if s.guest_fp_in_use == 0:
        s.fault = Fault.NULL_FPSTATE
    s.guest_fp_in_use = 0


def update_xfd(s: Machine, k: Constants) -> None:
    """Load the incoming fpstate's XFD before its components."""
    xfd_update_state(s, k, installed_fpstate(s, k))


def restore_incoming(s: Machine, k: Constants) -> None:
    """XRSTORS the incoming fpstate: always, as the owner is a task and not an fpstate."""
    xrstors(s, k, installed_fpstate(s, k))


def _swap(install: Step) -> tuple[Step, ...]:
    source = f"{CORE} fpu_swap_kvm_fpstate()"
    return (
        Step("fpregs_lock", nothing, enters=BH_OFF, source=source),
        Step("save_outgoing", save_outgoing, needs=BH_OFF, source=source),
        install,
        Step("xfd_update_state", update_xfd, needs=BH_OFF, source=source),
        Step("restore_incoming", restore_incoming, needs=BH_OFF, source=source),
        Step("fpregs_mark_activate", fpregs_mark_activate, needs=BH_OFF, source=source),
        Step("fpregs_unlock", nothing, leaves=BH_OFF, source=source),
    )


def kvm_load_guest_fpu(then: str) -> Path:
    """Return the path that swaps the guest's fpstate in."""
    source = f"{CORE} fpu_swap_kvm_fpstate(enter_guest=true)"
    install = Step("install_guest", install_guest, needs=BH_OFF, source=source)
    return Path("kvm_load_guest_fpu", _swap(install), then=then, source="linux:arch/x86/kvm/x86.c")


def kvm_put_guest_fpu(then: str) -> Path:
    """Return the path that swaps the task's own fpstate back."""
    source = f"{CORE} fpu_swap_kvm_fpstate(enter_guest=false)"
    install = Step("install_user", install_user, needs=BH_OFF, source=source)
    return Path("kvm_put_guest_fpu", _swap(install), then=then, source="linux:arch/x86/kvm/x86.c")


# Return to user mode.


def exit_to_user(name: str, then: str) -> Path:
    """Return the path of a task back to user mode, with the reload that it may need."""
    source = "linux:arch/x86/include/asm/entry-common.h arch_exit_to_user_mode_prepare()"
    return Path(
        name,
        (
            Step("local_irq_disable", nothing, enters=IRQS_OFF, source=source),
            Step(
                "switch_fpu_return",
                switch_fpu_return,
                needs=IRQS_OFF,
                source=f"{CORE} switch_fpu_return()",
            ),
            Step("iret", nothing, leaves=IRQS_OFF, enters=USER_MODE, source=source),
        ),
        then=then,
    )


# The kernel's own use of the registers, from a softirq.


def kernel_fpu_save(s: Machine, k: Constants) -> None:
    """Set TIF_NEED_FPU_LOAD and save the current task's registers, unless memory has them already."""
    if s.tif_need_fpu_load[s.current] == 0:
        s.tif_need_fpu_load[s.current] = 1
        xsaves(s, k, installed_fpstate(s, k))


def kernel_fpu_disown(s: Machine, k: Constants) -> None:
    """Take this CPU's registers from whoever owned them."""
    s.cpu_fpregs_owner[s.cpu] = Task.NOBODY


def kernel_fpu_use(s: Machine, k: Constants) -> None:
    """Compute something with XMM registers, as a cipher in a softirq does."""
    s.hw_sse[s.cpu] = Value.KERNEL
    s.hw_xinuse[s.cpu] |= SSE


KERNEL_FPU = Path(
    "kernel_fpu",
    (
        Step("kernel_fpu_begin.save", kernel_fpu_save, source=f"{CORE} kernel_fpu_begin_mask()"),
        Step(
            "kernel_fpu_begin.disown", kernel_fpu_disown, source=f"{CORE} kernel_fpu_begin_mask()"
        ),
        Step(
            "kernel_fpu.use",
            kernel_fpu_use,
            source="a user of kernel_fpu_begin(), such as a cipher in a softirq",
        ),
        Step("kernel_fpu_end", nothing, source=f"{CORE} kernel_fpu_end()"),
    ),
    then=REST,
    source="linux:Documentation/core-api/floating-point.rst; softirq context",
)
"""What a hard interrupt's softirq does between two steps of anybody who lets it in."""
