# SPDX-License-Identifier: Apache-2.0
"""What KVM derives from XCR0, IA32_XSS, CR4 and CR0, and when.

The guest's CPUID says sizes and two bits of CR4; the MMU keeps which accesses heed PKRU. Each is a copy that must be
made again when its source changes.
Source: arch/x86/kvm/cpuid.c kvm_update_cpuid_runtime(); arch/x86/kvm/mmu/mmu.c update_pkru_bitmask().
"""

from xsavvy.model.constants import Constants
from xsavvy.model.values import CR4_PKE

from .choices import CpuidRefresh, CpuidSize
from .machine import BASE, PKEYS_CHECKED, WRITES_CHECKED, IoctlMachine

__all__ = [
    "add_pkru_mask",
    "compacted_of",
    "cpuid_is_right",
    "note_cr4",
    "note_xcr0",
    "note_xss",
    "pkru_mask_of",
    "refresh_cpuid",
    "reset_pkru_mask",
]


def compacted_of(s: IoctlMachine, k: Constants) -> int:
    """Return the components whose compacted size CPUID (0xD,1).EBX should say."""
    if k.cpuid_compacted == CpuidSize.XCR0:
        return s.vcpu_xcr0
    return s.vcpu_xcr0 | s.vcpu_xss


def refresh_cpuid(s: IoctlMachine, k: Constants) -> None:
    """Compute sizes, OSXSAVE and OSPKE anew, and forget that it was due.

    A vCPU without CPUID has no entry to write to.
    Source: arch/x86/kvm/cpuid.c kvm_update_cpuid_runtime().
    """
    s.cpuid_dirty = 0
    if s.vcpu_cpuid_features:
        s.cpuid_size = s.vcpu_xcr0
        s.cpuid_compacted = compacted_of(s, k)
        s.cpuid_cr4 = s.vcpu_cr4


def note_change(s: IoctlMachine, k: Constants) -> None:
    """Refresh the guest's CPUID now, or remember to do it when somebody reads it."""
    if k.cpuid_refresh == CpuidRefresh.AT_ONCE:
        refresh_cpuid(s, k)
    else:
        s.cpuid_dirty = 1


def note_xcr0(s: IoctlMachine, k: Constants, old: int) -> None:
    """Take notice of a new XCR0, if it differs in more than x87 and SSE.

    Source: arch/x86/kvm/x86.c __kvm_set_xcr() (XFEATURE_MASK_EXTEND).
    """
    if (s.vcpu_xcr0 ^ old) & ~BASE:
        note_change(s, k)


def note_xss(s: IoctlMachine, k: Constants) -> None:
    """Take notice of a new IA32_XSS.

    Source: arch/x86/kvm/x86.c kvm_set_msr_common(); commit 4c282e51e445.
    """
    note_change(s, k)


def note_cr4(s: IoctlMachine, k: Constants, old: int) -> None:
    """Take notice of a new CR4, if OSXSAVE or PKE changed.

    Source: arch/x86/kvm/vmx/vmx.c vmx_set_cr4(), arch/x86/kvm/svm/svm.c svm_set_cr4(); before v5.10 kvm_set_cr4() and
    KVM_SET_SREGS each did it.
    """
    if s.vcpu_cr4 != old:
        note_change(s, k)


def cpuid_is_right(s: IoctlMachine, k: Constants) -> bool:
    """Say whether a guest that executed CPUID now would be told the truth: from the copy, or after a refresh."""
    if s.vcpu_cpuid_features == 0 or s.cpuid_dirty:
        return True
    sizes = (s.cpuid_size ^ s.vcpu_xcr0) | (s.cpuid_compacted ^ (s.vcpu_xcr0 | s.vcpu_xss))
    return sizes & ~BASE == 0 and s.cpuid_cr4 == s.vcpu_cr4


def pkru_mask_of(s: IoctlMachine, k: Constants) -> int:
    """Return what the MMU's copy should be: PKRU is heeded with CR4.PKE, by supervisor writes with CR0.WP too.

    Source: arch/x86/kvm/mmu/mmu.c update_pkru_bitmask().
    """
    if s.vcpu_cr4 & CR4_PKE == 0:
        return 0
    return PKEYS_CHECKED | (WRITES_CHECKED if s.vcpu_cr0_wp else 0)


def reset_pkru_mask(s: IoctlMachine, k: Constants) -> None:
    """Compute the MMU's copy anew: kvm_mmu_reset_context() after CR0.WP or CR4.PKE changed."""
    s.mmu_pkru_mask = pkru_mask_of(s, k)


def add_pkru_mask(s: IoctlMachine, k: Constants) -> None:
    """Add to the MMU's copy without clearing it first; only without CR4.PKE it is cleared.

    Source: commit a3ca5281bb77 (KVM: MMU: Reset mmu->pkru_mask to avoid stale data), what it mends.
    """
    if s.vcpu_cr4 & CR4_PKE:
        s.mmu_pkru_mask |= pkru_mask_of(s, k)
    else:
        s.mmu_pkru_mask = 0
