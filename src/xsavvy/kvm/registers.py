# SPDX-License-Identifier: Apache-2.0
"""What KVM_SET_SREGS, KVM_SET_VCPU_EVENTS, struct kvm_run, KVM_*_ONE_REG and KVM_GET_CPUID2 accept.

Functions of the dialect: integers in, a positive errno or a mask out, no state.

Sources: linux arch/x86/kvm/x86.c and x86.h (6.12, 6.18), in 7.x also regs.c and msrs.c; the features' bits: SDM
"Control Registers".
"""

from typing import Final

from .cet import CR4_CET
from .ioctls import EINVAL
from .rules import CR4_OSXSAVE, CR4_PKE

__all__ = [
    "CR0_CD",
    "CR0_NW",
    "CR0_PE",
    "CR0_PG",
    "CR4_FEATURES",
    "CR4_OF_FEATURE",
    "E2BIG",
    "KVM_REG_GUEST_SSP",
    "SYNC_ALL",
    "SYNC_EVENTS",
    "SYNC_REGS",
    "SYNC_SREGS",
    "cpuid_osxsave",
    "cr0_errno",
    "cr4_errno",
    "cr4_features",
    "enumerated_registers",
    "exception_errno",
    "get_cpuid2_errno",
    "run_errno",
    "set_fpu_bv",
    "shown_register",
    "taken_register",
]

E2BIG: Final = 7

CR0_PE: Final = 1 << 0
CR0_NW: Final = 1 << 29
CR0_CD: Final = 1 << 30
CR0_PG: Final = 1 << 31
CR4_ALWAYS: Final = 0x7FF
"""VME to OSXMMEXCPT: bits that need no feature of the guest's."""
CR4_OF_FEATURE: Final = {
    "UMIP": 1 << 11,
    "LA57": 1 << 12,
    "VMX": 1 << 13,
    "FSGSBASE": 1 << 16,
    "PCID": 1 << 17,
    "XSAVE": CR4_OSXSAVE,
    "SMEP": 1 << 20,
    "SMAP": 1 << 21,
    "PKU": CR4_PKE,
    "CET": CR4_CET,
    "LAM": 1 << 28,
}
"""The bits that need a feature. CET is SHSTK or IBT. CR4.SMXE and CR4.PKS no KVM of Linux accepts."""
CR4_FEATURES: Final = sum(CR4_OF_FEATURE.values())

SYNC_REGS: Final = 1
SYNC_SREGS: Final = 2
SYNC_EVENTS: Final = 4
SYNC_ALL: Final = SYNC_REGS | SYNC_SREGS | SYNC_EVENTS
"""KVM_SYNC_X86_VALID_FIELDS."""
KVM_REG_GUEST_SSP: Final = 0x2030_0003_0000_0000
"""The identifier of the guest's SSP for KVM_GET_ONE_REG: KVM_REG_X86, 64 bits, a register of KVM's own."""


# KVM_SET_SREGS.


def cr4_errno(cr4: int, features: int) -> int:
    """Return the errno of KVM_SET_SREGS for CR4; `features` are the bits of CR4 whose feature the guest's CPUID has.

    The guest's own MOV to CR4 gets a #GP for the same values.
    Source: arch/x86/kvm/x86.h __cr4_reserved_bits(); x86.c kvm_is_valid_cr4().

    >>> cr4_errno(0x7FF, 0), cr4_errno(1 << 18, 1 << 18), cr4_errno(1 << 18, 0), cr4_errno(1 << 14, 1 << 14)
    (0, 0, 22, 22)
    """
    return EINVAL if cr4 & ~(CR4_ALWAYS | (features & CR4_FEATURES)) else 0


def cr4_features(guest: int, supported: int, has_cpuid: int, enforces: int) -> int:
    """Return the bits of CR4 that a vCPU may have: those of its CPUID.

    Before it has one, `enforces` (85e5ba83c016): none that needs a feature; else all that KVM supports.
    Source: arch/x86/kvm/x86.c kvm_arch_vcpu_create(), __kvm_is_valid_cr4(); kvm-amd 6.12 was asked.

    >>> cr4_features(CR4_OSXSAVE, CR4_OSXSAVE | CR4_PKE, 1, 1) == CR4_OSXSAVE
    True
    >>> cr4_features(0, CR4_OSXSAVE, 0, 1), cr4_features(0, CR4_OSXSAVE, 0, 0) == CR4_OSXSAVE
    (0, True)
    """
    if has_cpuid:
        return guest
    return 0 if enforces else supported


