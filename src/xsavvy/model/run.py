# SPDX-License-Identifier: Apache-2.0
"""KVM_RUN: from the ioctl to the vendor's run function and back, in the kernel's order.

The paths are those of v5.17, in which XCR0, XSS and PKRU are switched inside the vendor's function; `kernels` moves
steps for later versions. Read `fpu` and `vendor` beside this.
Source: arch/x86/kvm/x86.c kvm_arch_vcpu_ioctl_run(), vcpu_run(), vcpu_enter_guest().
"""

from xsavvy.checker import Path, Step
from xsavvy.isa.components import XTILEDATA

from .constants import AfterFailure, Constants, XfdErr, XfdSync
from .fpu import exit_to_user, kvm_load_guest_fpu, kvm_put_guest_fpu, nothing, switch_fpu_return
from .machine import Machine
from .pkru import sample_host_pkru, sample_host_pkru_at_entry
from .values import IRQS_OFF, PREEMPT_OFF, USER_MODE, Exit, Realloc, Value
from .xfeatures import clear_xfd_err, load_guest_xfd_err
from .xstate import installed_fpstate

__all__ = ["run_paths"]

X86 = "linux:arch/x86/kvm/x86.c"
ENTER = f"{X86} vcpu_enter_guest()"
CORE = "linux:arch/x86/kernel/fpu/core.c"


def ioctl_allowed(s: Machine, k: Constants) -> bool:
    """Let the VMM call KVM_RUN; after a failed reallocation only if it is the kind that re-enters regardless."""
    return s.vcpu_realloc != Realloc.FAILED or k.after_failure == AfterFailure.REENTERS


def vcpu_put(s: Machine, k: Constants) -> None:
    """End the period in which the vCPU belongs to this thread's CPU; what was sampled in it is stale."""
    s.vcpu_loaded = 0
    s.vcpu_host_pkru = Value.ANY


def sync_now(s: Machine, k: Constants) -> None:
    """Copy IA32_XFD to the fpstate and to the kernel's cache, once its writes do not exit.

    Source: arch/x86/kernel/fpu/core.c fpu_sync_guest_vmexit_xfd_state(); commit 5429cead0119.
    """
    if s.vcpu_xfd_passthrough:
        s.fp_xfd[installed_fpstate(s, k)] = s.hw_xfd[s.cpu]
        s.cpu_xfd_state[s.cpu] = s.hw_xfd[s.cpu]


def sync_xfd(s: Machine, k: Constants) -> None:
    """Synchronize while interrupts are still off, as upstream does."""
    if k.xfd_sync == XfdSync.IRQS_OFF:
        sync_now(s, k)


def sync_xfd_late(s: Machine, k: Constants) -> None:
    """Synchronize after interrupts are on again: seed 001's sync point, moved."""
    if k.xfd_sync == XfdSync.IRQS_ON:
        sync_now(s, k)


def handle_exit_irqoff(s: Machine, k: Constants) -> None:
    """Remember IA32_XFD_ERR of a guest's #NM before anything in the host can overwrite it.

    Source: arch/x86/kvm/vmx/vmx.c handle_nm_fault_irqoff(); commit ec5be88ab29f.
    """
    if s.vcpu_exit == Exit.DEVICE_NOT_AVAILABLE and k.xfd_err == XfdErr.SWITCHED:
        if s.fp_xfd[installed_fpstate(s, k)] & XTILEDATA:
            s.vcpu_xfd_err = s.hw_xfd_err[s.cpu]
    if s.vcpu_exit == Exit.DEVICE_NOT_AVAILABLE and k.xfd_err == XfdErr.NOT_CLEARED:
        s.vcpu_xfd_err = s.hw_xfd_err[s.cpu]


def run_paths(vendor_run: Path, handlers: tuple[Path, ...]) -> tuple[Path, ...]:
    """Return the vCPU thread's paths, around a vendor's run function and the handlers of exits."""
    return (
        Path(
            "vmm",
            (
                Step(
                    "ioctl_KVM_RUN",
                    nothing,
                    when=ioctl_allowed,
                    leaves=USER_MODE,
                    source="userspace",
                ),
            ),
            then="kvm_arch_vcpu_ioctl_run",
            source="the VMM's thread in user mode",
        ),
        Path(
            "kvm_arch_vcpu_ioctl_run",
            (Step("vcpu_load", sample_host_pkru, source=f"{X86} kvm_arch_vcpu_load()"),),
            then="kvm_load_guest_fpu",
            source=f"{X86} kvm_arch_vcpu_ioctl_run()",
        ),
        kvm_load_guest_fpu(then="vcpu_run"),
        Path(
            "vcpu_run",
            (Step("xfer_to_guest_mode_work", nothing, source=f"{X86} vcpu_run()"),),
            then="vcpu_enter_guest",
            source=f"{X86} vcpu_run()",
        ),
        Path("vcpu_enter_guest", _before_entry(), then=vendor_run.name, source=ENTER),
        vendor_run,
        Path("vcpu_exit_guest", _after_exit(), then="handle_exit", source=ENTER),
        Path(
            "cancel_injection",
            (
                Step("local_irq_enable", nothing, leaves=IRQS_OFF, source=ENTER),
                Step("preempt_enable", nothing, leaves=PREEMPT_OFF, source=ENTER),
            ),
            then="vcpu_run",
            source=f"{ENTER}, label cancel_injection",
        ),
        *handlers,
        kvm_put_guest_fpu(then="vcpu_put"),
        Path(
            "vcpu_put",
            (Step("vcpu_put", vcpu_put, source="linux:virt/kvm/kvm_main.c vcpu_put()"),),
            then="exit_to_user",
            source="linux:virt/kvm/kvm_main.c vcpu_put()",
        ),
        exit_to_user("exit_to_user", then="vmm"),
    )


def _before_entry() -> tuple[Step, ...]:
    return (
        Step("preempt_disable", nothing, enters=PREEMPT_OFF, source=ENTER),
        Step("prepare_switch_to_guest", sample_host_pkru_at_entry, needs=PREEMPT_OFF, source=ENTER),
        Step("local_irq_disable", nothing, enters=IRQS_OFF, source=ENTER),
        Step("kvm_vcpu_exit_request", nothing, needs=IRQS_OFF, source=ENTER),
        Step(
            "switch_fpu_return",
            switch_fpu_return,
            needs=IRQS_OFF,
            source=f"{CORE} switch_fpu_return()",
        ),
        Step("load_guest_xfd_err", load_guest_xfd_err, needs=IRQS_OFF, source=ENTER),
    )


def _after_exit() -> tuple[Step, ...]:
    sync = f"{CORE} fpu_sync_guest_vmexit_xfd_state()"
    irqoff = "linux:arch/x86/kvm/vmx/vmx.c vmx_handle_exit_irqoff()"
    return (
        Step("sync_xfd", sync_xfd, needs=IRQS_OFF, source=sync),
        Step("handle_exit_irqoff", handle_exit_irqoff, needs=IRQS_OFF, source=irqoff),
        Step("clear_xfd_err", clear_xfd_err, needs=IRQS_OFF, source=ENTER),
        Step("local_irq_enable", nothing, leaves=IRQS_OFF, source=ENTER),
        Step("sync_xfd_late", sync_xfd_late, source="seed 001, a later place for xfd_sync_state()"),
        Step("preempt_enable", nothing, leaves=PREEMPT_OFF, source=ENTER),
    )
