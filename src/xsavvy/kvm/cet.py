# SPDX-License-Identifier: Apache-2.0
"""What KVM decides about control-flow enforcement: whom it offers CET, and what it accepts.

Functions of the dialect, from masks to masks. The two features are the bits `SHSTK` and `IBT` of a mask; components
are those of XSS. The first half derives what is offered, in the order in which the module does it; the second half
is asked while a guest runs. Names of MSR bits: SDM "IA32_U_CET, IA32_S_CET".
"""

from typing import Final

from xsavvy.isa.components import CET_S, CET_U
from xsavvy.isa.registers import cr0_wp_ok
from xsavvy.isa.system import CR0_WP, CR4_CET

__all__ = [
    "CET_ALL",
    "CR0_WP",
    "CR4_CET",
    "ENDBR_EN",
    "IBT",
    "RESERVED_BITS",
    "SHSTK",
    "SHSTK_EN",
    "caps_of",
    "caps_with_components",
    "caps_with_smaller_maxphyaddr",
    "caps_without_tdp",
    "cr_pair_ok",
    "emulation_refused",
    "far_jump_faults",
    "guest_caps",
    "host_ibt",
    "host_xss_cet",
    "nested_load_cet",
    "ssp_ok",
    "svm_caps",
    "task_switch_refused",
    "u_s_cet_ok",
    "vmx_caps",
    "xss_with_caps",
]

SHSTK: Final = 1
IBT: Final = 2

CET_ALL: Final = CET_U | CET_S

SHSTK_EN: Final = 1 << 0
SHSTK_BITS: Final = 0x3
ENDBR_EN: Final = 1 << 2
IBT_LOW_BITS: Final = 0x3C
IBT_FIRST_HIGH_BIT: Final = 10
RESERVED_BITS: Final = 0x3C0
SUPPRESS: Final = 1 << 10
WAIT_ENDBR: Final = 1 << 11
BITMAP_ALIGNMENT: Final = 3 << 12


# What is offered.


def host_xss_cet(boot: int, xsaves: int, offered: int) -> int:
    """Return the CET components that the host enables in IA32_XSS: both hang on shadow stacks.

    Source: arch/x86/kernel/fpu/xstate.c xsave_cpuid_features[]; fpu__init_system_xstate().

    >>> host_xss_cet(SHSTK, 1, 0x1800), host_xss_cet(IBT, 1, 0x1800)
    (6144, 0)
    """
    return offered & CET_ALL if boot & SHSTK and xsaves else 0


def host_ibt(cpuid: int, ibt_off: int) -> int:
    """Return the two features as the host's own CPU data have them: `ibt=off` clears IBT.

    `nousershstk` clears a feature of Linux's own (USER_SHSTK), so that SHSTK survives it.
    Source: arch/x86/kernel/cpu/common.c setup_cet(); arch/x86/kernel/shstk.c.

    >>> host_ibt(SHSTK | IBT, 1) == SHSTK
    True
    """
    return cpuid & ~IBT if ibt_off else cpuid


def caps_of(cpuid: int, boot: int) -> int:
    """Return what KVM starts from: what CPUID has and the host has not turned off.

    Source: arch/x86/kvm/cpuid.c kvm_cpu_cap_init(): kernel_cpu_caps and raw_cpuid_get().

    >>> caps_of(SHSTK | IBT, SHSTK) == SHSTK
    True
    """
    return cpuid & boot


def caps_without_tdp(caps: int, tdp: int) -> int:
    """Drop shadow stacks where KVM walks shadow page tables: those cannot map a shadow stack.

    Source: arch/x86/kvm/cpuid.c kvm_initialize_cpu_caps(); commit 1f6f68fcfe43.

    >>> caps_without_tdp(SHSTK | IBT, 0) == IBT
    True
    """
    return caps if tdp else caps & ~SHSTK


def caps_with_smaller_maxphyaddr(caps: int, allowed: int) -> int:
    """Drop both where KVM emulates accesses to reserved guest addresses: the emulator knows no CET.

    Source: arch/x86/kvm/cpuid.c kvm_initialize_cpu_caps(); commit 343acdd158a5.

    >>> caps_with_smaller_maxphyaddr(SHSTK | IBT, 1)
    0
    """
    return 0 if allowed else caps


def vmx_caps(caps: int, load_cet: int, unrestricted: int, no_hw_error_code: int) -> int:
    """Drop both where VMX cannot switch S_CET, cannot run real mode, or cannot inject #CP.

    `load_cet` is false, too, where the module's parameter `cet` is 0.
    Source: arch/x86/kvm/vmx/vmx.c vmx_hardware_setup(), vmx_set_cpu_caps(); commit e140467bbdaf.

    >>> vmx_caps(SHSTK, 1, 1, 1), vmx_caps(SHSTK, 1, 0, 1)
    (1, 0)
    """
    return caps if load_cet and unrestricted and no_hw_error_code else 0


def svm_caps(caps: int) -> int:
    """Drop indirect branch tracking, which SVM does not have.

    Source: arch/x86/kvm/svm/svm.c svm_set_cpu_caps().

    >>> svm_caps(SHSTK | IBT) == SHSTK
    True
    """
    return caps & ~IBT


def xss_with_caps(xss: int, caps: int, xsaves: int) -> int:
    """Return the components that a guest may have in IA32_XSS: both, with either feature, or none.

    Source: arch/x86/kvm/x86.c kvm_setup_xss_caps(); commits 69cc3e886582, f8ade833b733.

    >>> hex(xss_with_caps(CET_ALL, IBT, 1)), xss_with_caps(CET_U, SHSTK, 1), xss_with_caps(CET_ALL, 0, 1)
    ('0x1800', 0, 0)
    """
    return CET_ALL if caps and xsaves and xss & CET_ALL == CET_ALL else 0


