# SPDX-License-Identifier: Apache-2.0
"""Until v4.5 the guest's XCR0 stays loaded from its first entry until the vCPU is put; a flag remembers it.

The host runs on the guest's XCR0 meanwhile, with interrupts on. Whoever restores an image then must put the host's back
first, which the load and the put of the guest's FPU do.
Source: arch/x86/kvm/x86.c kvm_load_guest_xcr0(), kvm_put_guest_xcr0() of v3.18; commits 42bdf991f4ca, fc5b7f3b.
"""

from xsavvy.checker import Program, Step
from xsavvy.kvm.rules import set_xcr_ok
from xsavvy.model.constants import Constants
from xsavvy.model.emulate import set_xcr0
from xsavvy.model.values import CR4_OSXSAVE, Task

from .fields import KeepsXcr0, Xcr0Machine, with_fields

__all__ = ["forgets_at_xsetbv", "kvm_put_guest_xcr0", "stays_loaded"]

X86 = "linux:arch/x86/kvm/x86.c (up to v4.5)"
PUT = f"{X86} kvm_put_guest_xcr0()"
XSETBV = "kvm_emulate_xsetbv.__kvm_set_xcr"


def kvm_load_guest_xcr0(s: Xcr0Machine, k: Constants) -> None:
    """Load the guest's XCR0, once, if its CR4.OSXSAVE is set."""
    if s.vcpu_cr4 & CR4_OSXSAVE and s.vcpu_xcr0_loaded == 0:
        s.hw_xcr0[s.cpu] = s.vcpu_xcr0
        s.vcpu_xcr0_loaded = 1


def kvm_put_guest_xcr0(s: Xcr0Machine, k: Constants) -> None:
    """Load the host's XCR0 if the flag says that the guest's is loaded."""
    if s.vcpu_xcr0_loaded:
        if s.vcpu_xcr0 != k.host_xcr0:
            s.hw_xcr0[s.cpu] = k.host_xcr0
        s.vcpu_xcr0_loaded = 0


def put_at_sched_out(s: Xcr0Machine, k: Constants) -> None:
    """Put the guest's XCR0 when its thread is scheduled out."""
    if s.current == Task.VMM and s.vcpu_loaded:
        kvm_put_guest_xcr0(s, k)


def set_xcr0_putting(s: Xcr0Machine, k: Constants) -> int:
    """Store XCR0 after the host's is put back, so that the next entry loads the new one."""
    if set_xcr_ok(s.vcpu_exit_value, k.guest_xcr0):
        kvm_put_guest_xcr0(s, k)
    return set_xcr0(s, k)


def set_xcr0_forgetting(s: Xcr0Machine, k: Constants) -> int:
    """Store XCR0 and forget that the guest's is loaded, so that the next entry loads the new one."""
    if set_xcr_ok(s.vcpu_exit_value, k.guest_xcr0):
        s.vcpu_xcr0_loaded = 0
    return set_xcr0(s, k)


def stays_loaded(program: Program, load: str, restore: str) -> Program:
    """Load XCR0 with preemption off and put it with the vCPU; `load` and `restore` are the steps' labels.

    What v3.10 to v4.5 did, before fc5b7f3b.
    """
    program = with_fields(program, KeepsXcr0)
    program = program.moved(load, before="vcpu_enter_guest.local_irq_disable")
    program = program.replaced(
        "vcpu_enter_guest.load_guest_xcr0",
        effect=kvm_load_guest_xcr0,
        needs=0,
        source=f"{X86} vcpu_enter_guest()",
    )
    program = program.moved(restore, after="kvm_put_guest_fpu.fpregs_lock")
    program = program.replaced(
        "kvm_put_guest_fpu.load_host_xcr0", effect=kvm_put_guest_xcr0, needs=0, source=PUT
    )
    before_load = Step("kvm_put_guest_xcr0", kvm_put_guest_xcr0, source=PUT)
    program = program.inserted(before_load, after="kvm_load_guest_fpu.fpregs_lock")
    return _around(program)


def _around(program: Program) -> Program:
    first = next(path for path in program.paths() if path.name == "context_switch").steps[0]
    sched_out = Step("kvm_sched_out.kvm_put_guest_xcr0", put_at_sched_out, source=PUT)
    program = program.inserted(sched_out, before=f"context_switch.{first.name}")
    load = next(path for path in program.paths() if path.name == "kvm_load_guest_fpu")
    if load.then == "vcpu_enter_guest.local_irq_disable":
        program = program.replaced_path(load.name, then="vcpu_enter_guest.load_guest_xcr0")
    if program.step(XSETBV).effect is set_xcr0_forgetting:
        return program
    return program.replaced(XSETBV, effect=set_xcr0_putting, source=f"{X86} __kvm_set_xcr()")


def forgets_at_xsetbv(program: Program) -> Program:
    """Undo 42bdf991f4ca: an emulated XSETBV clears the flag and leaves the register."""
    program = with_fields(program, KeepsXcr0)
    return program.replaced(XSETBV, effect=set_xcr0_forgetting)
