# SPDX-License-Identifier: Apache-2.0
"""The common helpers that switch XCR0, IA32_XSS and PKRU, when the vCPU in hand is a protected one: seed 004.

KVM has no business with a protected guest's registers. Either every helper returns early, or its caller knows better,
or, in the design that was turned down, vcpu->arch holds values with which the helper restores the host's state.
Source: arch/x86/kvm/x86.c kvm_load_guest_xsave_state() and kvm_load_host_xsave_state(), since v6.19
kvm_load_xfeatures(), kvm_load_guest_pkru() and kvm_load_host_pkru(); seed 004.
"""

from xsavvy.checker import Program, Step
from xsavvy.isa.masks import xcr0_ok
from xsavvy.kvm.rules import xcr0_is_switched
from xsavvy.model import pkru, xfeatures
from xsavvy.model.constants import Constants
from xsavvy.model.edits import label
from xsavvy.model.values import Fault

from .designs import ProtectedCheck, ProtectedRestore, ProtectedWarn
from .machine import ProtectedMachine

__all__ = ["common_load_host_pkru", "with_checks"]


def helper_runs(s: ProtectedMachine, k: Constants) -> bool:
    """Say whether a common helper goes to work, and warn if it is called for protected state."""
    if s.vcpu_protected == 0:
        return True
    if k.protected_check == ProtectedCheck.CALLER:
        return False
    if k.protected_warn == ProtectedWarn.WARN:
        s.vcpu_warned = 1
    return k.protected_check == ProtectedCheck.NOBODY


def restores_from_fake_state(s: ProtectedMachine, k: Constants) -> bool:
    """Say whether the helper restores from the values that stand in vcpu->arch for a TD's."""
    return (
        k.is_td != 0
        and s.vcpu_protected != 0
        and k.protected_restore == ProtectedRestore.FAKE_STATE
    )


def load_guest_xcr0(s: ProtectedMachine, k: Constants) -> None:
    """Load vcpu->arch.xcr0 if the helper may; a value that the processor refuses is a #GP in the kernel."""
    if helper_runs(s, k):
        if xcr0_is_switched(s.vcpu_cr4, s.vcpu_xcr0, k.host_xcr0):
            if xcr0_ok(s.vcpu_xcr0, k.host_xcr0) == 0:
                s.fault = Fault.XSETBV_GP
                return
        xfeatures.load_guest_xcr0(s, k)


def load_guest_xss(s: ProtectedMachine, k: Constants) -> None:
    """Load vcpu->arch.ia32_xss if the helper may."""
    if helper_runs(s, k):
        xfeatures.load_guest_xss(s, k)


def load_guest_pkru(s: ProtectedMachine, k: Constants) -> None:
    """Load vcpu->arch.pkru if the helper may."""
    if helper_runs(s, k):
        pkru.kvm_load_guest_pkru(s, k)


def common_load_host_pkru(s: ProtectedMachine, k: Constants) -> None:
    """Load the host's PKRU if vcpu->arch says that the guest has another; what is in the register is not asked."""
    if pkru.pkru_is_switched(s, k) and s.vcpu_pkru != s.vcpu_host_pkru:
        s.hw_pkru[s.cpu] = s.vcpu_host_pkru


def load_host_xcr0(s: ProtectedMachine, k: Constants) -> None:
    """Load the host's XCR0 if the helper may."""
    if restores_from_fake_state(s, k) or helper_runs(s, k):
        xfeatures.load_host_xcr0(s, k)


def load_host_xss(s: ProtectedMachine, k: Constants) -> None:
    """Load the host's IA32_XSS if the helper may."""
    if restores_from_fake_state(s, k) or helper_runs(s, k):
        xfeatures.load_host_xss(s, k)


def load_host_pkru(s: ProtectedMachine, k: Constants) -> None:
    """Load the host's PKRU if the helper may."""
    if restores_from_fake_state(s, k):
        common_load_host_pkru(s, k)
    elif helper_runs(s, k):
        pkru.kvm_load_host_pkru(s, k)


EFFECTS = {
    "load_guest_xcr0": load_guest_xcr0,
    "load_guest_xss": load_guest_xss,
    "kvm_load_guest_pkru": load_guest_pkru,
    "kvm_load_host_pkru": load_host_pkru,
    "load_host_xcr0": load_host_xcr0,
    "load_host_xss": load_host_xss,
}


def with_checks(program: Program) -> Program:
    """Make each step of the common helpers ask whether the state is protected."""
    for name, effect in EFFECTS.items():
        where = label(program, name)
        step: Step = program.step(where)
        source = f"{step.source}; guest_state_protected"
        program = program.replaced(where, effect=effect, source=source)
    return program
