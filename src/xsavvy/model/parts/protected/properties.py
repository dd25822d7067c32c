# SPDX-License-Identifier: Apache-2.0
"""What must be true of protected guests and of the host that runs them, and states that must be reachable.

The run loop's own properties hold for them too: a scenario names those that it asks about.
"""

from xsavvy.checker import Property, Witness
from xsavvy.isa.components import PKRU
from xsavvy.model.constants import Constants
from xsavvy.model.properties import in_guest, task_has_control, vcpu_has_control
from xsavvy.model.values import GUEST_MODE, USER_MODE, Task, Value

from .machine import HOST_TSC_AUX, Harm, ProtectedMachine, Vmsa

__all__ = ["PROPERTIES", "WITNESSES"]

SEV = "linux:arch/x86/kvm/svm/sev.c"
TDX = "linux:arch/x86/kvm/vmx/tdx.c"


def own_registers(s: ProtectedMachine, k: Constants) -> bool:
    """P10, P13, P26: in guest mode, what the guest put there, or what the VMM was told that it has."""
    if not in_guest(s, k):
        return True
    if k.own_xcr0 & PKRU and s.hw_pkru[s.cpu] != s.ghost_pkru:
        return False
    return s.hw_sse[s.cpu] == s.ghost_sse and s.hw_tsc_aux[s.cpu] == s.ghost_tsc_aux


def own_features(s: ProtectedMachine, k: Constants) -> bool:
    """P10, P13, P26: the same for XCR0 and IA32_XSS."""
    if not in_guest(s, k):
        return True
    return s.hw_xcr0[s.cpu] == s.ghost_xcr0 and s.hw_xss[s.cpu] == s.ghost_xss


def cache_is_trusted(s: ProtectedMachine, k: Constants) -> bool:
    """Somebody may look at the cache to skip a write: no vCPU is prepared and nothing runs in guest mode."""
    if s.current == Task.VMM:
        return s.vcpu_guest_loaded == 0
    return s.task_context & GUEST_MODE == 0


def uret_cache(s: ProtectedMachine, k: Constants) -> bool:
    """P5: where KVM may trust its cache of a user-return MSR, the cache is right."""
    if not cache_is_trusted(s, k):
        return True
    return s.cpu_uret_tsc_aux[s.cpu] == s.hw_tsc_aux[s.cpu]


def other_guest(s: ProtectedMachine, k: Constants) -> bool:
    """P10: another VM's guest runs on its own TSC_AUX."""
    if s.current != Task.OTHER or s.task_context & GUEST_MODE == 0 or s.switch_at != 0:
        return True
    return s.hw_tsc_aux[s.cpu] == Value.INIT


def user_tsc_aux(s: ProtectedMachine, k: Constants) -> bool:
    """P10: in user mode TSC_AUX is the host's."""
    if vcpu_has_control(s, k) and s.vcpu_context & USER_MODE:
        return s.hw_tsc_aux[s.cpu] == HOST_TSC_AUX
    if task_has_control(s, k) and s.task_context & USER_MODE:
        return s.hw_tsc_aux[s.cpu] == HOST_TSC_AUX
    return True


def not_intruded(s: ProtectedMachine, k: Constants) -> bool:
    """P27: what the guest owns is not written."""
    return s.ghost_intruded == 0 and s.harm == Harm.NONE


def no_pretence(s: ProtectedMachine, k: Constants) -> bool:
    """P15, P26: what is not done is refused."""
    return s.ghost_pretended == 0


def scratch(s: ProtectedMachine, k: Constants) -> bool:
    """P27: is_confidential agrees with guest_state_protected."""
    return s.vcpu_protected == 0 or s.fp_confidential != 0


def nothing_read(s: ProtectedMachine, k: Constants) -> bool:
    """P27: nor is it read."""
    return s.uapi_sse == Value.INIT


def no_warning(s: ProtectedMachine, k: Constants) -> bool:
    """Seed 004: a helper that warns is never called for protected state."""
    return s.vcpu_warned == 0


def guest_ran(s: ProtectedMachine, k: Constants) -> bool:
    """A protected guest is in guest mode with a value that it wrote before its last exit."""
    return in_guest(s, k) and s.vmsa_sse == Value.GUEST and s.hw_sse[s.cpu] == Value.GUEST


def guest_features(s: ProtectedMachine, k: Constants) -> bool:
    """It runs on an XCR0 that is not the host's."""
    return in_guest(s, k) and s.hw_xcr0[s.cpu] != k.host_xcr0


def launched(s: ProtectedMachine, k: Constants) -> bool:
    """A vCPU was launched, and its registers are not KVM's any more."""
    return s.vmsa_owner == Vmsa.GUEST and s.vcpu_protected != 0


def launched_with_state(s: ProtectedMachine, k: Constants) -> bool:
    """A guest runs on what the VMM had set up for it."""
    return in_guest(s, k) and s.ghost_xcr0 == s.hw_xcr0[s.cpu] and s.ghost_sse == Value.GUEST2