def caps_with_components(caps: int, supported_xss: int) -> int:
    """Drop both features where their components are not there.

    Source: arch/x86/kvm/x86.c kvm_setup_xss_caps().

    >>> caps_with_components(SHSTK, CET_ALL), caps_with_components(SHSTK, CET_U)
    (1, 0)
    """
    return caps if supported_xss & CET_ALL == CET_ALL else 0


def nested_load_cet(load_cet: int, caps: int) -> int:
    """Say whether a nested hypervisor is offered the VMX controls that load CET state.

    Source: arch/x86/kvm/vmx/nested.c nested_vmx_setup_entry_ctls(); commit 42ae6448531b.

    >>> nested_load_cet(1, IBT), nested_load_cet(1, 0)
    (1, 0)
    """
    return 1 if load_cet and caps else 0


def guest_caps(caps: int, cpuid: int) -> int:
    """Return what a vCPU has: what KVM supports and userspace put into its CPUID, in any combination.

    Source: arch/x86/kvm/cpuid.c kvm_vcpu_after_set_cpuid(); seed 003.

    >>> guest_caps(SHSTK | IBT, IBT) == IBT
    True
    """
    return caps & cpuid


# What is accepted.


def u_s_cet_ok(value: int, caps: int) -> int:
    """Say whether KVM accepts a value for U_CET or S_CET.

    The alignment of the legacy bitmap is tested on bits 13:12.
    Source: arch/x86/kvm/msrs.h kvm_is_valid_u_s_cet(); commit 8b59d0275c96.

    >>> u_s_cet_ok(SHSTK_EN, SHSTK), u_s_cet_ok(SHSTK_EN, IBT), u_s_cet_ok(1 << 6, SHSTK | IBT)
    (1, 0, 0)
    """
    if value & RESERVED_BITS:
        return 0
    if value & SHSTK_BITS and caps & SHSTK == 0:
        return 0
    if (value & IBT_LOW_BITS or value >> IBT_FIRST_HIGH_BIT) and caps & IBT == 0:
        return 0
    if value & BITMAP_ALIGNMENT:
        return 0
    return 0 if value & SUPPRESS and value & WAIT_ENDBR else 1


def ssp_ok(value: int, canonical: int, aligned_msr: int) -> int:
    """Say whether KVM accepts a shadow stack pointer; INT_SSP_TAB need not be aligned (`aligned_msr` 0).

    Source: arch/x86/kvm/msrs.c __kvm_set_msr(); commit 8b59d0275c96.

    >>> ssp_ok(0x1000, 1, 1), ssp_ok(0x1002, 1, 1), ssp_ok(0x1002, 1, 0), ssp_ok(0x1000, 0, 1)
    (1, 0, 1, 0)
    """
    return 0 if canonical == 0 or (aligned_msr and value & 3) else 1


def cr_pair_ok(cr0: int, cr4: int) -> int:
    """Say whether the pair is legal: CR4.CET needs CR0.WP. The processor's rule, and KVM's.

    Source: SDM "CR4.CET"; arch/x86/kvm/regs.c kvm_set_cr0(), kvm_set_cr4(); commit 586ef9dcbb28.

    >>> cr_pair_ok(CR0_WP, CR4_CET), cr_pair_ok(0, CR4_CET), cr_pair_ok(0, 0)
    (1, 0, 1)
    """
    return cr0_wp_ok(cr0 & CR0_WP, cr4 & CR4_CET)


def emulation_refused(affected: int, far: int, user: int, u_cet: int, s_cet: int) -> int:
    """Say whether the emulator refuses a branch, with CR4.CET set.

    `affected` holds SHSTK_EN if the instruction uses the shadow stack, ENDBR_EN if it is an indirect branch. A near
    branch looks at the register of its privilege, a far one at both.
    Source: arch/x86/kvm/emulate.c x86_decode_insn(); commit 57c3db7e2e26.

    >>> emulation_refused(ENDBR_EN, 0, 0, ENDBR_EN, 0), emulation_refused(ENDBR_EN, 1, 0, ENDBR_EN, 0)
    (0, 1)
    """
    enabled = u_cet if user else s_cet
    if far:
        enabled = u_cet | s_cet
    return 1 if affected & enabled & (SHSTK_EN | ENDBR_EN) else 0


def task_switch_refused(u_cet: int, s_cet: int) -> int:
    """Say whether the emulator refuses a task switch, with CR4.CET set.

    Source: arch/x86/kvm/x86.c kvm_task_switch(); commit 82c0ec028258.

    >>> task_switch_refused(0, SHSTK_EN), task_switch_refused(0, 0)
    (1, 0)
    """
    return 1 if (u_cet | s_cet) & (SHSTK_EN | ENDBR_EN) else 0


def far_jump_faults(cet: int, ssp_is_high: int) -> int:
    """Say whether a far jump from 64-bit to compatibility mode faults, with CR4.CET set.

    `cet` is the register of the current privilege.
    Source: arch/x86/kvm/emulate.c emulator_is_ssp_invalid(); SDM "JMP"; commit d4c03f63957c.

    >>> far_jump_faults(SHSTK_EN, 1), far_jump_faults(0, 1), far_jump_faults(SHSTK_EN, 0)
    (1, 0, 0)
    """
    return 1 if cet & SHSTK_EN and ssp_is_high else 0
