# SPDX-License-Identifier: Apache-2.0
"""What must be true of CET state in every reachable state, and what must be seen.

The letters P1 to P29 are those of the list that the upstream bugs led to.
"""

from xsavvy.checker import Property, Witness
from xsavvy.isa.components import CET_U
from xsavvy.kvm.cet import CR4_CET, SHSTK, cr_pair_ok
from xsavvy.model.constants import Constants
from xsavvy.model.properties import in_guest, task_has_control, vcpu_has_control
from xsavvy.model.values import GUEST_MODE, USER_MODE, Exit, Value

from .machine import CetMachine, Ioctl

__all__ = ["PROPERTIES", "WITNESSES"]


def guest_state(s: CetMachine, k: Constants) -> bool:
    """P4, P10: in guest mode every CET register holds what the guest put there, and no ENDBR was forgotten."""
    if not in_guest(s, k) or k.guest_cet == 0:
        return True
    if s.hw_cet_u[s.cpu] != s.ghost_cet_u or s.hw_s_cet[s.cpu] != s.ghost_s_cet:
        return False
    if k.guest_cet & SHSTK and s.hw_cet_s[s.cpu] != s.ghost_cet_s:
        return False
    if s.hw_ssp[s.cpu] != s.ghost_ssp or s.hw_ssp_tab[s.cpu] != s.ghost_ssp_tab:
        return False
    return s.ghost_wait_endbr == 0


def host_s_cet(s: CetMachine, k: Constants) -> bool:
    """P12: the host runs on its own S_CET, everywhere; SSP and INT_SSP_TAB are zero."""
    if in_guest(s, k):
        return True
    return s.hw_s_cet[s.cpu] == k.host_s_cet and s.hw_ssp[s.cpu] == Value.INIT


def task_state(s: CetMachine, k: Constants) -> bool:
    """P4, P10: a task in user mode finds its own U_CET and PL3_SSP, and zero in the PLx_SSP below."""
    if k.host_xss & CET_U == 0:
        return True
    if vcpu_has_control(s, k) and s.vcpu_context & USER_MODE:
        return s.hw_cet_u[s.cpu] == Value.VMM and s.hw_cet_s[s.cpu] == Value.INIT
    if task_has_control(s, k) and s.task_context & USER_MODE:
        return s.hw_cet_u[s.cpu] == Value.OTHER and s.hw_cet_s[s.cpu] == Value.INIT
    return True


def matches(read: int, real: int) -> bool:
    """Nothing was read, or the right value."""
    return read == Value.ANY or read == real


def userspace_reads(s: CetMachine, k: Constants) -> bool:
    """P13: what userspace reads is what the guest has."""
    return (
        matches(s.uapi_cet_u, s.ghost_cet_u)
        and matches(s.uapi_cet_s, s.ghost_cet_s)
        and matches(s.uapi_s_cet, s.ghost_s_cet)
        and matches(s.uapi_ssp, s.ghost_ssp)
    )


def fields_arrive(s: CetMachine, k: Constants) -> bool:
    """P26: with no exit pending, the VMCS or VMCB holds what the guest, or userspace for it, wrote."""
    if s.vcpu_exit != Exit.NONE or s.vcpu_context & GUEST_MODE:
        return True
    return (
        s.vmcs_s_cet == s.ghost_s_cet
        and s.vmcs_ssp == s.ghost_ssp
        and s.vmcs_ssp_tab == s.ghost_ssp_tab
    )


def registers_agree(s: CetMachine, k: Constants) -> bool:
    """P16: CR4.CET is never set without CR0.WP."""
    return cr_pair_ok(s.vcpu_cr0, s.vcpu_cr4_cet) != 0


def ssp_fits(s: CetMachine, k: Constants) -> bool:
    """P16: outside 64-bit mode SSP lies below 4 GiB."""
    return s.vcpu_compat == 0 or s.vmcs_ssp != Value.GUEST2


# Witnesses.


def shadow_stacks_used(s: CetMachine, k: Constants) -> bool:
    """The guest runs on its own U_CET, PL0_SSP and S_CET."""
    return (
        in_guest(s, k)
        and s.hw_cet_u[s.cpu] == Value.GUEST
        and s.hw_cet_s[s.cpu] == Value.GUEST
        and s.hw_s_cet[s.cpu] == Value.GUEST
    )


def u_cet_used(s: CetMachine, k: Constants) -> bool:
    """The guest runs on its own U_CET and PL0_SSP, on the second CPU."""
    return (
        in_guest(s, k)
        and s.cpu == 1
        and s.hw_cet_u[s.cpu] == Value.GUEST
        and s.hw_cet_s[s.cpu] == Value.GUEST
    )


def supervisor_state_used(s: CetMachine, k: Constants) -> bool:
    """The guest runs on its own SSP and INT_SSP_TAB."""
    return (
        in_guest(s, k)
        and s.hw_ssp[s.cpu] == Value.GUEST2
        and s.hw_ssp_tab[s.cpu] == Value.GUEST
        and s.vcpu_exit == Exit.NONE
    )


def userspace_has_read(s: CetMachine, k: Constants) -> bool:
    """Userspace has read a value of the guest in each component."""
    return s.uapi_cet_u == Value.GUEST and s.uapi_cet_s == Value.GUEST


