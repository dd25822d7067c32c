# SPDX-License-Identifier: Apache-2.0
"""The launch of SEV-ES and SNP guests: KVM's state of a vCPU is copied into its VMSA and encrypted.

From then on KVM's copies mean nothing, and the page is not the host's.
Source: arch/x86/kvm/svm/sev.c sev_es_sync_vmsa(), __sev_launch_update_vmsa(), snp_launch_update_vmsa().
"""

from xsavvy.checker import Event
from xsavvy.isa.components import SSE
from xsavvy.model.constants import Constants
from xsavvy.model.values import USER_MODE, Buffer, Value
from xsavvy.model.vmm import vmm_event

from .designs import FpuConfidential, LaunchLock, SevType, VmsaResync
from .machine import Harm, ProtectedMachine, Vmsa

__all__ = [
    "is_rejected",
    "mark_launched",
    "mutex_is_free",
    "sev_es_launch",
    "snp_launch",
    "sync_vmsa",
]

SEV = "linux:arch/x86/kvm/svm/sev.c"


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
    return vmm_event(
        "KVM_SEV_LAUNCH_UPDATE_VMSA",
        launch_update_vmsa,
        when=is_sev_es,
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
