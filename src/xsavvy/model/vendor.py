# SPDX-License-Identifier: Apache-2.0
"""The vendors' run functions: between two instructions of these the guest runs.

VMX lets NMIs in until the processor is in guest mode, and again from the exit on. SVM clears GIF around its switch,
so that an NMI waits. A fastpath exit goes round again without leaving the function's caller.
Source: arch/x86/kvm/vmx/vmx.c vmx_vcpu_run(), arch/x86/kvm/svm/svm.c svm_vcpu_run(); the loop is vcpu_enter_guest()'s.
"""

from xsavvy.checker import Path, Step

from .constants import Constants
from .fpu import nothing
from .machine import Machine
from .pkru import kvm_load_guest_pkru, kvm_load_host_pkru, vmcs_load_guest_pkru, vmcs_load_host_pkru
from .values import GUEST_MODE, IRQS_OFF, NMI_OFF, Exit
from .xfeatures import load_guest_xcr0, load_guest_xss, load_host_xcr0, load_host_xss

__all__ = ["REENTER_GUEST", "svm_vcpu_run", "vmx_vcpu_run"]

REENTER_GUEST = 1
VMX = "linux:arch/x86/kvm/vmx/vmx.c vmx_vcpu_run()"
SVM = "linux:arch/x86/kvm/svm/svm.c svm_vcpu_run()"
LOAD = "linux:arch/x86/kvm/x86.c kvm_load_guest_xsave_state()"
RESTORE = "linux:arch/x86/kvm/x86.c kvm_load_host_xsave_state()"


def exit_is_due(s: Machine, k: Constants) -> bool:
    """Leave guest mode when something made the guest exit."""
    return s.vcpu_exit != Exit.NONE


def fastpath(s: Machine, k: Constants) -> int:
    """Handle a cheap exit with interrupts still off and enter again; leave the loop for any other."""
    if s.vcpu_exit == Exit.FASTPATH:
        s.vcpu_exit = Exit.NONE
        return REENTER_GUEST
    return 0


def _load() -> tuple[Step, ...]:
    return (
        Step("load_guest_xcr0", load_guest_xcr0, needs=IRQS_OFF, source=LOAD),
        Step("load_guest_xss", load_guest_xss, needs=IRQS_OFF, source=LOAD),
        Step("kvm_load_guest_pkru", kvm_load_guest_pkru, needs=IRQS_OFF, source=LOAD),
    )


def _restore() -> tuple[Step, ...]:
    return (
        Step("kvm_load_host_pkru", kvm_load_host_pkru, needs=IRQS_OFF, source=RESTORE),
        Step("load_host_xcr0", load_host_xcr0, needs=IRQS_OFF, source=RESTORE),
        Step("load_host_xss", load_host_xss, needs=IRQS_OFF, source=RESTORE),
    )


def vmx_vcpu_run() -> Path:
    """Return VMX's run function."""
    return Path(
        "vmx_vcpu_run",
        (
            *_load(),
            Step("vmenter", vmcs_load_guest_pkru, enters=GUEST_MODE, needs=IRQS_OFF, source=VMX),
            Step("vmexit", vmcs_load_host_pkru, when=exit_is_due, leaves=GUEST_MODE, source=VMX),
            *_restore(),
            Step("exit_fastpath", fastpath, to={REENTER_GUEST: "vmx_vcpu_run"}, source=VMX),
        ),
        then="vcpu_exit_guest",
        source=VMX,
    )


def svm_vcpu_run() -> Path:
    """Return SVM's run function."""
    return Path(
        "svm_vcpu_run",
        (
            Step("clgi", nothing, enters=NMI_OFF, source=SVM),
            *_load(),
            Step(
                "vmrun",
                vmcs_load_guest_pkru,
                enters=GUEST_MODE,
                needs=IRQS_OFF | NMI_OFF,
                source=SVM,
            ),
            Step("vmexit", vmcs_load_host_pkru, when=exit_is_due, leaves=GUEST_MODE, source=SVM),
            *_restore(),
            Step("stgi", nothing, leaves=NMI_OFF, source=SVM),
            Step("exit_fastpath", fastpath, to={REENTER_GUEST: "svm_vcpu_run"}, source=SVM),
        ),
        then="vcpu_exit_guest",
        source=SVM,
    )
