# SPDX-License-Identifier: Apache-2.0
"""The launch of SEV-ES and SNP guests, and the ioctls by which the VMM sets up and asks for a vCPU's registers.

The launch copies KVM's state of the vCPU into the VMSA and has the firmware encrypt it: from then on KVM's copies mean
nothing, and the page is not the host's. An ioctl is one step; it holds the vCPU's mutex.
Source: arch/x86/kvm/svm/sev.c sev_es_sync_vmsa(), __sev_launch_update_vmsa(), snp_launch_update_vmsa();
arch/x86/kvm/x86.c kvm_vcpu_ioctl_x86_get_xsave() and its neighbours.
"""

from xsavvy.checker import Event, Program
from xsavvy.isa.components import AVX, CET_S, CET_U, PKRU, SSE, X87, XTILECFG, XTILEDATA
from xsavvy.kvm.protected import state_ioctl_fails
from xsavvy.kvm.rules import set_xcr_ok, set_xss_ok
from xsavvy.model import vmm
from xsavvy.model.constants import Constants
from xsavvy.model.values import USER_MODE, Buffer, Value

from .choices import FpuConfidential, LaunchLock, ProtectedIoctl, SevType, VmsaResync
from .machine import Harm, ProtectedMachine, Vmsa
from .sev import tsc_aux_is_virtualized

__all__ = [
    "fails_for",
    "mark_launched",
    "set_tsc_aux",
    "sev_es_launch",
    "snp_launch",
    "with_ioctls",
]

SEV = "linux:arch/x86/kvm/svm/sev.c"
X86 = "linux:arch/x86/kvm/x86.c"
BASE = X87 | SSE


def fails_for(s: ProtectedMachine, k: Constants) -> bool:
    """Say whether an ioctl that asks for this vCPU's registers fails: a VM of the default type has no such rule."""
    own_type = k.is_td != 0 or k.sev_type != SevType.SEV_ES_INIT
    return own_type and k.protected_ioctl == ProtectedIoctl.REFUSED


# The VMSA.


def sync_vmsa(s: ProtectedMachine, k: Constants) -> None:
    """Copy KVM's registers of the vCPU to the VMSA; the fpstate only for a VM type that is not the default one.

    Where the page is the guest's already, SNP's page table of owners stops the host, and it does not survive that;
    without SNP the ciphertext is overwritten.
    """
    if s.vmsa_owner == Vmsa.GUEST:
        s.ghost_intruded = 1
        if k.sev_type == SevType.SNP:
            s.harm = Harm.RMP_VIOLATION
        s.vmsa_sse = Value.ANY
        s.vmsa_pkru = Value.ANY
        return
    s.vmsa_xcr0 = s.vcpu_xcr0
    s.vmsa_pkru = s.vcpu_pkru
    s.vmsa_xss = s.vcpu_xss
    s.vmsa_sse = Value.INIT
    if k.sev_type != SevType.SEV_ES_INIT and k.fpu_confidential == FpuConfidential.AT_LAUNCH:
        if s.fp_xstate_bv[Buffer.GUEST] & SSE:
            s.vmsa_sse = s.fp_sse[Buffer.GUEST]


def mark_launched(s: ProtectedMachine, k: Constants) -> None:
    """Note that the guest owns its registers now, as the launch of its kind does."""
    s.vmsa_owner = Vmsa.GUEST
    s.vcpu_protected = 1
    if k.sev_type != SevType.SNP:
        s.fp_confidential = 1


def is_rejected(s: ProtectedMachine, k: Constants) -> bool:
    """Say whether a launch of a vCPU that is launched fails before it does anything."""
    return s.vcpu_protected != 0 and k.vmsa_resync == VmsaResync.REJECTED


def is_sev_es(s: ProtectedMachine, k: Constants) -> bool:
    """LAUNCH_UPDATE_VMSA is a command of SEV-ES guests that are not SNP guests."""
    return k.sev_type != SevType.SNP


def launch_update_vmsa(s: ProtectedMachine, k: Constants) -> None:
    """Copy and encrypt with the vCPU's mutex held."""
    if not is_rejected(s, k):
        sync_vmsa(s, k)
        mark_launched(s, k)


def mutex_is_free(s: ProtectedMachine, k: Constants) -> bool:
    """An ioctl of the vCPU waits for a launch that holds the mutex of every vCPU."""
    return s.vmsa_owner != Vmsa.SYNCED or k.launch_lock == LaunchLock.NOTHING


def can_start_snp(s: ProtectedMachine, k: Constants) -> bool:
    """LAUNCH_FINISH may come from another thread at any time, but one that locks the vCPUs waits for this one."""
    if k.sev_type != SevType.SNP or s.vmsa_owner == Vmsa.SYNCED:
        return False
    return k.launch_lock == LaunchLock.NOTHING or s.vcpu_context & USER_MODE != 0


def start_snp(s: ProtectedMachine, k: Constants) -> None:
    """Copy KVM's registers to the VMSA."""
    if is_rejected(s, k):
        return
    sync_vmsa(s, k)
    if s.vmsa_owner == Vmsa.HOST:
        s.vmsa_owner = Vmsa.SYNCED


def snp_is_copied(s: ProtectedMachine, k: Constants) -> bool:
    """The second half needs the first."""
    return s.vmsa_owner == Vmsa.SYNCED


def sev_es_launch() -> Event:
    """Return LAUNCH_UPDATE_VMSA."""
    return Event(
        "KVM_SEV_LAUNCH_UPDATE_VMSA",
        "vmm",
        launch_update_vmsa,
        when=is_sev_es,
        interrupts=("vcpu",),
        at=("vmm",),
        source=f"{SEV} __sev_launch_update_vmsa()",
    )


