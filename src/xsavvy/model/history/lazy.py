# SPDX-License-Identifier: Apache-2.0
"""Until v4.1 the guest's FPU is loaded on demand: CR0.TS makes the guest's first FPU instruction a #NM.

The host itself switches eagerly on every machine that has XSAVEOPT, which is every modelled one. A put deactivates the
FPU (by a request that the next entry takes up; nothing can come between that tells the difference). MPX, which CR0.TS
does not gate, is part of `parts.history`.
Source: arch/x86/kvm/x86.c kvm_put_guest_fpu(), KVM_REQ_DEACTIVATE_FPU, arch/x86/kvm/vmx.c handle_exception(),
vmx_fpu_activate() of v3.18; commit 653f52c316a4.
"""

from xsavvy.checker import Program, Step
from xsavvy.model.constants import Constants
from xsavvy.model.guest import write_sse
from xsavvy.model.properties import guest_registers, in_guest, swap_is_balanced
from xsavvy.model.values import Exit, Task

from .entry import LOAD
from .fields import LazyFpu, TsMachine, with_fields

__all__ = ["deactivate_at_put", "deactivate_at_sched_out", "loads_on_demand"]

X86 = "linux:arch/x86/kvm/x86.c (up to v4.1)"
VMX = "linux:arch/x86/kvm/vmx.c (up to v4.1)"


def load_is_due(s: TsMachine, k: Constants) -> int:
    """Load the guest's FPU if it is active and not loaded."""
    return LOAD if s.vcpu_fpu_active and s.guest_fp_in_use == 0 else 0


def deactivate_at_put(s: TsMachine, k: Constants) -> None:
    """Let the guest run with CR0.TS set from now on."""
    s.vcpu_fpu_active = 0


def deactivate_at_sched_out(s: TsMachine, k: Constants) -> None:
    """Let the guest run with CR0.TS set, if its FPU is put now."""
    if s.current == Task.VMM and s.guest_fp_in_use:
        s.vcpu_fpu_active = 0


def fpu_activate(s: TsMachine, k: Constants) -> None:
    """Clear CR0.TS after a #NM: the next entry loads the guest's FPU."""
    if s.vcpu_exit == Exit.DEVICE_NOT_AVAILABLE:
        s.vcpu_fpu_active = 1


def write_sse_or_fault(s: TsMachine, k: Constants, value: int) -> None:
    """Compute in XMM registers; with CR0.TS set that is a #NM, which exits."""
    if s.vcpu_fpu_active:
        write_sse(s, k, value)
    else:
        s.vcpu_exit = Exit.DEVICE_NOT_AVAILABLE


def guest_registers_in_reach(s: TsMachine, k: Constants) -> bool:
    """P4, P10: with CR0.TS set the guest reaches none of the registers that the property speaks of."""
    if in_guest(s, k) and s.vcpu_fpu_active == 0:
        return True
    return guest_registers(s, k)


def swap_is_balanced_on_demand(s: TsMachine, k: Constants) -> bool:
    """P11: in guest mode the guest's FPU is loaded if CR0.TS is clear."""
    if in_guest(s, k) and s.vcpu_fpu_active == 0:
        return True
    return swap_is_balanced(s, k)


def loads_on_demand(program: Program) -> Program:
    """Undo 653f52c316a4: a #NM of the guest asks for its FPU."""
    program = with_fields(program, LazyFpu)
    program = program.replaced("vcpu_enter_guest.guest_fpu_loaded", effect=load_is_due)
    at_put = Step("fpu_deactivate", deactivate_at_put, source=f"{X86} kvm_put_guest_fpu()")
    sched_out = Step(
        "kvm_sched_out.fpu_deactivate",
        deactivate_at_sched_out,
        source=f"{X86} kvm_put_guest_fpu()",
    )
    activate = Step("fpu_activate", fpu_activate, source=f"{VMX} vmx_fpu_activate()")
    program = program.inserted(at_put, after="kvm_put_guest_fpu.guest_fpu_loaded")
    program = program.inserted(sched_out, before="context_switch.kvm_sched_out")
    program = program.inserted(activate, before="handle_exit.handle_exit")
    program = program.replaced_event("write XMM", effect=write_sse_or_fault)
    program = program.replaced_property("guest_finds_its_registers", holds=guest_registers_in_reach)
    return program.replaced_property(
        "guest_fpstate_is_swapped_in_pairs", holds=swap_is_balanced_on_demand
    )
