# SPDX-License-Identifier: Apache-2.0
"""What KVM decides about protected guests: functions of the dialect, used by the model's steps.

Each takes and returns small integers and knows no state.
"""

from xsavvy.isa.components import PKRU

__all__ = [
    "state_ioctl_fails",
    "td_exit_pkru_is_zeroed",
    "td_restores_register",
    "user_return_write_is_needed",
]


def state_ioctl_fails(is_protected: int, has_protected_state: int) -> int:
    """Say whether an ioctl that asks for a vCPU's registers fails with -EINVAL; if not, it may still do nothing.

    Source: arch/x86/kvm/x86.c kvm_vcpu_ioctl_x86_set_xcrs(); commit 517987e3fb19.

    >>> state_ioctl_fails(1, 1), state_ioctl_fails(1, 0), state_ioctl_fails(0, 1)
    (1, 0, 0)
    """
    return 1 if is_protected and has_protected_state else 0


def td_restores_register(host: int, xfam: int, supported: int) -> int:
    """Say whether XCR0 or IA32_XSS must be written after a TD exit: the module has left what XFAM allows.

    Source: arch/x86/kvm/vmx/tdx.c tdx_load_host_xsave_state().

    >>> td_restores_register(0x60207, 0x207, 0x60207), td_restores_register(0x207, 0x207, 0x207)
    (1, 0)
    """
    return 1 if host != xfam & supported else 0


def td_exit_pkru_is_zeroed(xfam: int) -> int:
    """Say whether a TD exit clobbers PKRU: only if the TD may use protection keys.

    Source: mail of Xiaoyao Li in the thread of seed 004's series (patch V2 07/12).

    >>> td_exit_pkru_is_zeroed(0x207), td_exit_pkru_is_zeroed(0x7)
    (1, 0)
    """
    return 1 if xfam & PKRU else 0


def user_return_write_is_needed(value: int, current: int) -> int:
    """Say whether a user-return MSR must be written: KVM's cache of the register is trusted.

    Source: arch/x86/kvm/x86.c kvm_set_user_return_msr().

    >>> user_return_write_is_needed(1, 1), user_return_write_is_needed(1, 2)
    (0, 1)
    """
    return 1 if value != current else 0