def init_outside_run(s: CetMachine, k: Constants) -> bool:
    """An INIT is processed in KVM_GET_MP_STATE."""
    return s.vcpu_ioctl == Ioctl.GET_MP_STATE and s.vcpu_init_in_use == 0 and s.ghost_cet_u != 0


def init_in_run(s: CetMachine, k: Constants) -> bool:
    """An INIT is processed in KVM_RUN, with the guest's registers in the CPU."""
    return s.vcpu_ioctl == Ioctl.RUN and s.vcpu_init_in_use != 0


def smm_has_its_own_ssp(s: CetMachine, k: Constants) -> bool:
    """The handler of an SMI runs on a shadow stack of its own."""
    return in_guest(s, k) and s.vcpu_smm != 0 and s.hw_ssp[s.cpu] != s.ghost_smm_ssp


def cet_is_on(s: CetMachine, k: Constants) -> bool:
    """The guest runs with CR4.CET set."""
    return in_guest(s, k) and s.vcpu_cr4_cet & CR4_CET != 0


def compatibility_mode(s: CetMachine, k: Constants) -> bool:
    """An emulated far jump took the guest out of 64-bit mode with shadow stacks on."""
    return in_guest(s, k) and s.vcpu_compat != 0 and s.hw_s_cet[s.cpu] == Value.GUEST


PROPERTIES = (
    Property(
        "guest_finds_its_cet_state",
        "In guest mode every CET register holds what the guest put there, and what the processor would have done.",
        guest_state,
        source="P4, P10; linux:arch/x86/kernel/fpu/core.c fpu_swap_kvm_fpstate(); commit d6c387fc396b",
        witness="guest_uses_cet",
        mutant="the swap has no component 12",
    ),
    Property(
        "host_runs_on_its_own_s_cet",
        "Outside guest mode S_CET is the host's, and SSP is zero.",
        host_s_cet,
        source="P12; linux:arch/x86/kvm/vmx/vmx.c vmx_set_constant_host_state()",
        witness="guest_uses_cet",
        mutant="HOST_S_CET is not loaded",
    ),
    Property(
        "tasks_find_their_shadow_stacks",
        "A host task in user mode finds its own U_CET and PL3_SSP, and zero in PL0_SSP to PL2_SSP.",
        task_state,
        source="P4, P10; linux:arch/x86/kvm/msrs.c __msr_io(); linux:arch/x86/kernel/fpu/core.c fpu_swap_kvm_fpstate()",
        witness="other_task_runs",
        mutant="the user's CET state is not put back",
    ),
    Property(
        "userspace_reads_the_guests_cet_state",
        "What KVM_GET_MSRS and KVM_GET_ONE_REG return is what the guest has.",
        userspace_reads,
        source="P13, P6; commit e44eb58334bb",
        witness="userspace_has_read_cet",
        mutant="U_CET is read without a reload",
    ),
    Property(
        "written_cet_state_arrives",
        "The VMCS or VMCB holds the S_CET, SSP and INT_SSP_TAB that the guest should find.",
        fields_arrive,
        source="P26; linux:arch/x86/kvm/vmx/vmx.c vmx_set_msr()",
        witness="guest_uses_supervisor_cet",
        mutant="INT_SSP_TAB is not written",
    ),
    Property(
        "cet_needs_write_protection",
        "CR4.CET is never set without CR0.WP, whoever wrote them.",
        registers_agree,
        source='P16, P29; SDM "CR4.CET"; commit 586ef9dcbb28',
        witness="guest_turned_cet_on",
        mutant="CR4.CET is not checked",
    ),
    Property(
        "ssp_fits_the_mode",
        "Outside 64-bit mode SSP lies below 4 GiB.",
        ssp_fits,
        source='P16; SDM "JMP"; commit d4c03f63957c',
        witness="guest_left_64_bit_mode",
        mutant="the far jump is not checked",
    ),
)

WITNESSES = (
    Witness(
        "guest_uses_cet", "The guest runs on its own U_CET, PL0_SSP and S_CET.", shadow_stacks_used
    ),
    Witness(
        "guest_uses_u_cet",
        "The guest runs on its own U_CET and PL0_SSP on the second CPU.",
        u_cet_used,
    ),
    Witness(
        "guest_uses_supervisor_cet",
        "The guest runs on its own SSP and INT_SSP_TAB.",
        supervisor_state_used,
    ),
    Witness(
        "userspace_has_read_cet",
        "Userspace has read CET registers of the guest in both components.",
        userspace_has_read,
    ),
    Witness("init_outside_kvm_run", "An INIT is processed in KVM_GET_MP_STATE.", init_outside_run),
    Witness(
        "init_in_kvm_run",
        "An INIT is processed in KVM_RUN, with the guest's registers in the CPU.",
        init_in_run,
    ),
    Witness(
        "smm_has_its_own_shadow_stack",
        "The handler of an SMI runs on a shadow stack of its own.",
        smm_has_its_own_ssp,
    ),
    Witness("guest_turned_cet_on", "The guest runs with CR4.CET set.", cet_is_on),
    Witness(
        "guest_left_64_bit_mode",
        "An emulated far jump took the guest out of 64-bit mode with shadow stacks on.",
        compatibility_mode,
    ),
)
