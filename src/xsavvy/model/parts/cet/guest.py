# SPDX-License-Identifier: Apache-2.0
"""What a guest with CET can do: write its MSRs, move its shadow stack, set the two control bits.

RDMSR and WRMSR of U_CET, S_CET and the PLx_SSP do not exit for a guest that has the feature; INT_SSP_TAB always
exits. An access that faults is left out.
Source: arch/x86/kvm/vmx/vmx.c vmx_recalc_msr_intercepts(), arch/x86/kvm/svm/svm.c svm_recalc_msr_intercepts();
commits 25f3840483e6, 38c46bdbf998.
"""

from functools import partial

from xsavvy.checker import Event
from xsavvy.isa.components import CET_U
from xsavvy.kvm.cet import (
    CR0_WP,
    CR4_CET,
    ENDBR_EN,
    RESERVED_BITS,
    SHSTK,
    SHSTK_EN,
    cr_pair_ok,
    u_s_cet_ok,
)
from xsavvy.model.constants import Constants
from xsavvy.model.guest import guest_event
from xsavvy.model.values import Exit, Value

from .machine import CetExit, CetMachine, Instruction

__all__ = [
    "bits",
    "cet_guest_events",
    "legal",
    "mov_owned_cr4",
    "write_pl0_ssp",
    "write_s_cet",
    "write_u_cet",
]

OWN = (Value.INIT, Value.GUEST, Value.GUEST2)
INSTRUCTIONS = tuple(each for each in Instruction if each is not Instruction.NONE)


def bits(value: int) -> int:
    """Return what a value stands for in U_CET or S_CET: the guest's two are legal, somebody else's is reserved bits."""
    if value == Value.GUEST:
        return SHSTK_EN
    if value == Value.OTHER:
        return RESERVED_BITS
    return ENDBR_EN if value == Value.GUEST2 else 0


def legal(k: Constants, value: int) -> bool:
    """The processor's rule and KVM's are one: a feature's bits need the feature."""
    return u_s_cet_ok(bits(value), k.guest_cet) != 0


def u_cet_changes(s: CetMachine, k: Constants, value: int) -> bool:
    """U_CET is there with either feature."""
    return (
        s.vcpu_exit == Exit.NONE and k.guest_cet != 0 and value != s.ghost_cet_u and legal(k, value)
    )


def write_u_cet(s: CetMachine, k: Constants, value: int) -> None:
    """Write U_CET (and PL3_SSP, which goes with it)."""
    s.hw_cet_u[s.cpu] = value
    s.hw_xinuse[s.cpu] |= CET_U
    s.ghost_cet_u = value


def pl0_ssp_changes(s: CetMachine, k: Constants, value: int) -> bool:
    """PL0_SSP is there with shadow stacks."""
    return s.vcpu_exit == Exit.NONE and k.guest_cet & SHSTK != 0 and value != s.ghost_cet_s


def write_pl0_ssp(s: CetMachine, k: Constants, value: int) -> None:
    """Write PL0_SSP (and PL1_SSP and PL2_SSP, which go with it)."""
    s.hw_cet_s[s.cpu] = value
    s.ghost_cet_s = value


def s_cet_changes(s: CetMachine, k: Constants, value: int) -> bool:
    """S_CET is there with either feature."""
    return (
        s.vcpu_exit == Exit.NONE and k.guest_cet != 0 and value != s.ghost_s_cet and legal(k, value)
    )


def write_s_cet(s: CetMachine, k: Constants, value: int) -> None:
    """Write S_CET."""
    s.hw_s_cet[s.cpu] = value
    s.ghost_s_cet = value


def ssp_moves(s: CetMachine, k: Constants, value: int) -> bool:
    """SSP moves while shadow stacks are on, a handler of SMIs' own included; outside 64-bit mode it stays low."""
    on = s.ghost_s_cet == Value.GUEST and s.vcpu_cr4_cet != 0
    if (not on and s.vcpu_smm == 0) or s.vcpu_exit != Exit.NONE or k.guest_cet & SHSTK == 0:
        return False
    return value != s.ghost_ssp and (s.vcpu_compat == 0 or value != Value.GUEST2)


def move_ssp(s: CetMachine, k: Constants, value: int) -> None:
    """Call or return: SSP moves."""
    s.hw_ssp[s.cpu] = value
    s.ghost_ssp = value


def ssp_tab_changes(s: CetMachine, k: Constants, value: int) -> bool:
    """INT_SSP_TAB is there with shadow stacks."""
    return s.vcpu_exit == Exit.NONE and k.guest_cet & SHSTK != 0 and value != s.ghost_ssp_tab


def write_ssp_tab(s: CetMachine, k: Constants, value: int) -> None:
    """Write INT_SSP_TAB: always exits."""
    s.vcpu_exit = CetExit.WRMSR_INT_SSP_TAB
    s.vcpu_msr_operand = value


# Control registers.


