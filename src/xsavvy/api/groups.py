# SPDX-License-Identifier: Apache-2.0
"""Where a value lives, read off a field's name: the groups in which pictures show the machine."""

from collections.abc import Mapping

__all__ = ["GROUPS", "group_of"]

GROUPS: Mapping[str, str] = {
    "hw": "Registers of the CPU",
    "cpu": "The kernel's per-CPU variables",
    "fp": "fpstates in memory",
    "task": "Tasks",
    "vcpu": "KVM's vCPU",
    "vm": "KVM's VM",
    "vmcs": "VMCS and VMSA",
    "host": "Host",
    "uapi": "Userspace",
    "ghost": "What should be true",
}
"""Every group and its title, in the order in which pictures show them."""

_GROUP_OF: Mapping[str, str] = {
    "hw": "hw",
    "cpu": "cpu",
    "current": "cpu",
    "next": "cpu",
    "fp": "fp",
    "guest": "fp",
    "thread": "task",
    "tif": "task",
    "task": "task",
    "sig": "task",
    "perm": "task",
    "vcpu": "vcpu",
    "nested": "vcpu",
    "cpuid": "vm",
    "mmu": "vm",
    "vmcs": "vmcs",
    "vmcs01": "vmcs",
    "vmcs02": "vmcs",
    "vmcs12": "vmcs",
    "vmsa": "vmcs",
    "smram": "vmcs",
    "host": "host",
    "machine": "host",
    "param": "host",
    "kvm": "host",
    "uapi": "uapi",
    "uabi": "uapi",
    "vmm": "uapi",
    "ghost": "ghost",
}


def group_of(field: str) -> str:
    """Return the group of a field by what its name begins with; what has no place of its own is the host's.

    >>> group_of("hw_pkru"), group_of("vmcs12_guest_bndcfgs"), group_of("fault")
    ('hw', 'vmcs', 'host')
    """
    return _GROUP_OF.get(field.partition("_")[0], "host")