def cr0_errno(cr0: int) -> int:
    """Return the errno of KVM_SET_SREGS for CR0: no high half, NW only with CD, PG only with PE.

    Source: arch/x86/kvm/x86.c kvm_is_valid_cr0(), kvm_is_valid_sregs() (v6.5, and stable kernels).

    >>> [cr0_errno(cr0) for cr0 in (CR0_PE, CR0_PE | CR0_NW, CR0_PG, CR0_CD | CR0_NW, 1 << 32)]
    [0, 22, 22, 0, 22]
    """
    if cr0 >> 32 or (cr0 & CR0_NW and not cr0 & CR0_CD):
        return EINVAL
    return EINVAL if cr0 & CR0_PG and not cr0 & CR0_PE else 0


def cpuid_osxsave(cr4: int, enable: int) -> int:
    """Return the bit of the guest's CPUID that mirrors a bit of CR4: OSXSAVE or OSPKE.

    Source: arch/x86/kvm/cpuid.c kvm_update_cpuid_runtime(); SDM "CPUID".

    >>> cpuid_osxsave(CR4_OSXSAVE, CR4_OSXSAVE), cpuid_osxsave(CR4_OSXSAVE, CR4_PKE)
    (1, 0)
    """
    return 1 if cr4 & enable else 0


# KVM_RUN with KVM_CAP_SYNC_REGS.


def run_errno(valid_regs: int, dirty_regs: int) -> int:
    """Return the errno of KVM_RUN for the two masks of register sets in struct kvm_run.

    Source: arch/x86/kvm/x86.c kvm_arch_vcpu_ioctl_run(); kvm_sync_valid_fields() (a protected guest has none).

    >>> run_errno(SYNC_ALL, SYNC_REGS), run_errno(1 << 31, 0), run_errno(0, 1 << 31 | SYNC_ALL)
    (0, 22, 22)
    """
    return EINVAL if (valid_regs | dirty_regs) & ~SYNC_ALL else 0


def taken_register(vcpu: int, shared: int, dirty_regs: int, register_set: int) -> int:
    """Return a register with which KVM_RUN begins: the shared page's only if its set is marked as dirty.

    Source: arch/x86/kvm/x86.c sync_regs().

    >>> taken_register(1, 2, SYNC_REGS, SYNC_REGS), taken_register(1, 2, SYNC_SREGS, SYNC_REGS)
    (2, 1)
    """
    return shared if dirty_regs & register_set else vcpu


def shown_register(vcpu: int, shared: int, valid_regs: int, register_set: int) -> int:
    """Return what the shared page says after KVM_RUN: the vCPU's value only if its set was asked for.

    Source: arch/x86/kvm/x86.c store_regs().

    >>> shown_register(1, 2, SYNC_REGS, SYNC_REGS), shown_register(1, 2, 0, SYNC_REGS)
    (1, 2)
    """
    return vcpu if valid_regs & register_set else shared


# Lists.


def get_cpuid2_errno(room: int, entries: int) -> int:
    """Return the errno of KVM_GET_CPUID2 with room for so many entries.

    Source: arch/x86/kvm/cpuid.c kvm_vcpu_ioctl_get_cpuid2().

    >>> get_cpuid2_errno(3, 4), get_cpuid2_errno(4, 4)
    (7, 0)
    """
    return E2BIG if room < entries else 0


def enumerated_registers(has_shadow_stack: int) -> int:
    """Return how many registers KVM_GET_REG_LIST has: the guest's SSP, with shadow stacks (v6.18).

    Source: arch/x86/kvm/x86.c kvm_get_reg_list(); commit 9d6812d41535.

    >>> enumerated_registers(1), enumerated_registers(0)
    (1, 0)
    """
    return 1 if has_shadow_stack else 0


# KVM_SET_VCPU_EVENTS.


def exception_errno(vector: int) -> int:
    """Return the errno of KVM_SET_VCPU_EVENTS with an exception pending or injected: NMI is none.

    Source: arch/x86/kvm/x86.c kvm_vcpu_ioctl_x86_set_vcpu_events().

    >>> exception_errno(6), exception_errno(2), exception_errno(32)
    (0, 22, 22)
    """
    return EINVAL if vector > 31 or vector == 2 else 0


# KVM_SET_FPU.


def set_fpu_bv(xstate_bv: int) -> int:
    """Return the image's XSTATE_BV after KVM_SET_FPU: the call writes the legacy region and no header.

    Source: arch/x86/kvm/x86.c kvm_arch_vcpu_ioctl_set_fpu(); kvm-amd 6.1 and 6.12 were asked.

    >>> set_fpu_bv(0), set_fpu_bv(3)
    (0, 3)
    """
    return xstate_bv
