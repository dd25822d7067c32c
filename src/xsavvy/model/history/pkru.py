# SPDX-License-Identifier: Apache-2.0
"""The first years of protection keys, v4.6 to v4.12: PKRU in the guest's image, and a flag instead of a condition.

The scheduler's own images hold PKRU too until v5.13; the task's value comes and goes with its registers then as it does
with thread.pkru later, so the model keeps thread.pkru for all of them. What differs is what KVM itself saves and
restores: its load of the guest's FPU.
Source: arch/x86/kvm/vmx.c vmx_vcpu_run() of v4.9; commits b9dd21e104bc, 38cfd5e3df9c.
"""

from collections.abc import Callable

from xsavvy.checker import Program, Step
from xsavvy.isa.components import PKRU
from xsavvy.model.constants import Constants, PkruSwitch
from xsavvy.model.pkru import (
    kvm_load_guest_pkru,
    kvm_load_host_pkru,
    remember_guest_pkru,
    write_pkru,
)
from xsavvy.model.values import Buffer, Task

from .fields import PkruImages, PkruMachine, PkruValid, ValidMachine, with_fields

__all__ = ["forgets_pkru", "keeps_pkru_in_image", "loads_pkru_if_it_differed"]

Effect = Callable[..., object]

VMX = "linux:arch/x86/kvm/vmx.c vmx_vcpu_run() (v4.6 to v4.12)"
X86 = "linux:arch/x86/kvm/x86.c (v4.6 to v4.12)"
IMAGE_STEPS = ("save_outgoing.pkru", "restore_incoming.pkru", "kvm_sched_out.pkru")
HOST_STAYS = "guest_cannot_reach_pkru"
"""A witness that these kernels do not show: PKRU is the guest's whenever it differs, in its reach or not."""


def load_guest_pkru(s: ValidMachine, k: Constants) -> None:
    """Load the guest's PKRU if the last exit found another one than the host's; else leave what is there."""
    if k.guest_pku and k.pkru_switch != PkruSwitch.NEVER and s.vcpu_pkru_valid:
        write_pkru(s, k, s.vcpu_pkru, s.vcpu_pkru_inuse)


def load_host_pkru(s: ValidMachine, k: Constants) -> None:
    """Remember PKRU, and whether it is the host's, which is loaded otherwise."""
    if k.guest_pku and k.pkru_switch != PkruSwitch.NEVER:
        remember_guest_pkru(s, k)
        s.vcpu_pkru_valid = 1 if s.vcpu_pkru != s.vcpu_host_pkru else 0
        if s.vcpu_pkru_valid:
            write_pkru(s, k, s.vcpu_host_pkru, 1)


def loads_pkru_if_it_differed(program: Program) -> Program:
    """Undo b9dd21e104bc: guest_pkru_valid says whether PKRU is loaded."""
    program = with_fields(program, PkruValid)
    if any(each.name == HOST_STAYS for each in program.witnesses):
        program = program.without_witness(HOST_STAYS)
    return _on_vmx(program, load_guest_pkru, load_host_pkru, VMX)


def _on_vmx(program: Program, load: Effect, restore: Effect, source: str) -> Program:
    """Replace the two steps of VMX's run function; SVM has no protection keys before v5.8."""
    if all(path.name != "vmx_vcpu_run" for path in program.paths()):
        return program
    program = program.replaced("vmx_vcpu_run.kvm_load_guest_pkru", effect=load, source=source)
    return program.replaced("vmx_vcpu_run.kvm_load_host_pkru", effect=restore, source=source)


def forgets_pkru(program: Program) -> Program:
    """Undo host_pkru: there is no PKRU to save, and KVM's steps do nothing."""
    for path in program.paths():
        for step in path.steps:
            if step.name in IMAGE_STEPS:
                program = program.removed(f"{path.name}.{step.name}")
    source = "linux:arch/x86/kvm/x86.c (v5.8): nothing before v4.6"
    return _on_vmx(program, kvm_load_guest_pkru, kvm_load_host_pkru, source)


def save_users(s: PkruMachine, k: Constants) -> None:
    """Let the task's image take PKRU along."""
    if k.host_xcr0 & PKRU:
        s.fp_pkru[Buffer.VMM] = s.hw_pkru[s.cpu]


def load_guests(s: PkruMachine, k: Constants) -> None:
    """Let the XRSTOR of the guest's image load the PKRU in it."""
    if k.host_xcr0 & PKRU:
        s.hw_pkru[s.cpu] = s.fp_pkru[Buffer.GUEST]


def save_guests(s: PkruMachine, k: Constants) -> None:
    """Let the guest's image take PKRU along, which is the host's by now."""
    if k.host_xcr0 & PKRU:
        s.fp_pkru[Buffer.GUEST] = s.hw_pkru[s.cpu]


def load_users(s: PkruMachine, k: Constants) -> None:
    """Let the XRSTOR of the task's image load the PKRU in it."""
    if k.host_xcr0 & PKRU:
        s.hw_pkru[s.cpu] = s.fp_pkru[Buffer.VMM]


def put_at_sched_out(s: PkruMachine, k: Constants) -> None:
    """Save PKRU with the guest's registers and load it with the task's, if the guest's are put now."""
    if s.current == Task.VMM and s.guest_fp_in_use:
        save_guests(s, k)
        load_users(s, k)


def keeps_pkru_in_image(program: Program) -> Program:
    """Undo 38cfd5e3df9c: KVM's own XSAVE and XRSTOR of the two images carry PKRU."""
    program = with_fields(program, PkruImages)
    for path, save, load in (
        ("kvm_load_guest_fpu", save_users, load_guests),
        ("kvm_put_guest_fpu", save_guests, load_users),
    ):
        saves = Step("save_outgoing.pkru", save, source=f"{X86} {path}()")
        loads = Step("restore_incoming.pkru", load, source=f"{X86} {path}()")
        program = program.inserted(saves, after=f"{path}.save_outgoing")
        program = program.inserted(loads, after=f"{path}.restore_incoming")
    return _at_sched_out(program)


def _at_sched_out(program: Program) -> Program:
    switch = next(path for path in program.paths() if path.name == "context_switch")
    if all(step.name != "kvm_sched_out" for step in switch.steps):
        return program
    step = Step("kvm_sched_out.pkru", put_at_sched_out, source=f"{X86} kvm_put_guest_fpu()")
    return program.inserted(step, before="context_switch.kvm_sched_out")