def cr_changes(s: CetMachine, k: Constants, cr0: int, cr4: int) -> bool:
    """CR4.CET is reserved without either feature; one MOV changes one register."""
    one = cr0 == s.vcpu_cr0 or cr4 == s.vcpu_cr4_cet
    changed = cr0 != s.vcpu_cr0 or cr4 != s.vcpu_cr4_cet
    return s.vcpu_exit == Exit.NONE and k.guest_cet != 0 and one and changed


def mov_cr(s: CetMachine, k: Constants, cr0: int, cr4: int) -> None:
    """Write CR0 or CR4: exits."""
    s.vcpu_exit = CetExit.MOV_CR
    s.vcpu_cr0_operand = cr0
    s.vcpu_cr4_operand = cr4


def mov_owned_cr4(s: CetMachine, k: Constants, cr0: int, cr4: int) -> None:
    """Write CR0, which exits, or CR4, of which the guest owns CET: the processor checks the pair itself.

    Source: commit d292035fb5d2.
    """
    if cr0 != s.vcpu_cr0:
        mov_cr(s, k, cr0, cr4)
    elif cr_pair_ok(cr0, cr4):
        s.vcpu_cr4_cet = cr4


# What KVM has to do for the guest.


def far_jump_matters(s: CetMachine, k: Constants, user: int) -> bool:
    """A far jump leaves 64-bit mode once; with a high SSP only where shadow stacks are on."""
    enabled = s.ghost_cet_u if user else s.ghost_s_cet
    return s.vcpu_compat == 0 and (s.ghost_ssp != Value.GUEST2 or enabled == Value.GUEST)


def can_be_emulated(s: CetMachine, k: Constants, instruction: int, user: int) -> bool:
    """Any instruction may touch MMIO or be one that this KVM cannot leave to the processor."""
    if s.vcpu_exit != Exit.NONE or k.guest_cet == 0:
        return False
    return instruction != Instruction.FAR_JMP or far_jump_matters(s, k, user)


def exit_for_emulation(s: CetMachine, k: Constants, instruction: int, user: int) -> None:
    """Exit with an instruction that KVM must emulate."""
    s.vcpu_exit = CetExit.EMULATE
    s.vcpu_instruction = instruction
    s.vcpu_user = user


def smi_possible(s: CetMachine, k: Constants) -> bool:
    """In system management mode further SMIs wait."""
    return s.vcpu_exit == Exit.NONE and s.vcpu_smm == 0


def smi(s: CetMachine, k: Constants) -> None:
    """Let another CPU or a device send a system management interrupt."""
    s.vcpu_exit = CetExit.SMI


def in_smm(s: CetMachine, k: Constants) -> bool:
    """RSM is for system management mode."""
    return s.vcpu_exit == Exit.NONE and s.vcpu_smm != 0


def rsm(s: CetMachine, k: Constants) -> None:
    """Resume from system management mode: KVM emulates it."""
    s.vcpu_exit = CetExit.RSM


def cet_guest_events(vendor_run: str) -> tuple[Event, ...]:
    """Return the events of a guest with CET; `vendor_run` names the path whose `vmexit` step ends guest mode."""
    event = partial(guest_event, vendor_run)
    msr = 'sdm:"IA32_U_CET, IA32_S_CET, IA32_PLx_SSP"; commit 25f3840483e6'

    pointers = (Value.INIT, Value.GUEST)
    registers = {"cr0": (0, CR0_WP), "cr4": (0, CR4_CET)}
    emulated = {"instruction": INSTRUCTIONS, "user": (0, 1)}
    return (
        event("WRMSR U_CET", write_u_cet, when=u_cet_changes, choose={"value": OWN}, source=msr),
        event(
            "WRMSR PL0_SSP",
            write_pl0_ssp,
            when=pl0_ssp_changes,
            choose={"value": pointers},
            source=msr,
        ),
        event("WRMSR S_CET", write_s_cet, when=s_cet_changes, choose={"value": OWN}, source=msr),
        event(
            "shadow stack moves",
            move_ssp,
            when=ssp_moves,
            choose={"value": OWN},
            source='sdm:"Shadow Stacks"',
        ),
        event(
            "WRMSR INT_SSP_TAB",
            write_ssp_tab,
            when=ssp_tab_changes,
            choose={"value": pointers},
            source="linux:arch/x86/kvm/vmx/vmx.c (always intercepted)",
        ),
        event("MOV CR", mov_cr, when=cr_changes, choose=registers, source="sdm:MOV to CR0, CR4"),
        event(
            "exit for emulation",
            exit_for_emulation,
            when=can_be_emulated,
            choose=emulated,
            source="linux:arch/x86/kvm/x86.c x86_emulate_instruction()",
        ),
        event("SMI", smi, when=smi_possible, source='sdm:"SMM"; process_smi()'),
        event("RSM", rsm, when=in_smm, source="sdm:RSM"),
    )
