# SPDX-License-Identifier: Apache-2.0
"""Until v5.15 KVM copied registers where it later swapped a pointer; and what it did to TIF_NEED_FPU_LOAD.

A copying kernel has three buffers for the vCPU thread: thread.fpu, user_fpu and guest_fpu. While the guest's registers
are loaded, thread.fpu is the guest's and user_fpu the task's; else thread.fpu is the task's and guest_fpu the guest's.
The model names a buffer by whose it is, so that three are two: the names change at the XRSTOR of the incoming image,
and what the third holds is read by nobody before it is written.
Source: arch/x86/kvm/x86.c kvm_load_guest_fpu() and kvm_put_guest_fpu() up to v5.15; commit d69c1382e1b7 for the three.
"""

from xsavvy.checker import Program, Step
from xsavvy.model.constants import Constants
from xsavvy.model.fpu import nothing, switch_fpu_return
from xsavvy.model.machine import Machine
from xsavvy.model.values import Buffer, Task
from xsavvy.model.xstate import xrstors, xsaves

__all__ = [
    "copies_registers",
    "load_guest_copy",
    "load_user_copy",
    "reloads_at_entry",
    "reloads_at_load",
    "saves_whatever_is_there",
]

X86 = "linux:arch/x86/kvm/x86.c (up to v5.15)"
LOAD = "linux:arch/x86/kvm/x86.c kvm_arch_vcpu_load() (v5.3 to v5.5)"


def load_guest_copy(s: Machine, k: Constants) -> None:
    """XRSTOR the guest's image over the task's registers, which a copy holds."""
    s.guest_fp_in_use = 1
    xrstors(s, k, Buffer.GUEST)


def load_user_copy(s: Machine, k: Constants) -> None:
    """XRSTOR the task's image over the guest's registers, which a copy holds."""
    s.guest_fp_in_use = 0
    xrstors(s, k, Buffer.VMM)


def outgoing_image(s: Machine, k: Constants) -> int:
    """Name the image that the swap saves to: the guest's if its registers are loaded, else the task's."""
    return Buffer.GUEST if s.guest_fp_in_use else Buffer.VMM


def save_if_there(s: Machine, k: Constants) -> None:
    """XSAVE the registers to the outgoing image, unless memory has them already."""
    if s.tif_need_fpu_load[Task.VMM] == 0:
        xsaves(s, k, outgoing_image(s, k))


def save_whatever_is_there(s: Machine, k: Constants) -> None:
    """XSAVE the registers to the outgoing image, whoever they belong to."""
    xsaves(s, k, outgoing_image(s, k))


def copies_registers(program: Program) -> Program:
    """Undo 69f6ed1d14c6: no pointer is swapped; the XRSTOR of the incoming copy changes whose the registers are."""
    for path, load in (
        ("kvm_load_guest_fpu", load_guest_copy),
        ("kvm_put_guest_fpu", load_user_copy),
    ):
        install = "install_guest" if path == "kvm_load_guest_fpu" else "install_user"
        program = program.replaced(f"{path}.{install}", effect=nothing, source=f"{X86} {path}()")
        program = program.replaced(
            f"{path}.save_outgoing", effect=save_if_there, source=f"{X86} {path}()"
        )
        program = program.replaced(
            f"{path}.restore_incoming", effect=load, source=f"{X86} {path}()"
        )
    return program


def saves_whatever_is_there(program: Program) -> Program:
    """Undo tif_in_guest_fpu_swap: the swap does not look at TIF_NEED_FPU_LOAD before it saves."""
    for path in ("kvm_load_guest_fpu", "kvm_put_guest_fpu"):
        program = program.replaced(
            f"{path}.save_outgoing", effect=save_whatever_is_there, source=f"{X86} {path}()"
        )
    return program


def reload_at_sched_in(s: Machine, k: Constants) -> None:
    """Resolve TIF_NEED_FPU_LOAD when the thread is scheduled in with its vCPU loaded."""
    if s.current == Task.VMM and s.vcpu_loaded:
        switch_fpu_return(s, k)


def reloads_at_load(program: Program) -> Program:
    """Undo 2620fe268e80: TIF_NEED_FPU_LOAD is resolved at vcpu_load() and at sched-in, and not at entry."""
    program = program.replaced("vcpu_enter_guest.switch_fpu_return", effect=nothing)
    at_load = Step("vcpu_load.switch_fpu_return", switch_fpu_return, source=LOAD)
    at_sched_in = Step("kvm_sched_in.switch_fpu_return", reload_at_sched_in, source=LOAD)
    program = program.inserted(at_load, after="kvm_arch_vcpu_ioctl_run.vcpu_load")
    return program.inserted(at_sched_in, after="context_switch.kvm_sched_in")


def reloads_at_entry(program: Program) -> Program:
    """Undo tif_at_vcpu_load: TIF_NEED_FPU_LOAD is resolved at entry, as 2620fe268e80 has it again."""
    program = program.replaced("vcpu_enter_guest.switch_fpu_return", effect=switch_fpu_return)
    for label in (
        "kvm_arch_vcpu_ioctl_run.vcpu_load.switch_fpu_return",
        "context_switch.kvm_sched_in.switch_fpu_return",
    ):
        if _has(program, label):
            program = program.removed(label)
    return program


def _has(program: Program, label: str) -> bool:
    return any(
        f"{path.name}.{step.name}" == label for path in program.paths() for step in path.steps
    )