def guests_meet(s: ProtectedMachine, k: Constants) -> bool:
    """The protected guest runs while another vCPU's TSC_AUX is what the cache remembers."""
    return in_guest(s, k) and s.cpu_uret_tsc_aux[s.cpu] != HOST_TSC_AUX


def changed_cpu(s: ProtectedMachine, k: Constants) -> bool:
    """The guest runs on the second CPU with a PKRU that it had at an exit before."""
    return (
        in_guest(s, k)
        and s.cpu == 1
        and s.vmsa_pkru == Value.GUEST
        and s.hw_pkru[s.cpu] == Value.GUEST
    )


PROPERTIES = (
    Property(
        "protected_guest_finds_its_registers",
        "A protected guest finds XMM, PKRU and TSC_AUX as it left them, or as the VMM was told that it set them.",
        own_registers,
        source="P10, P13, P26; commit eb4441864e03",
        witness="protected_guest_ran",
        mutant="VMRUN does not load XMM",
    ),
    Property(
        "protected_guest_runs_on_its_own_features",
        "A protected guest runs on the XCR0 and IA32_XSS that it wrote, or that the VMM was told that it set.",
        own_features,
        source="P10, P13, P26; commit a26b7cd22546",
        witness="protected_guest_has_its_own_xcr0",
        mutant="VMRUN does not load XCR0",
    ),
    Property(
        "user_return_cache_is_right",
        "Where KVM may trust its cache of a user-return MSR, the cache equals the register.",
        uret_cache,
        source="P5; linux:arch/x86/kvm/msrs.c kvm_set_user_return_msr(); commits 29da8c823abf, c0711f8c610e",
        witness="protected_guest_meets_another",
        mutant="VMEXIT loads the host's TSC_AUX",
    ),
    Property(
        "other_guest_runs_on_its_own_tsc_aux",
        "Another VM's guest on the same CPU runs on its own TSC_AUX.",
        other_guest,
        source="P10; commit 29da8c823abf",
        witness="protected_guest_meets_another",
        mutant="VMEXIT loads the host's TSC_AUX",
    ),
    Property(
        "user_mode_has_the_hosts_tsc_aux",
        "A task in user mode reads the host's TSC_AUX.",
        user_tsc_aux,
        source="P10; linux:arch/x86/kvm/msrs.c kvm_on_user_return()",
        witness="protected_guest_meets_another",
        mutant="the user-return notifier does nothing",
    ),
    Property(
        "protected_state_is_not_written",
        "The host does not write to the memory that holds a launched guest's registers.",
        not_intruded,
        source=f"P27; {SEV} sev_es_sync_vmsa(); commit 9b9f7962e3e8",
        witness="vcpu_is_launched",
        mutant="a VMSA is copied again",
    ),
    Property(
        "protected_fpstate_is_scratch",
        "The fpstate of a vCPU whose state is protected is a scratch buffer.",
        scratch,
        source=f"P27; {SEV} __sev_launch_update_vmsa(); {TDX} tdx_vcpu_create()",
        witness="vcpu_is_launched",
        mutant="the launch does not mark the fpstate",
    ),
    Property(
        "protected_state_is_not_read",
        "An ioctl returns no register of a vCPU whose state is protected.",
        nothing_read,
        source="P27; linux:arch/x86/kvm/x86.c kvm_vcpu_ioctl_x86_get_xsave()",
        witness="guest_starts_on_what_the_vmm_set",
        mutant="KVM_GET_XSAVE does not ask",
    ),
    Property(
        "ioctls_do_not_pretend",
        "No ioctl that sets or returns a protected guest's registers reports success and does nothing.",
        no_pretence,
        source="P15, P26; commit 517987e3fb19",
        witness="vcpu_is_launched",
        mutant="ioctls are silent",
    ),
    Property(
        "no_warning_about_protected_state",
        "No helper that warns about protected state is called for it.",
        no_warning,
        source="seed 004",
        witness="protected_guest_ran",
        mutant="a helper warns and is called",
    ),
)

WITNESSES = (
    Witness(
        "protected_guest_ran",
        "A protected guest finds again what it wrote before an exit.",
        guest_ran,
    ),
    Witness(
        "protected_guest_has_its_own_xcr0",
        "A protected guest runs on an XCR0 that is not the host's.",
        guest_features,
    ),
    Witness("vcpu_is_launched", "A vCPU is launched and its state protected.", launched),
    Witness(
        "guest_starts_on_what_the_vmm_set",
        "A protected guest runs on registers that the VMM set before the launch.",
        launched_with_state,
    ),
    Witness(
        "protected_guest_meets_another",
        "A protected guest runs while the cache remembers another value than the host's.",
        guests_meet,
    ),
    Witness(
        "protected_guest_changed_its_cpu",
        "A protected guest runs on the second CPU, with the PKRU of its last exit.",
        changed_cpu,
    ),
)