def snp_launch() -> tuple[Event, ...]:
    """Return LAUNCH_FINISH of SNP, called by another thread of the VMM, in two halves."""
    source = f"{SEV} snp_launch_update_vmsa()"
    return (
        Event("KVM_SEV_SNP_LAUNCH_FINISH", "vmm", start_snp, when=can_start_snp, source=source),
        Event(
            "SNP_LAUNCH_UPDATE of the VMSA",
            "firmware",
            mark_launched,
            when=snp_is_copied,
            source=source,
        ),
    )


# The ioctls.


def xcr0_is_new(s: ProtectedMachine, k: Constants, value: int) -> bool:
    """A value that KVM refuses, or has, changes nothing."""
    return mutex_is_free(s, k) and value != s.vcpu_xcr0 and set_xcr_ok(value, k.guest_xcr0) != 0


def set_xcrs(s: ProtectedMachine, k: Constants, value: int) -> None:
    """Store XCR0 unless the ioctl fails; before the launch the guest is to have it."""
    if state_ioctl_fails(s.vcpu_protected, 1 if fails_for(s, k) else 0):
        return
    s.vcpu_xcr0 = value
    if s.vcpu_protected:
        s.ghost_pretended = 1
    else:
        s.ghost_xcr0 = value


def xss_is_new(s: ProtectedMachine, k: Constants, value: int) -> bool:
    """IA32_XSS of a TD is not KVM's; after the launch the MSR is KVM's own copy (commit b5fa221f7b08)."""
    return (
        k.is_td == 0
        and mutex_is_free(s, k)
        and s.vcpu_protected == 0
        and value != s.vcpu_xss
        and set_xss_ok(value, k.guest_xss) != 0
    )


def set_xss(s: ProtectedMachine, k: Constants, value: int) -> None:
    """Store IA32_XSS before the launch."""
    s.vcpu_xss = value
    s.ghost_xss = value


def can_set_xsave(s: ProtectedMachine, k: Constants, xstate_bv: int) -> bool:
    """An image with components that KVM refuses changes nothing."""
    return mutex_is_free(s, k) and vmm.image_has_room(s, k, xstate_bv)


def set_xsave(s: ProtectedMachine, k: Constants, xstate_bv: int) -> None:
    """Store an image in the guest's fpstate; for a scratch buffer fail, or do nothing and report success."""
    if s.fp_confidential == 0:
        vmm.set_xsave(s, k, xstate_bv)
    elif fails_for(s, k):
        pass
    elif s.vcpu_protected:
        s.ghost_pretended = 1
    else:
        s.ghost_sse = Value.GUEST2 if xstate_bv & SSE else Value.INIT


def is_protected(s: ProtectedMachine, k: Constants) -> bool:
    """Ask of a vCPU whose registers KVM must not have."""
    return s.vcpu_protected != 0


def get_xsave(s: ProtectedMachine, k: Constants) -> None:
    """Return the guest's fpstate; for a scratch buffer fail, or return zeros and report success."""
    s.uapi_sse = Value.INIT
    if s.fp_confidential:
        if not fails_for(s, k):
            s.ghost_pretended = 1
    elif s.fp_xstate_bv[Buffer.GUEST] & SSE:
        s.uapi_sse = s.fp_sse[Buffer.GUEST]


def tsc_aux_is_lost(s: ProtectedMachine, k: Constants) -> bool:
    """After the launch TSC_AUX is in the VMSA, where the processor switches it; a TD's is never KVM's."""
    return (
        k.is_td == 0
        and s.vcpu_protected != 0
        and tsc_aux_is_virtualized(s, k)
        and s.ghost_pretended == 0
    )


def set_tsc_aux_unseen(s: ProtectedMachine, k: Constants) -> None:
    """Report success, and store the value where no launched guest finds it."""
    s.ghost_pretended = 1


def set_tsc_aux(s: ProtectedMachine, k: Constants) -> None:
    """Fail, or do nothing and report success: sev_es_prevent_msr_access()."""
    if not fails_for(s, k):
        set_tsc_aux_unseen(s, k)


def with_ioctls(program: Program) -> Program:
    """Add the VMM's ioctls for a vCPU's registers."""

    def event(name: str, effect: object, source: str, **rest: object) -> Event:
        return Event(name, "vmm", effect, interrupts=("vcpu",), at=("vmm",), source=source, **rest)  # type: ignore[arg-type]

    all_of_it = BASE | AVX | PKRU | XTILECFG | XTILEDATA
    xcr0 = {"value": (BASE | AVX, BASE | AVX | PKRU, all_of_it)}
    program = program.replaced_event(
        "KVM_SET_XSAVE", effect=set_xsave, when=can_set_xsave, choose={"xstate_bv": (0, SSE)}
    )
    for each in (
        event(
            "KVM_SET_XCRS",
            set_xcrs,
            f"{X86} kvm_vcpu_ioctl_x86_set_xcrs()",
            when=xcr0_is_new,
            choose=xcr0,
        ),
        event(
            "KVM_SET_MSRS of IA32_XSS",
            set_xss,
            f"{X86} kvm_set_msr_common()",
            when=xss_is_new,
            choose={"value": (0, CET_U | CET_S)},
        ),
        event(
            "KVM_SET_MSRS of TSC_AUX",
            set_tsc_aux_unseen,
            "linux:arch/x86/kvm/svm/svm.c svm_set_msr()",
            when=tsc_aux_is_lost,
        ),
        event(
            "KVM_GET_XSAVE",
            get_xsave,
            f"{X86} kvm_vcpu_ioctl_x86_get_xsave()",
            when=is_protected,
        ),
    ):
        program = program.with_event(each)
    return program
