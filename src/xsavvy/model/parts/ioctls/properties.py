# SPDX-License-Identifier: Apache-2.0
"""What must be true of a vCPU that the VMM sets up by ioctls."""

from xsavvy.checker import Property
from xsavvy.isa.registers import xcr0_ok
from xsavvy.kvm.ioctls import FPSSE, guest_supported
from xsavvy.model.constants import Constants
from xsavvy.model.properties import guest_has_xsave, in_guest, vcpu_has_control
from xsavvy.model.values import TILE, USER_MODE, Buffer, Exit, Value

from .derived import cpuid_is_right, pkru_mask_of
from .machine import IoctlMachine
from .switch import can_execute_xsaves

__all__ = ["PROPERTIES", "guest_runs", "vmm_runs"]

X86 = "linux:arch/x86/kvm/x86.c"
MSRS = "linux:arch/x86/kvm/msrs.c"
XSTATE = "linux:arch/x86/kernel/fpu/xstate.c"


def guest_runs(s: IoctlMachine, k: Constants) -> bool:
    """The guest is in guest mode and nothing has made it exit."""
    return in_guest(s, k) and s.vcpu_exit == Exit.NONE


def vmm_runs(s: IoctlMachine, k: Constants) -> bool:
    """The VMM is in user mode and can call an ioctl."""
    return vcpu_has_control(s, k) and s.vcpu_context & USER_MODE != 0


def cpuid_tells_the_truth(s: IoctlMachine, k: Constants) -> bool:
    """P23: CPUID's sizes, OSXSAVE and OSPKE are those of the guest's XCR0, IA32_XSS and CR4."""
    return not guest_runs(s, k) or cpuid_is_right(s, k)


def pkru_mask_is_right(s: IoctlMachine, k: Constants) -> bool:
    """P23: KVM's page walks heed PKRU as the guest's CR4.PKE and CR0.WP say."""
    return not guest_runs(s, k) or s.mmu_pkru_mask == pkru_mask_of(s, k)


def features_are_in_cpuid(s: IoctlMachine, k: Constants) -> bool:
    """P16: XCR0 is legal and, like IA32_XSS, within the guest's CPUID; whoever wrote it."""
    if not guest_runs(s, k) and not vmm_runs(s, k):
        return True
    bound = guest_supported(s.vcpu_cpuid_xcr0, k.host_xcr0) | FPSSE
    return xcr0_ok(s.vcpu_xcr0, bound) != 0 and s.vcpu_xss & ~s.vcpu_cpuid_xss == 0


def writes_obey_cpuid(s: IoctlMachine, k: Constants) -> bool:
    """P22: a guest's write succeeds where its CPUID says so, and only there."""
    return s.ghost_wrong_gp == 0


def permissions_grow(s: IoctlMachine, k: Constants) -> bool:
    """P21: what was granted stays granted, and nothing is added once there is a vCPU."""
    return s.perm_guest == s.ghost_perm


def sizes_fit(s: IoctlMachine, k: Constants) -> bool:
    """P19, P21: the guest's fpstate was allocated for every component that XSAVES writes to it."""
    return s.fp_xfeatures[Buffer.GUEST] & ~s.fp_room == 0


def advertised_is_legal(s: IoctlMachine, k: Constants) -> bool:
    """P22: a guest that enables all that KVM advertises takes no #GP."""
    return s.uapi_advertised == 0 or xcr0_ok(s.uapi_advertised, s.uapi_advertised) != 0


def advertised_is_permitted(s: IoctlMachine, k: Constants) -> bool:
    """P22: KVM_SET_CPUID2 of what KVM advertises is not refused for want of a permission."""
    return s.uapi_advertised & TILE & ~s.perm_guest == 0


def advertised_sizes_match(s: IoctlMachine, k: Constants) -> bool:
    """P22: the size that KVM advertises is that of the components that it advertises."""
    return s.uapi_advertised_size == s.uapi_advertised


