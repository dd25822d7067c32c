# SPDX-License-Identifier: Apache-2.0
"""XCR0, IA32_XSS and IA32_XFD_ERR at the border of the guest.

Nothing remembers that the guest's value was loaded: load and restore test the same fields of the vCPU, so nothing
between them may change those.
Source: arch/x86/kvm/x86.c kvm_load_guest_xsave_state(), since v6.19 kvm_load_xfeatures().
"""

from xsavvy.kvm.rules import xcr0_is_switched, xss_is_switched

from .constants import Constants, XfdErr
from .machine import Machine

__all__ = [
    "clear_xfd_err",
    "load_guest_xcr0",
    "load_guest_xfd_err",
    "load_guest_xss",
    "load_host_xcr0",
    "load_host_xss",
]


def load_guest_xcr0(s: Machine, k: Constants) -> None:
    """Load the guest's XCR0 if its CR4.OSXSAVE is set and the value is not the host's."""
    if xcr0_is_switched(s.vcpu_cr4, s.vcpu_xcr0, k.host_xcr0):
        s.hw_xcr0[s.cpu] = s.vcpu_xcr0


def load_guest_xss(s: Machine, k: Constants) -> None:
    """Load the guest's IA32_XSS if its CR4.OSXSAVE is set and the value is not the host's."""
    if xss_is_switched(s.vcpu_cr4, s.vcpu_xss, k.host_xss):
        s.hw_xss[s.cpu] = s.vcpu_xss


def load_host_xcr0(s: Machine, k: Constants) -> None:
    """Load the host's XCR0, under the test of the load."""
    if xcr0_is_switched(s.vcpu_cr4, s.vcpu_xcr0, k.host_xcr0):
        s.hw_xcr0[s.cpu] = k.host_xcr0


def load_host_xss(s: Machine, k: Constants) -> None:
    """Load the host's IA32_XSS, under the test of the load."""
    if xss_is_switched(s.vcpu_cr4, s.vcpu_xss, k.host_xss):
        s.hw_xss[s.cpu] = k.host_xss


def load_guest_xfd_err(s: Machine, k: Constants) -> None:
    """Load the guest's IA32_XFD_ERR if it is not zero.

    Source: arch/x86/kvm/x86.c vcpu_enter_guest().
    """
    if k.xfd_err == XfdErr.SWITCHED and s.vcpu_xfd_err:
        s.hw_xfd_err[s.cpu] = s.vcpu_xfd_err


def clear_xfd_err(s: Machine, k: Constants) -> None:
    """Zero IA32_XFD_ERR before the host may take a #NM of its own.

    The test is on KVM's copy, which the exit handler filled a step before.
    Source: arch/x86/kvm/x86.c vcpu_enter_guest().
    """
    if k.xfd_err == XfdErr.SWITCHED and s.vcpu_xfd_err:
        s.hw_xfd_err[s.cpu] = 0
    if k.xfd_err == XfdErr.NOT_SAVED:
        s.hw_xfd_err[s.cpu] = 0
