# SPDX-License-Identifier: Apache-2.0
"""The ioctls by which the VMM sets up and asks for a vCPU's registers, when those are or will be protected.

An ioctl is one step: it holds the vCPU's mutex. What it does for a protected vCPU is a question of the VM's type.
Source: arch/x86/kvm/x86.c kvm_vcpu_ioctl_x86_set_xcrs(), kvm_vcpu_ioctl_x86_get_xsave();
arch/x86/kvm/svm/svm.c sev_es_prevent_msr_access(); arch/x86/kvm/vmx/tdx.c tdx_set_msr().
"""

from xsavvy.checker import Program
from xsavvy.isa.components import AVX, CET_S, CET_U, PKRU, SSE, X87, XTILECFG, XTILEDATA
from xsavvy.kvm.protected import state_ioctl_fails
from xsavvy.kvm.rules import set_xcr_ok, set_xss_ok
from xsavvy.model import vmm
from xsavvy.model.constants import Constants
from xsavvy.model.values import Buffer, Value
from xsavvy.model.vmm import vmm_event

from .designs import ProtectedIoctl, SevType
from .launch import mutex_is_free
from .machine import ProtectedMachine
from .sev import tsc_aux_is_virtualized

__all__ = ["set_tsc_aux", "with_ioctls"]

X86 = "linux:arch/x86/kvm/x86.c"
BASE = X87 | SSE


def fails_for(s: ProtectedMachine, k: Constants) -> bool:
    """Say whether an ioctl that asks for this vCPU's registers fails: a VM of the default type has no such rule."""
    own_type = k.is_td != 0 or k.sev_type != SevType.SEV_ES_INIT
    return own_type and k.protected_ioctl == ProtectedIoctl.REFUSED


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
        vmm.store_image(s, k, xstate_bv)
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
    all_of_it = BASE | AVX | PKRU | XTILECFG | XTILEDATA
    xcr0 = {"value": (BASE | AVX, BASE | AVX | PKRU, all_of_it)}
    program = program.replaced_event(
        "KVM_SET_XSAVE", effect=set_xsave, when=can_set_xsave, choose={"xstate_bv": (0, SSE)}
    )
    for each in (
        vmm_event(
            "KVM_SET_XCRS",
            set_xcrs,
            source=f"{X86} kvm_vcpu_ioctl_x86_set_xcrs()",
            when=xcr0_is_new,
            choose=xcr0,
        ),
        vmm_event(
            "KVM_SET_MSRS of IA32_XSS",
            set_xss,
            source=f"{X86} kvm_set_msr_common()",
            when=xss_is_new,
            choose={"value": (0, CET_U | CET_S)},
        ),
        vmm_event(
            "KVM_SET_MSRS of TSC_AUX",
            set_tsc_aux_unseen,
            source="linux:arch/x86/kvm/svm/svm.c svm_set_msr()",
            when=tsc_aux_is_lost,
        ),
        vmm_event(
            "KVM_GET_XSAVE",
            get_xsave,
            source=f"{X86} kvm_vcpu_ioctl_x86_get_xsave()",
            when=is_protected,
        ),
    ):
        program = program.with_event(each)
    return program
