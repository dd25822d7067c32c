# SPDX-License-Identifier: Apache-2.0
"""What must be true of capabilities, on every machine, host and configuration.

The letters P1 to P29 are those of the list that the upstream bugs led to.
"""

from xsavvy.checker import Property, Witness
from xsavvy.kvm.cet import SHSTK, nested_load_cet

from .constants import ModuleConstants
from .machine import BOTH, Breakage, Module

__all__ = ["PROPERTIES", "WITNESSES", "is_over"]


def is_over(s: Module, k: ModuleConstants) -> bool:
    """Nothing is asked after a refusal or a breakage, or of a guest without CET."""
    if s.kvm_refused or s.breakage != Breakage.NONE:
        return True
    return s.vcpu_runs != 0 and s.vcpu_caps == 0


def loads(s: Module, k: ModuleConstants) -> bool:
    """P22: no configuration makes KVM contradict itself."""
    return s.kvm_refused == 0


def works(s: Module, k: ModuleConstants) -> bool:
    """P22, P10, P29: a guest can use what it is offered."""
    return s.breakage == Breakage.NONE


def nested_follows(s: Module, k: ModuleConstants) -> bool:
    """P22: what a nested hypervisor is offered was computed from what a guest is offered in the end."""
    if s.vcpu_runs == 0 or s.param_nested == 0:
        return True
    return s.kvm_nested == nested_load_cet(s.machine_load_cet, s.kvm_caps)


def userspace_decides(s: Module, k: ModuleConstants) -> bool:
    """P22: KVM keeps the CPUID that userspace set."""
    return s.vcpu_runs == 0 or s.vcpu_cpuid == s.uapi_cpuid


def components_enabled(s: Module, k: ModuleConstants) -> bool:
    """P16: what a guest may put into IA32_XSS, the host has enabled."""
    return s.kvm_xss & ~s.host_xss == 0


def s_cet_remembered(s: Module, k: ModuleConstants) -> bool:
    """P12: whenever a guest can have CET, what an exit loads into S_CET is the host's value."""
    return s.vcpu_caps == 0 or s.kvm_host_s_cet == s.host_s_cet


# Witnesses.


def full(s: Module, k: ModuleConstants) -> bool:
    """A guest has all that the vendor has."""
    return s.vcpu_caps == (BOTH if k.vmx else SHSTK)


def shadow_stacks(s: Module, k: ModuleConstants) -> bool:
    """A guest has shadow stacks."""
    return s.vcpu_caps & SHSTK != 0


def nested_cet(s: Module, k: ModuleConstants) -> bool:
    """A nested hypervisor is offered CET: by VMX controls, or on SVM by having shadow stacks itself."""
    return s.kvm_nested != 0 if k.vmx else s.vcpu_caps & SHSTK != 0


def host_tracks(s: Module, k: ModuleConstants) -> bool:
    """A guest has shadow stacks on a host that tracks its own branches."""
    return s.vcpu_caps & SHSTK != 0 and s.host_s_cet != 0


INIT_SOURCE = "linux:arch/x86/kvm/x86.c kvm_x86_vendor_init()"

PROPERTIES = (
    Property(
        "kvm_loads",
        "KVM loads on every machine and host, whatever its parameters.",
        loads,
        source=f"P22; {INIT_SOURCE}; commit f8ade833b733",
        witness="nested_hypervisor_has_cet",
        mutant="the components are checked after the CPUs",
    ),
    Property(
        "what_is_offered_works",
        "Nothing breaks when a guest uses what KVM offers and userspace passed on.",
        works,
        source="P22, P10, P29; seed 003",
        witness="guest_has_shadow_stacks",
        mutant="missing components are not looked for",
    ),
    Property(
        "nested_caps_follow_final_caps",
        "A nested hypervisor is offered CET exactly if a guest is.",
        nested_follows,
        source="P22; linux:arch/x86/kvm/vmx/nested.c nested_vmx_setup_entry_ctls()",
        witness="nested_hypervisor_has_cet",
        mutant="nested capabilities are never computed",
    ),
    Property(
        "userspace_decides_on_cpuid",
        "KVM_SET_CPUID2 keeps what userspace set.",
        userspace_decides,
        source="P22; seed 003 (userspace gets to keep the pieces)",
        witness="guest_has_shadow_stacks",
        mutant="branch tracking is tied to shadow stacks",
    ),
    Property(
        "offered_components_are_enabled",
        "What a guest may put into IA32_XSS, the host has enabled.",
        components_enabled,
        source=f"P16, P2; {INIT_SOURCE}",
        witness="guest_has_shadow_stacks",
        mutant="the host's IA32_XSS is not looked at",
    ),
    Property(
        "hosts_s_cet_is_remembered",
        "What an exit of a guest with CET loads into S_CET is the host's value.",
        s_cet_remembered,
        source="P12; commit 584ba3ffb984",
        witness="host_tracks_its_branches",
        mutant="the host's S_CET is not sampled",
    ),
)

WITNESSES = (
    Witness("guest_has_all_of_cet", "A guest has all of CET that the vendor has.", full),
    Witness("guest_has_shadow_stacks", "A guest has shadow stacks.", shadow_stacks),
    Witness("nested_hypervisor_has_cet", "A nested hypervisor is offered CET.", nested_cet),
    Witness(
        "host_tracks_its_branches",
        "A guest has shadow stacks on a host that tracks its own branches.",
        host_tracks,
    ),
)