def failure_changes_nothing(s: IoctlMachine, k: Constants) -> bool:
    """P24: CPUID, XCR0 and IA32_XSS are what the last ioctl or instruction that succeeded made them."""
    if not vmm_runs(s, k):
        return True
    cpuid = s.vcpu_cpuid_xcr0 == s.ghost_cpuid_xcr0 and s.vcpu_cpuid_xss == s.ghost_cpuid_xss
    return cpuid and s.vcpu_xcr0 == s.ghost_xcr0 and s.vcpu_xss == s.ghost_xss


def own_cpuid_is_accepted(s: IoctlMachine, k: Constants) -> bool:
    """P13: KVM_SET_CPUID2 with the CPUID that the vCPU has succeeds, whenever it is called."""
    return s.ghost_equal_refused == 0


def image_is_the_guests(s: IoctlMachine, k: Constants) -> bool:
    """P13: KVM_GET_XSAVE2 reports what the guest has, but for what XFD disables."""
    if s.uapi_image == 0:
        return True
    return s.uapi_sse == s.ghost_sse and (
        s.ghost_tile == Value.ANY or s.uapi_tile == s.ghost_tile or s.ghost_xfd & TILE != 0
    )


def image_is_in_cpuid(s: IoctlMachine, k: Constants) -> bool:
    """P14: KVM_GET_XSAVE2 names what the guest's CPUID has, and x87 and SSE."""
    return s.uapi_bv & ~(guest_supported(s.vcpu_cpuid_xcr0, k.host_xcr0) | FPSSE) == 0


def xss_is_the_guests(s: IoctlMachine, k: Constants) -> bool:
    """P2, P10: a guest that can execute XSAVES and XRSTORS does so under its own IA32_XSS."""
    if not guest_runs(s, k) or not guest_has_xsave(s, k) or not can_execute_xsaves(s, k):
        return True
    return s.hw_xss[s.cpu] == s.ghost_xss


def state_is_listed(s: IoctlMachine, k: Constants) -> bool:
    """P13: a register that the guest can set is among those that KVM tells the VMM to save."""
    return s.vcpu_xss == 0 or k.xss_to_be_saved != 0


def nm_arrives(s: IoctlMachine, k: Constants) -> bool:
    """P26: no #NM is lost between its exit and the guest, and none is made up."""
    if guest_runs(s, k) and s.ghost_nm_due != 0:
        return False
    return s.vcpu_nm_queued == 0 or s.ghost_nm_due != 0


