# SPDX-License-Identifier: Apache-2.0
"""S_CET, SSP and INT_SSP_TAB at the border of the guest: the processor swaps them at entry and exit.

On VMX the host's values are constants in the VMCS, written once; on SVM VMRUN saves them and #VMEXIT brings them
back. The rest of CET waits until the FPU is swapped, which is safe: U_CET and the PLx_SSP act only at, or on the way
to, a lower privilege. The design that switches everything at the border instead writes them in software, beside.
Source: arch/x86/kvm/vmx/vmx.c vmx_set_constant_host_state(); SDM "Loading Guest Control Registers, Debug Registers,
and MSRs", "Loading Host Control Registers, Debug Registers, MSRs"; APM "VMRUN", "#VMEXIT".
"""

from enum import IntEnum

from xsavvy.checker import Program, Step
from xsavvy.isa.components import CET_U
from xsavvy.model.constants import Constants
from xsavvy.model.edits import label
from xsavvy.model.pkru import vmcs_load_guest_pkru, vmcs_load_host_pkru
from xsavvy.model.values import IRQS_OFF, Value

from .machine import CetMachine

__all__ = ["CetSwitch", "HostSCet", "extend_border", "leave_host_out", "switch_everything"]


class CetSwitch(IntEnum):
    """When CET state is switched."""

    VMCS_AND_FPU = 0
    ALL_AT_ENTRY = 1


class HostSCet(IntEnum):
    """What becomes the host's S_CET at an exit."""

    NOT_WRITTEN = 0
    CONSTANT = 1


def load_guest(s: CetMachine, k: Constants) -> None:
    """Enter the guest: load S_CET, SSP and INT_SSP_TAB from the guest fields; SVM saves the host's S_CET first."""
    vmcs_load_guest_pkru(s, k)
    if k.guest_cet == 0:
        return
    if k.vmx == 0:
        s.vmcs_host_s_cet = s.hw_s_cet[s.cpu]
    s.hw_s_cet[s.cpu] = s.vmcs_s_cet
    s.hw_ssp[s.cpu] = s.vmcs_ssp
    s.hw_ssp_tab[s.cpu] = s.vmcs_ssp_tab


def save_guest(s: CetMachine, k: Constants) -> None:
    """Save S_CET, SSP and INT_SSP_TAB to the guest fields."""
    s.vmcs_s_cet = s.hw_s_cet[s.cpu]
    s.vmcs_ssp = s.hw_ssp[s.cpu]
    s.vmcs_ssp_tab = s.hw_ssp_tab[s.cpu]


def load_host(s: CetMachine, k: Constants) -> None:
    """Leave the guest: save its fields, load the host's S_CET and zero SSP and INT_SSP_TAB."""
    vmcs_load_host_pkru(s, k)
    if k.guest_cet == 0:
        return
    save_guest(s, k)
    s.hw_s_cet[s.cpu] = s.vmcs_host_s_cet
    s.hw_ssp[s.cpu] = Value.INIT
    s.hw_ssp_tab[s.cpu] = Value.INIT


def leave_host_out(s: CetMachine, k: Constants) -> None:
    """Leave the guest and save its fields, but load nothing of the host."""
    vmcs_load_host_pkru(s, k)
    save_guest(s, k)


def load_guest_cet(s: CetMachine, k: Constants) -> None:
    """Write U_CET and PL0_SSP to PL3_SSP of the guest, from KVM's copies."""
    s.hw_cet_u[s.cpu] = s.vcpu_cet_u
    s.hw_cet_s[s.cpu] = s.vcpu_cet_s
    s.hw_xinuse[s.cpu] |= CET_U


def load_host_cet(s: CetMachine, k: Constants) -> None:
    """Read the guest's U_CET and PL0_SSP to PL3_SSP into KVM's copies, and zero the registers."""
    s.vcpu_cet_u = s.hw_cet_u[s.cpu]
    s.vcpu_cet_s = s.hw_cet_s[s.cpu]
    s.hw_cet_u[s.cpu] = Value.INIT
    s.hw_cet_s[s.cpu] = Value.INIT
    s.hw_xinuse[s.cpu] &= ~CET_U


def extend_border(program: Program, vmx: bool) -> Program:
    """Return the program with the processor's part of the switch."""
    enter = "vmx_vcpu_run.vmenter" if vmx else "svm_vcpu_run.vmrun"
    leave = "vmx_vcpu_run.vmexit" if vmx else "svm_vcpu_run.vmexit"
    program = program.replaced(enter, effect=load_guest)
    return program.replaced(leave, effect=load_host)


def switch_everything(program: Program, vmx: bool) -> Program:
    """Return the program with U_CET and the PLx_SSP switched around every entry, too."""
    source = "design: everything at once; arch/x86/kvm/vmx/vmx.c has no such code"
    load = Step("load_guest_cet", load_guest_cet, needs=IRQS_OFF, source=source)
    restore = Step("load_host_cet", load_host_cet, needs=IRQS_OFF, source=source)
    enter = label(program, "vmenter" if vmx else "vmrun")
    return program.inserted(load, before=enter).inserted(restore, after=label(program, "vmexit"))
