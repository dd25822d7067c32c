# SPDX-License-Identifier: Apache-2.0
"""The world switch of SEV-ES and SNP: the processor loads and stores the guest's registers in the encrypted VMSA.

Host state is of three types. A: VMRUN saves it in the host save area and VMEXIT loads it. B: VMRUN does not save it,
VMEXIT loads it, so KVM must have stored it there. C: VMEXIT resets it.
Source: arch/x86/kvm/svm/sev.c sev_es_prepare_switch_to_guest(); APM vol. 2, appendix "Layout of VMCB", swap types.
"""

from xsavvy.checker import Program
from xsavvy.isa.components import PKRU, SSE
from xsavvy.kvm.rules import set_xcr_ok
from xsavvy.model.constants import Constants
from xsavvy.model.emulate import finish
from xsavvy.model.pkru import sample_host_pkru_at_entry
from xsavvy.model.values import Value

from .designs import TscAuxRestore
from .machine import HOST_TSC_AUX, ProtectedMachine
from .userreturn import kvm_set_user_return_msr

__all__ = [
    "host_save_area_at_boot",
    "load_guest_registers",
    "store_ghcb_xcr0",
    "store_guest_registers",
    "sync_from_ghcb",
    "with_sev",
]

SEV = "linux:arch/x86/kvm/svm/sev.c"
APM = 'apm:"Layout of VMCB", swap types'


def tsc_aux_is_virtualized(s: ProtectedMachine, k: Constants) -> bool:
    """Say whether the processor switches TSC_AUX with the guest: always for a TD, by design for SEV-ES."""
    return k.is_td != 0 or k.tsc_aux_restore != TscAuxRestore.INTERCEPTED


def load_guest_registers(s: ProtectedMachine, k: Constants) -> None:
    """Load the guest's registers from its own memory, whatever KVM believes them to be.

    PKRU of a TD whose XFAM does not have it stays what it is; such a guest cannot see it.
    """
    cpu = s.cpu
    s.hw_sse[cpu] = s.vmsa_sse
    s.hw_xinuse[cpu] |= SSE
    if k.own_xcr0 & PKRU:
        s.hw_pkru[cpu] = s.vmsa_pkru
    s.hw_xcr0[cpu] = s.vmsa_xcr0
    s.hw_xss[cpu] = s.vmsa_xss
    if tsc_aux_is_virtualized(s, k):
        s.hw_tsc_aux[cpu] = s.vmsa_tsc_aux


def store_guest_registers(s: ProtectedMachine, k: Constants) -> None:
    """Store the guest's registers in its own memory."""
    cpu = s.cpu
    s.vmsa_sse = s.hw_sse[cpu]
    if k.own_xcr0 & PKRU:
        s.vmsa_pkru = s.hw_pkru[cpu]
    s.vmsa_xcr0 = s.hw_xcr0[cpu]
    s.vmsa_xss = s.hw_xss[cpu]
    if tsc_aux_is_virtualized(s, k):
        s.vmsa_tsc_aux = s.hw_tsc_aux[cpu]


def vmexit(s: ProtectedMachine, k: Constants) -> None:
    """Store the guest's registers; load type B from the host save area, reset type C."""
    cpu = s.cpu
    store_guest_registers(s, k)
    s.hw_xcr0[cpu] = s.cpu_hostsa_xcr0[cpu]
    s.hw_xss[cpu] = s.cpu_hostsa_xss[cpu]
    s.hw_pkru[cpu] = s.cpu_hostsa_pkru[cpu]
    if tsc_aux_is_virtualized(s, k):
        s.hw_tsc_aux[cpu] = s.cpu_hostsa_tsc_aux[cpu]
    s.hw_sse[cpu] = Value.INIT
    s.hw_xinuse[cpu] &= ~SSE


def prepare_tsc_aux(s: ProtectedMachine, k: Constants) -> None:
    """See to the TSC_AUX that the exit will leave, by the chosen design.

    Source: arch/x86/kvm/svm/svm.c svm_prepare_switch_to_guest(); commits 296d5a17e793, 916e3e5f26ab, 29da8c823abf.
    """
    if k.tsc_aux_restore == TscAuxRestore.CURRENT_VALUE:
        s.cpu_hostsa_tsc_aux[s.cpu] = s.cpu_uret_tsc_aux[s.cpu]
    if (
        k.tsc_aux_restore == TscAuxRestore.INTERCEPTED
        or k.tsc_aux_restore == TscAuxRestore.USER_RETURN
    ):
        kvm_set_user_return_msr(s, k, Value.INIT)


def prepare_switch_to_guest(s: ProtectedMachine, k: Constants) -> None:
    """Store the host's type B state for VMEXIT, once while the vCPU is loaded."""
    sample_host_pkru_at_entry(s, k)
    if s.vcpu_guest_loaded == 0:
        s.cpu_hostsa_xcr0[s.cpu] = k.host_xcr0
        s.cpu_hostsa_xss[s.cpu] = k.host_xss
        s.cpu_hostsa_pkru[s.cpu] = s.hw_pkru[s.cpu]
        prepare_tsc_aux(s, k)
        s.vcpu_guest_loaded = 1


def host_save_area_at_boot(s: ProtectedMachine, k: Constants) -> None:
    """Prime the TSC_AUX of each CPU's host save area when virtualization is enabled, in the design that does so."""
    if k.tsc_aux_restore == TscAuxRestore.HOST_VALUE:
        for cpu in (0, 1):
            s.cpu_hostsa_tsc_aux[cpu] = HOST_TSC_AUX


# What the guest tells KVM in the GHCB: copies, for the emulation of CPUID.


def store_ghcb_xcr0(s: ProtectedMachine, k: Constants) -> None:
    """Store the XCR0 that the guest supplies in vcpu->arch.xcr0, whatever it is."""
    s.vcpu_xcr0 = s.vcpu_exit_value
    finish(s, k)


def sync_from_ghcb(s: ProtectedMachine, k: Constants) -> None:
    """Store the XCR0 that the guest supplies in vcpu->arch.xcr0 if it is one that KVM offers; else ignore it."""
    if set_xcr_ok(s.vcpu_exit_value, k.guest_xcr0):
        s.vcpu_xcr0 = s.vcpu_exit_value
    finish(s, k)


def with_sev(program: Program) -> Program:
    """Make svm_vcpu_run() that of SEV-ES, and let KVM learn XCR0 from the GHCB."""
    return (
        program.replaced(
            "vcpu_enter_guest.prepare_switch_to_guest",
            effect=prepare_switch_to_guest,
            source=f"{SEV} sev_es_prepare_switch_to_guest()",
        )
        .replaced("svm_vcpu_run.vmrun", effect=load_guest_registers, source=APM)
        .replaced("svm_vcpu_run.vmexit", effect=vmexit, source=APM)
        .replaced(
            "kvm_emulate_xsetbv.__kvm_set_xcr",
            effect=store_ghcb_xcr0,
            to={},
            source=f"{SEV} sev_es_sync_from_ghcb()",
        )
    )
