# SPDX-License-Identifier: Apache-2.0
"""The machine with CET: registers that an XSAVE image carries, and registers that a VMCS or VMCB carries.

U_CET and PL3_SSP are component 11 (`hw_cet_u` of the run loop), PL0_SSP to PL2_SSP component 12; S_CET, SSP and
INT_SSP_TAB are in no component, whatever the name CET_S says. Host tasks have no component 12 in their fpstates, so
the guest's fpstate alone has a field for it. The guest's first value turns shadow stacks on, its second one indirect
branch tracking; as a shadow stack pointer the second lies above 4 GiB.
"""

from enum import IntEnum
from typing import Annotated

from xsavvy.checker import Choice, Each, Flag, Init, Mask
from xsavvy.kvm.cet import CR0_WP, CR4_CET
from xsavvy.model.machine import CPUS, Machine
from xsavvy.model.values import Exit, Value

__all__ = ["CetExit", "CetMachine", "Instruction", "Ioctl"]


class CetExit(IntEnum):
    """Why the guest leaves guest mode besides the run loop's reasons."""

    WRMSR_INT_SSP_TAB = 11
    MOV_CR = 12
    EMULATE = 13
    SMI = 14
    RSM = 15
    WRMSR_U_CET = 16
    WRMSR_PL0_SSP = 17
    WRMSR_S_CET = 18


class Instruction(IntEnum):
    """An instruction that KVM's emulator meets."""

    NONE = 0
    CALL = 1
    """A near direct call: it pushes to the shadow stack."""
    INDIRECT_JMP = 2
    """A near indirect jump: an ENDBR must follow."""
    FAR_JMP = 3
    """A far jump from 64-bit to compatibility mode: indirect, and it looks at SSP."""
    FAR_CALL = 4
    """A far call: both."""
    TASK_SWITCH = 5


class Ioctl(IntEnum):
    """Which ioctl the vCPU thread is in, where the path depends on it."""

    RUN = 0
    GET_MP_STATE = 1
    GET_STATE = 2
    SET_STATE = 3


class CetMachine(Machine):
    """The run loop's machine, and what CET adds to it."""

    # Registers, per CPU.
    hw_cet_s: Annotated[list[int], Each(CPUS, Choice(Value)), "IA32_PL0_SSP to IA32_PL2_SSP"]
    hw_s_cet: Annotated[list[int], Each(CPUS, Choice(Value)), "IA32_S_CET"]
    hw_ssp: Annotated[list[int], Each(CPUS, Choice(Value)), "SSP"]
    hw_ssp_tab: Annotated[list[int], Each(CPUS, Choice(Value)), "IA32_INTERRUPT_SSP_TABLE_ADDR"]

    # Memory.
    fp_cet_s: Annotated[int, Choice(Value), "component 12 of the guest's fpstate"]
    vmcs_s_cet: Annotated[int, Choice(Value), "GUEST_S_CET of the VMCS, s_cet of the VMCB"]
    vmcs_ssp: Annotated[int, Choice(Value), "GUEST_SSP, ssp"]
    vmcs_ssp_tab: Annotated[int, Choice(Value), "GUEST_INTR_SSP_TABLE, isst_addr"]
    vmcs_host_s_cet: Annotated[int, Choice(Value), "HOST_S_CET; on SVM the host save area's"]
    smram_ssp: Annotated[int, Choice(Value), "SSP in the state-save area of SMRAM"]
    smram_cr0: Annotated[int, Mask(CR0_WP), "CR0 in it, the bit that matters"]
    smram_cr4_cet: Annotated[int, Mask(CR4_CET), "CR4 in it, the bit that matters"]

    # KVM's vCPU.
    vcpu_exit: Annotated[int, Choice(Exit, CetExit), "the exit being handled"]
    vcpu_cr0: Annotated[int, Mask(CR0_WP), "vcpu->arch.cr0, the bit that matters"]
    vcpu_cr4_cet: Annotated[int, Mask(CR4_CET), "vcpu->arch.cr4, CET"]
    vcpu_cr0_operand: Annotated[int, Mask(CR0_WP), "CR0 as the exiting MOV would leave it"]
    vcpu_cr4_operand: Annotated[int, Mask(CR4_CET), "CR4.CET as the exiting MOV would leave it"]
    vcpu_msr_operand: Annotated[int, Choice(Value), "the operand of the exiting WRMSR"]
    vcpu_instruction: Annotated[int, Choice(Instruction), "what the emulator decodes"]
    vcpu_user: Annotated[int, Flag(), "it runs at privilege 3"]
    vcpu_compat: Annotated[int, Flag(), "the guest is in compatibility mode"]
    vcpu_emulator_u_cet: Annotated[int, Choice(Value), "U_CET as the emulator read it"]
    vcpu_cet_u: Annotated[int, Choice(Value), "a copy of component 11, where the design has one"]
    vcpu_cet_s: Annotated[int, Choice(Value), "and of component 12"]
    vcpu_pending_init: Annotated[int, Flag(), "apic->pending_events has INIT"]
    vcpu_init_in_use: Annotated[int, Flag(), "INIT found the guest's fpstate installed"]
    vcpu_ioctl: Annotated[int, Choice(Ioctl), "the ioctl that the thread is in"]
    vcpu_smm: Annotated[int, Flag(), "the guest is in system management mode"]

    # What userspace passes and gets; ANY is nothing.
    uapi_value: Annotated[int, Choice(Value), "the value that userspace sets"]
    uapi_cet_u: Annotated[int, Choice(Value), Init(Value.ANY), "U_CET as userspace read it"]
    uapi_cet_s: Annotated[int, Choice(Value), Init(Value.ANY), "PL0_SSP as userspace read it"]
    uapi_s_cet: Annotated[int, Choice(Value), Init(Value.ANY), "S_CET as userspace read it"]
    uapi_ssp: Annotated[int, Choice(Value), Init(Value.ANY), "SSP as userspace read it"]

    # What should be true.
    ghost_cet_s: Annotated[int, Choice(Value), "the guest's PL0_SSP to PL2_SSP"]
    ghost_s_cet: Annotated[int, Choice(Value), "the guest's S_CET"]
    ghost_ssp: Annotated[int, Choice(Value), "the guest's SSP"]
    ghost_ssp_tab: Annotated[int, Choice(Value), "the guest's INT_SSP_TAB"]
    ghost_smm_ssp: Annotated[int, Choice(Value), "SSP of the code that an SMI interrupted"]
    ghost_wait_endbr: Annotated[int, Flag(), "an emulated indirect branch left an ENDBR due"]
