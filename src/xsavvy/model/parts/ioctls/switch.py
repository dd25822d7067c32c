# SPDX-License-Identifier: Apache-2.0
"""IA32_XSS at the guest's border, where the vCPU's own CPUID or a design decides; what KVM_RUN itself does to ioctls.

Source: arch/x86/kvm/x86.c kvm_load_guest_xsave_state(), vcpu_enter_guest(); arch/x86/kvm/svm/svm.c
svm_vcpu_after_set_cpuid().
"""

from xsavvy.kvm.rules import xss_is_switched
from xsavvy.model.constants import Constants
from xsavvy.model.values import Exit

from .choices import XssAccess, XssSwap
from .machine import CPUID_XSAVES, IoctlMachine
from .process import drop_image

__all__ = [
    "can_execute_xsaves",
    "enter_kernel",
    "load_guest_xss",
    "load_host_xss",
    "note_entry",
    "wrmsr_xss",
    "xss_changes",
]


def can_execute_xsaves(s: IoctlMachine, k: Constants) -> bool:
    """VMX disables XSAVES for a guest whose CPUID lacks it; SVM has nothing that does."""
    return k.is_vmx == 0 or s.vcpu_cpuid_features & CPUID_XSAVES != 0


def xss_enabled(s: IoctlMachine, k: Constants) -> bool:
    """Say whether IA32_XSS is switched for this vCPU: xsaves_enabled, since v6.12 guest_cpu_cap_has(XSAVES)."""
    if k.is_vmx == 0 and k.xss_swap == XssSwap.HOST_CAPABILITY:
        return True
    return s.vcpu_cpuid_features & CPUID_XSAVES != 0


def xss_is_loaded(s: IoctlMachine, k: Constants) -> bool:
    """Say whether IA32_XSS is written at entry and exit; a guest that writes it unseen needs that always."""
    if k.xss_access == XssAccess.PASSTHROUGH:
        return xss_enabled(s, k)
    return xss_enabled(s, k) and xss_is_switched(s.vcpu_cr4, s.vcpu_xss, k.host_xss) != 0


def load_guest_xss(s: IoctlMachine, k: Constants) -> None:
    """Load the guest's IA32_XSS if the vCPU has XSAVES, CR4.OSXSAVE is set and the value is not the host's."""
    if xss_is_loaded(s, k):
        s.hw_xss[s.cpu] = s.vcpu_xss


def load_host_xss(s: IoctlMachine, k: Constants) -> None:
    """Load the host's IA32_XSS, under the test of the load; before that, read back what a guest wrote unseen."""
    if xss_is_loaded(s, k):
        if k.xss_access == XssAccess.PASSTHROUGH:
            s.vcpu_xss = s.hw_xss[s.cpu]
        s.hw_xss[s.cpu] = k.host_xss


def wrmsr_xss(s: IoctlMachine, k: Constants, value: int) -> None:
    """Write IA32_XSS in the guest: an exit, unless the design lets a guest with XSAVES through."""
    if k.xss_access == XssAccess.PASSTHROUGH and xss_enabled(s, k):
        s.hw_xss[s.cpu] = value
        s.ghost_xss = value
    else:
        s.vcpu_exit = Exit.WRMSR_XSS
        s.vcpu_exit_value = value


def xss_changes(s: IoctlMachine, k: Constants, value: int) -> bool:
    """A guest's WRMSR of IA32_XSS with a value that KVM supports and that is not there already."""
    through = k.xss_access == XssAccess.PASSTHROUGH and xss_enabled(s, k)
    now = s.hw_xss[s.cpu] if through else s.vcpu_xss
    return s.vcpu_exit == Exit.NONE and value != now and value & ~k.guest_xss == 0


def enter_kernel(s: IoctlMachine, k: Constants) -> None:
    """Enter the kernel for KVM_RUN; what userspace has read of the guest gets out of date."""
    drop_image(s, k)
    s.uapi_errno = 0


def note_entry(s: IoctlMachine, k: Constants) -> None:
    """Remember that this vCPU has entered the guest: its CPUID is frozen.

    Source: arch/x86/kvm/x86.c vcpu_enter_guest() (last_vmentry_cpu), after the run function.
    """
    s.vcpu_entered = 1
