# SPDX-License-Identifier: Apache-2.0
"""What a protected guest does with extended state: most of it without KVM, which sees only what the guest tells it.

CR4 is the guest's own, so no event asks KVM's copy of it. A SEV-ES guest writes XCR0 as the processor allows, whatever
CPUID KVM shows it; a TD within XFAM.
Source: arch/x86/kvm/svm/sev.c (which accesses are intercepted); the GHCB specification, "VMGEXIT" state.
"""

from functools import partial

from xsavvy.checker import Event, Program
from xsavvy.isa.components import AVX, CET_S, CET_U, PKRU, SSE, X87, XTILECFG
from xsavvy.kvm.rules import set_xss_ok
from xsavvy.model.constants import Constants
from xsavvy.model.guest import guest_event, guest_events
from xsavvy.model.values import Exit, Value

from .machine import ProtectedMachine
from .sev import tsc_aux_is_virtualized

__all__ = ["at_vmexit_of", "vmgexit_with_xss", "with_guest", "wrmsr_xss_unseen"]

BASE = X87 | SSE
OWN_XCR0 = (BASE, BASE | AVX | PKRU)
TOLD_XCR0 = (BASE, BASE | AVX | PKRU, BASE | AVX | XTILECFG)
XSS = (0, CET_U | CET_S)
GHCB = "linux:arch/x86/kvm/svm/sev.c sev_es_sync_from_ghcb()"


def can_wrpkru(s: ProtectedMachine, k: Constants) -> bool:
    """The guest has protection keys if the processor, and for a TD its XFAM, has them."""
    return s.vcpu_exit == Exit.NONE and k.own_xcr0 & PKRU != 0


def xcr0_changes(s: ProtectedMachine, k: Constants, value: int) -> bool:
    """XSETBV does not exit: the processor or the TDX module checks the value."""
    return s.vcpu_exit == Exit.NONE and value != s.ghost_xcr0 and value & ~k.own_xcr0 == 0


def xsetbv(s: ProtectedMachine, k: Constants, value: int) -> None:
    """Write XCR0."""
    s.hw_xcr0[s.cpu] = value
    s.ghost_xcr0 = value


def xss_changes(s: ProtectedMachine, k: Constants, value: int) -> bool:
    """WRMSR of IA32_XSS that is not intercepted is checked by the processor or the TDX module."""
    return s.vcpu_exit == Exit.NONE and value != s.ghost_xss and value & ~k.own_xss == 0


def wrmsr_xss(s: ProtectedMachine, k: Constants, value: int) -> None:
    """Write IA32_XSS."""
    s.hw_xss[s.cpu] = value
    s.ghost_xss = value


def xss_is_accepted(s: ProtectedMachine, k: Constants, value: int) -> bool:
    """An intercepted WRMSR reaches KVM by way of the guest's #VC handler; KVM takes what it offers."""
    return s.vcpu_exit == Exit.NONE and value != s.ghost_xss and set_xss_ok(value, k.guest_xss) != 0


def wrmsr_xss_by_vmgexit(s: ProtectedMachine, k: Constants, value: int) -> None:
    """Ask KVM to write IA32_XSS; KVM says that it is done."""
    s.vcpu_exit = Exit.WRMSR_XSS
    s.vcpu_exit_value = value
    s.ghost_xss = value


def tell_xcr0(s: ProtectedMachine, k: Constants, value: int) -> None:
    """Supply a value as XCR0 in the GHCB: the guest's own, another one, or one that no processor has."""
    s.vcpu_exit = Exit.XSETBV
    s.vcpu_exit_value = value


def tell_xss(s: ProtectedMachine, k: Constants, value: int) -> None:
    """Supply a value as IA32_XSS in the GHCB."""
    s.vcpu_exit = Exit.WRMSR_XSS
    s.vcpu_exit_value = value


def owns_tsc_aux(s: ProtectedMachine, k: Constants) -> bool:
    """WRMSR of TSC_AUX needs no exit where the processor switches the register with the guest."""
    return (
        s.vcpu_exit == Exit.NONE and tsc_aux_is_virtualized(s, k) and s.ghost_tsc_aux != Value.GUEST
    )


def wrmsr_tsc_aux(s: ProtectedMachine, k: Constants) -> None:
    """Write TSC_AUX."""
    s.hw_tsc_aux[s.cpu] = Value.GUEST
    s.ghost_tsc_aux = Value.GUEST


def vmgexit_with_xss() -> Event:
    """Return the VMGEXIT that carries IA32_XSS, for kernels that look at it."""
    return guest_event(
        "svm_vcpu_run", "VMGEXIT with IA32_XSS", tell_xss, choose={"value": XSS}, source=GHCB
    )


def wrmsr_xss_unseen(program: Program, source: str) -> Program:
    """Let the guest write IA32_XSS without an exit."""
    return program.replaced_event(
        "WRMSR IA32_XSS", effect=wrmsr_xss, when=xss_changes, source=source
    )


def at_vmexit_of(program: Program, vendor_run: str) -> Program:
    """Let the guest run where `vendor_run` has it in guest mode."""
    for event in guest_events(vendor_run):
        program = program.replaced_event(event.name, at=event.at)
    return program.replaced_event("WRMSR TSC_AUX", at=(f"{vendor_run}.vmexit",))


def with_guest(program: Program, vmx: bool) -> Program:
    """Make the guest's events those of a protected one."""
    event = partial(guest_event, "vmx_vcpu_run" if vmx else "svm_vcpu_run")
    told = event("VMGEXIT with XCR0", tell_xcr0, choose={"value": TOLD_XCR0}, source=GHCB)
    tsc_aux = event(
        "WRMSR TSC_AUX",
        wrmsr_tsc_aux,
        when=owns_tsc_aux,
        source="sdm:WRMSR; apm:TSC_AUX Virtualization",
    )
    program = (
        program.replaced_event("write XMM", choose={"value": (Value.GUEST,)})
        .replaced_event("WRPKRU by guest", when=can_wrpkru, choose={"value": (Value.GUEST,)})
        .replaced_event("XSETBV", effect=xsetbv, when=xcr0_changes, choose={"value": OWN_XCR0})
        .with_event(tsc_aux)
    )
    if vmx:
        return wrmsr_xss_unseen(program, "tdx:IA32_XSS is checked against XFAM")
    return program.with_event(told).replaced_event(
        "WRMSR IA32_XSS",
        effect=wrmsr_xss_by_vmgexit,
        when=xss_is_accepted,
        source="linux:arch/x86/kvm/svm/svm.c svm_set_msr(), by way of the GHCB",
    )
