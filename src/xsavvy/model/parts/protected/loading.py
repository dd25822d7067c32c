# SPDX-License-Identifier: Apache-2.0
"""Where a vCPU stops being loaded: vcpu_put() and the scheduler's notifier.

From here on KVM's per-CPU caches are trusted by whoever runs next on this CPU.
Source: arch/x86/kvm/svm/svm.c svm_prepare_host_switch(), arch/x86/kvm/vmx/tdx.c tdx_prepare_switch_to_host();
virt/kvm/kvm_main.c kvm_sched_out().
"""

from xsavvy.checker import Program, Step
from xsavvy.model import run
from xsavvy.model.constants import Constants
from xsavvy.model.values import Task, Value

from .machine import ProtectedMachine, Vmsa

__all__ = ["with_loading"]


def prepare_switch_to_host(s: ProtectedMachine, k: Constants) -> None:
    """Note that the vCPU is no longer prepared; correct the cache of user-return MSRs if a TD entry asked for it."""
    if s.vcpu_td_entered:
        s.cpu_uret_tsc_aux[s.cpu] = Value.INIT
        s.vcpu_td_entered = 0
    s.vcpu_guest_loaded = 0


def vcpu_put(s: ProtectedMachine, k: Constants) -> None:
    """End the period in which the vCPU is loaded."""
    prepare_switch_to_host(s, k)
    run.vcpu_put(s, k)


def put_outgoing(s: ProtectedMachine, k: Constants) -> None:
    """Put the outgoing thread's vCPU, if it has one loaded."""
    if s.current == Task.VMM and s.vcpu_loaded:
        prepare_switch_to_host(s, k)


def is_launched(s: ProtectedMachine, k: Constants) -> bool:
    """A protected vCPU can be run when the firmware has accepted its registers."""
    return s.vmsa_owner == Vmsa.GUEST


def with_loading(program: Program) -> Program:
    """Make vcpu_put() and the context switch end the preparation; let only a launched vCPU run."""
    source = "linux:virt/kvm/kvm_main.c kvm_sched_out()"
    step = Step("kvm_arch_vcpu_put", put_outgoing, source=source)
    return (
        program.inserted(step, before="context_switch.switch_fpu")
        .replaced("vcpu_put.vcpu_put", effect=vcpu_put)
        .replaced("vmm.ioctl_KVM_RUN", when=is_launched)
    )
