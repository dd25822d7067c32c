# SPDX-License-Identifier: Apache-2.0
"""A #NM on its way to the guest: intercepted, queued, injected at the next entry; and KVM_SET_VCPU_EVENTS.

Between the exit and the next entry KVM_RUN can return, so that what is queued becomes the VMM's to save and restore.
Source: arch/x86/kvm/vmx/vmx.c handle_exception_nmi(); arch/x86/kvm/x86.c kvm_check_and_inject_events(),
kvm_vcpu_ioctl_x86_set_vcpu_events().
"""

from xsavvy.checker import Event, Step
from xsavvy.model.constants import Constants
from xsavvy.model.guest import guest_event, use_disabled_tiles
from xsavvy.model.values import Exit
from xsavvy.model.vmm import vmm_event

from .machine import Errno, IoctlMachine
from .process import vcpu_is_there
from .xfd import save_xfd_err_late

__all__ = [
    "INJECT",
    "exception_events",
    "forget_nm",
    "nm_is_intercepted",
    "nm_of_cr0_ts",
    "nm_of_tiles",
    "queue_nm",
]

X86 = "linux:arch/x86/kvm/x86.c"


def nm_of_tiles(s: IoctlMachine, k: Constants) -> None:
    """Use tiles that XFD disables: #NM, with an exit once KVM intercepts it."""
    use_disabled_tiles(s, k)
    if s.vcpu_exit == Exit.DEVICE_NOT_AVAILABLE:
        s.ghost_nm_due = 1


def nm_of_cr0_ts(s: IoctlMachine, k: Constants) -> None:
    """Execute an FP instruction under CR0.TS: #NM, and IA32_XFD_ERR stays as it is.

    Source: SDM "Extended Feature Disable (XFD)": with CR0.TS set, #NM does not set IA32_XFD_ERR.
    """
    s.vcpu_nm_of_ts = 1
    s.vcpu_exit = Exit.DEVICE_NOT_AVAILABLE
    s.ghost_nm_due = 1


def nm_is_intercepted(s: IoctlMachine, k: Constants) -> bool:
    """KVM intercepts #NM once IA32_XFD may be nonzero."""
    return s.vcpu_exit == Exit.NONE and s.vcpu_xfd_passthrough != 0


def queue_nm(s: IoctlMachine, k: Constants) -> None:
    """Queue the #NM that exited for injection, interrupts being on."""
    if s.vcpu_exit == Exit.DEVICE_NOT_AVAILABLE:
        s.vcpu_nm_queued = 1
    save_xfd_err_late(s, k)


def forget_nm(s: IoctlMachine, k: Constants) -> None:
    """Handle the exit of a #NM, and queue nothing."""
    save_xfd_err_late(s, k)


def inject_nm(s: IoctlMachine, k: Constants) -> None:
    """Let the guest begin with its #NM handler: an entry that does not take place leaves the exception queued.

    Source: arch/x86/kvm/vmx/vmx.c vmx_cancel_injection(), for the entry that does not take place.
    """
    if s.vcpu_nm_queued:
        s.vcpu_nm_queued = 0
        s.ghost_nm_due = 0


def set_vcpu_events(s: IoctlMachine, k: Constants, nm: int) -> None:
    """KVM_SET_VCPU_EVENTS: an exception that the VMM injects, or none."""
    s.vcpu_nm_queued = nm
    s.ghost_nm_due = nm
    s.uapi_errno = Errno.SUCCESS


INJECT = Step("inject_event", inject_nm, source=f"{X86} kvm_check_and_inject_events()")


def exception_events(vendor_run: str) -> tuple[Event, ...]:
    """Return a #NM that is not XFD's, and KVM_SET_VCPU_EVENTS."""
    return (
        guest_event(
            vendor_run,
            "FP instruction under CR0.TS",
            nm_of_cr0_ts,
            when=nm_is_intercepted,
            source='sdm:Extended Feature Disable (XFD); "Control Registers", TS',
        ),
        vmm_event(
            "KVM_SET_VCPU_EVENTS",
            set_vcpu_events,
            when=vcpu_is_there,
            choose={"nm": (0, 1)},
            source=f"{X86} kvm_vcpu_ioctl_x86_set_vcpu_events()",
        ),
    )
