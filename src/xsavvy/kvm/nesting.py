# SPDX-License-Identifier: Apache-2.0
"""What KVM decides for a guest that runs a guest: functions of the dialect on flags.

Source: arch/x86/kvm/vmx/nested.c nested_vmx_enter_non_root_mode(), prepare_vmcs02(), nested_vmx_l1_wants_exit().
"""

__all__ = ["field_from_vmcs12", "snapshot_is_taken"]


def field_from_vmcs12(run_pending: int, load_control: int) -> int:
    """Say whether vmcs02 takes a field from vmcs12; otherwise it takes what KVM remembered before the entry.

    >>> field_from_vmcs12(1, 1), field_from_vmcs12(0, 1), field_from_vmcs12(1, 0)
    (1, 0, 0)
    """
    return 1 if run_pending and load_control else 0


def snapshot_is_taken(run_pending: int, load_control: int, looks_at_run_pending: int) -> int:
    """Say whether KVM remembers the field of vmcs01 before it changes to vmcs02.

    It must wherever `field_from_vmcs12` says no; without a look at nested_run_pending it does not after
    KVM_SET_NESTED_STATE (commit fa578398a0ba).

    >>> snapshot_is_taken(0, 1, 1), snapshot_is_taken(0, 1, 0), snapshot_is_taken(1, 0, 0)
    (1, 0, 1)
    """
    if looks_at_run_pending and not run_pending:
        return 1
    return 0 if load_control else 1