PROPERTIES = (
    Property(
        "guest_cpuid_tells_the_truth",
        "The guest's CPUID says the sizes of its XCR0 and IA32_XSS, and its CR4.OSXSAVE and CR4.PKE.",
        cpuid_tells_the_truth,
        source="P23; linux:arch/x86/kvm/cpuid.c kvm_update_cpuid_runtime()",
        witness="guest_enabled_avx",
        mutant="a new XCR0 is not noticed",
    ),
    Property(
        "mmu_heeds_pkru_as_the_guest_does",
        "KVM's page walks check protection keys as the guest's CR4.PKE and CR0.WP say.",
        pkru_mask_is_right,
        source="P23; linux:arch/x86/kvm/mmu/mmu.c update_pkru_bitmask()",
        witness="guest_has_protection_keys",
        mutant="KVM_SET_SREGS does not reset the MMU",
    ),
    Property(
        "guest_features_are_in_its_cpuid",
        "XCR0 is legal and, like IA32_XSS, within the guest's CPUID, whoever wrote it.",
        features_are_in_cpuid,
        source=f"P16; {X86} __kvm_set_xcr(); {MSRS} kvm_set_msr_common()",
        witness="guest_enabled_avx",
        mutant="KVM_SET_XCRS is not checked",
    ),
    Property(
        "guest_writes_obey_its_cpuid",
        "A guest's XSETBV and WRMSR of IA32_XSS succeed where its CPUID says so, and only there.",
        writes_obey_cpuid,
        source=f"P22, P26; {MSRS} kvm_set_msr_common()",
        witness="guest_has_xss",
        mutant="a guest's write of IA32_XSS is refused",
    ),
    Property(
        "permissions_only_grow_until_the_first_vcpu",
        "A permission that was granted stays, and none is added once there is a vCPU.",
        permissions_grow,
        source=f"P21; {XSTATE} __xstate_request_perm()",
        witness="tiles_are_permitted",
        mutant="permissions are not locked",
    ),
    Property(
        "guest_fpstate_was_allocated_for_its_components",
        "The guest's fpstate was allocated for every component that XSAVES may write to it.",
        sizes_fit,
        source=f"P19, P21; {XSTATE} fpstate_realloc()",
        witness="guest_fpstate_has_grown",
        mutant="the fpstate keeps its size",
    ),
    Property(
        "advertised_features_can_be_enabled",
        "A guest that enables every component that KVM advertises takes no #GP.",
        advertised_is_legal,
        source="P22; linux:arch/x86/kvm/cpuid.c __do_cpuid_func()",
        witness="tiles_are_advertised",
        mutant="TILECFG is advertised alone",
    ),
    Property(
        "advertised_features_are_permitted",
        "KVM_SET_CPUID2 of what KVM advertises is not refused for want of a permission.",
        advertised_is_permitted,
        source="P22; linux:arch/x86/kvm/cpuid.c __do_cpuid_func()",
        witness="tiles_are_advertised",
        mutant="everything is advertised",
    ),
    Property(
        "advertised_sizes_match",
        "The size that KVM advertises is that of the components that it advertises.",
        advertised_sizes_match,
        source="P22; linux:arch/x86/kvm/cpuid.c xstate_required_size()",
        witness="tiles_are_advertised",
        mutant="sizes of everything are advertised",
    ),
    Property(
        "refused_ioctls_change_nothing",
        "The vCPU's CPUID, XCR0 and IA32_XSS are what the last write that succeeded made them.",
        failure_changes_nothing,
        source=f"P24; linux:arch/x86/kvm/cpuid.c kvm_set_cpuid(); {X86} __kvm_set_xcr()",
        witness="cpuid_was_refused",
        mutant="a refused CPUID is kept",
    ),
    Property(
        "own_cpuid_is_accepted",
        "KVM_SET_CPUID2 with the CPUID that the vCPU has succeeds, whenever it is called.",
        own_cpuid_is_accepted,
        source="P13; commit e2b43fb25243",
        witness="guest_enabled_avx",
        mutant="the old CPUID is not brought up to date",
    ),
    Property(
        "get_xsave_reports_the_guests_state",
        "KVM_GET_XSAVE2 reports what the guest has, but for what XFD disables.",
        image_is_the_guests,
        source=f"P13; {X86} kvm_vcpu_ioctl_x86_get_xsave2()",
        witness="image_has_the_guests_value",
        mutant="KVM_SET_XSAVE copies the header alone",
    ),
    Property(
        "get_xsave_names_what_cpuid_has",
        "KVM_GET_XSAVE2 names components that the guest's CPUID has, and x87 and SSE.",
        image_is_in_cpuid,
        source=f"P14; {X86} kvm_vcpu_ioctl_x86_get_xsave2()",
        witness="image_has_the_guests_value",
        mutant="KVM_GET_XSAVE2 shows everything",
    ),
    Property(
        "guest_executes_xsaves_under_its_own_xss",
        "A guest that can execute XSAVES and XRSTORS does so under its own IA32_XSS.",
        xss_is_the_guests,
        source=f"P2, P10; {X86} kvm_load_guest_xsave_state()",
        witness="guest_lacks_xsaves",
        mutant="IA32_XSS is not loaded",
    ),
    Property(
        "guest_state_is_listed_to_be_saved",
        "A register that the guest can set is among those that KVM tells the VMM to save.",
        state_is_listed,
        source=f"P13; {MSRS} kvm_probe_msr_to_save()",
        witness="guest_has_xss",
        mutant="IA32_XSS is not listed",
    ),
    Property(
        "device_not_available_reaches_the_guest",
        "A #NM that exited, or that the VMM injects, reaches the guest before its next instruction, and no other does.",
        nm_arrives,
        source=f"P13, P26; {X86} kvm_vcpu_ioctl_x86_set_vcpu_events()",
        witness="device_not_available_waits_in_userspace",
        mutant="a #NM is not queued",
    ),
)
