# SPDX-License-Identifier: Apache-2.0
"""PKRU at the border of the guest: seed 002.

The guest's PKRU is put into the register only where the guest could see it, and the host's is put back before
the host touches user memory again; between the two an NMI may come. Every alternative of the thread is a value of
a choice (`choices`).
Source: arch/x86/kvm/x86.c kvm_load_guest_xsave_state() and kvm_load_host_xsave_state(), since v6.19
kvm_load_guest_pkru() and kvm_load_host_pkru(); seed 002.
"""

from xsavvy.isa.components import PKRU
from xsavvy.kvm.rules import pkru_is_reachable

from .constants import Constants, PkruCompare, PkruHome, PkruSample, PkruSwitch, PkruWrite
from .machine import Machine
from .values import CR4_PKE
from .xstate import note_pkru_inuse

__all__ = [
    "kvm_load_guest_pkru",
    "kvm_load_host_pkru",
    "pkru_is_switched",
    "sample_host_pkru",
    "sample_host_pkru_at_entry",
    "vmcs_load_guest_pkru",
    "vmcs_load_host_pkru",
]


def pkru_is_switched(s: Machine, k: Constants) -> int:
    """Say whether this vCPU's PKRU is switched now, by the chosen condition."""
    if k.guest_pku == 0:
        return 0
    if k.pkru_switch == PkruSwitch.ALWAYS:
        return 1
    if k.pkru_switch == PkruSwitch.PKE:
        return 1 if s.vcpu_cr4 & CR4_PKE else 0
    if k.pkru_switch == PkruSwitch.XCR0:
        return 1 if s.vcpu_xcr0 & PKRU else 0
    if k.pkru_switch == PkruSwitch.XCR0_OR_PKE:
        return pkru_is_reachable(s.vcpu_xcr0, s.vcpu_cr4)
    return 0


def write_pkru(s: Machine, k: Constants, value: int, inuse: int) -> None:
    """Write PKRU, with the chosen instruction and the chosen test for a write that can be skipped.

    Only XRSTOR can put XINUSE[PKRU] back; WRPKRU leaves it set. The hint of seed 002 lets a caller that has just
    read the register skip the second RDPKRU: the outcome is the same, the cost is not.
    """
    if k.pkru_compare == PkruCompare.RDPKRU and s.hw_pkru[s.cpu] == value:
        return
    s.hw_pkru[s.cpu] = value
    if k.pkru_write == PkruWrite.XRSTOR and k.pkru_inuse_tracked:
        s.hw_xinuse[s.cpu] &= ~PKRU
        if inuse:
            s.hw_xinuse[s.cpu] |= PKRU
    else:
        note_pkru_inuse(s, k)


def remember_guest_pkru(s: Machine, k: Constants) -> None:
    """Copy the register to vcpu->arch.pkru, and XINUSE[PKRU] where the design keeps it."""
    s.vcpu_pkru = s.hw_pkru[s.cpu]
    if k.pkru_write == PkruWrite.XRSTOR and k.pkru_inuse_tracked:
        s.vcpu_pkru_inuse = 1 if s.hw_xinuse[s.cpu] & PKRU else 0


def kvm_load_guest_pkru(s: Machine, k: Constants) -> None:
    """Put the guest's PKRU into the register if it is switched and differs from the host's."""
    if pkru_is_switched(s, k) and s.vcpu_pkru != s.vcpu_host_pkru:
        write_pkru(s, k, s.vcpu_pkru, s.vcpu_pkru_inuse)


def kvm_load_host_pkru(s: Machine, k: Constants) -> None:
    """Remember the guest's PKRU and put the host's back, under the same test as the load."""
    if pkru_is_switched(s, k):
        remember_guest_pkru(s, k)
        if s.vcpu_pkru != s.vcpu_host_pkru:
            write_pkru(s, k, s.vcpu_host_pkru, 1)


def sample_host_pkru(s: Machine, k: Constants) -> None:
    """Remember the host's PKRU in kvm_arch_vcpu_load(), unless the design does it at every entry."""
    s.vcpu_loaded = 1
    if k.pkru_sample == PkruSample.VCPU_LOAD:
        s.vcpu_host_pkru = s.hw_pkru[s.cpu]


def sample_host_pkru_at_entry(s: Machine, k: Constants) -> None:
    """Remember the host's PKRU once preemption is off, in the design that does so."""
    if k.pkru_sample == PkruSample.ENTRY:
        s.vcpu_host_pkru = s.hw_pkru[s.cpu]


def vmcs_load_guest_pkru(s: Machine, k: Constants) -> None:
    """Enter the guest; PKRU stays, unless the VMCS had a field for it (seed 002's wish)."""
    if k.guest_pku and k.pkru_home == PkruHome.VMCS_FIELD:
        s.hw_pkru[s.cpu] = s.vcpu_pkru
        note_pkru_inuse(s, k)


def vmcs_load_host_pkru(s: Machine, k: Constants) -> None:
    """Leave the guest; PKRU stays, unless the VMCS had fields for it (seed 002's wish)."""
    if k.guest_pku and k.pkru_home == PkruHome.VMCS_FIELD:
        s.vcpu_pkru = s.hw_pkru[s.cpu]
        s.hw_pkru[s.cpu] = s.vcpu_host_pkru
        note_pkru_inuse(s, k)
