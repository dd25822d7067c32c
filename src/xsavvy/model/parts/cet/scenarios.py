# SPDX-License-Identifier: Apache-2.0
"""Scenarios of CET: the switch, the ioctls, INIT, the control registers, SMIs, the emulator."""

from collections.abc import Mapping
from typing import Any

from xsavvy.isa.components import CET_S, CET_U
from xsavvy.model.scenario import Scenario

__all__ = ["LEADS_TO", "SCENARIOS"]

BOTH = CET_U | CET_S
SCHEDULER = ("preemption", "wake-up of the vCPU thread")

COMMON: Mapping[str, Any] = {
    "part": "cet",
    "cpus": 1,
    "needs_xss": BOTH,
    "stand_in": {True: "sapphire-rapids", False: "genoa"},
}

SCENARIOS = (
    Scenario(
        "cet",
        "Does a guest with CET keep U_CET, the shadow stack pointers and S_CET, and the host its own?",
        events=(
            "WRMSR U_CET",
            "WRMSR PL0_SSP",
            "WRMSR S_CET",
            "external interrupt",
            "exit to userspace",
            "softirq",
            "softirq at irq_exit",
            *SCHEDULER,
        ),
        properties=(
            "kernel_survives",
            "guest_finds_its_cet_state",
            "host_runs_on_its_own_s_cet",
            "tasks_find_their_shadow_stacks",
            "guest_fpstate_is_swapped_in_pairs",
        ),
        witnesses=("guest_uses_cet", "other_task_runs", "vcpu_is_preempted"),
        leaves_out="SSP and INT_SSP_TAB (cet-supervisor has them), a second CPU, IA32_XSS (xss has it)",
        source="seed 003; commit d6c387fc396b; linux:arch/x86/kernel/fpu/core.c fpu_swap_kvm_fpstate()",
        **COMMON,
    ),
    Scenario(
        "cet-supervisor",
        "Do SSP and INT_SSP_TAB follow the guest, through exits and SMIs?",
        events=(
            "WRMSR S_CET",
            "shadow stack moves",
            "WRMSR INT_SSP_TAB",
            "SMI",
            "RSM",
            "KVM_GET_ONE_REG",
            "KVM_SET_ONE_REG",
            "exit to userspace",
        ),
        properties=(
            "guest_finds_its_cet_state",
            "host_runs_on_its_own_s_cet",
            "userspace_reads_the_guests_cet_state",
            "written_cet_state_arrives",
            "cet_needs_write_protection",
        ),
        witnesses=("guest_uses_supervisor_cet", "smm_has_its_own_shadow_stack"),
        leaves_out="interruptions (no register here is in an image), an SMI handler that changes CR0, its own S_CET",
        source="linux:arch/x86/kvm/vmx/vmx.c vmx_set_msr(), vmx_recalc_msr_intercepts(); commit 1a61bd0d126a",
        **COMMON,
    ),
    Scenario(
        "cet-msrs",
        "Do the ioctls read and write the CET registers that the guest has, whoever took the FPU meanwhile?",
        events=(
            "WRMSR U_CET",
            "WRMSR PL0_SSP",
            "KVM_GET_MSRS",
            "KVM_SET_MSRS",
            "KVM_SET_MSRS of reserved bits",
            "exit to userspace",
            "softirq",
            *SCHEDULER,
        ),
        properties=(
            "kernel_survives",
            "guest_finds_its_cet_state",
            "userspace_reads_the_guests_cet_state",
            "written_cet_state_arrives",
            "tasks_find_their_shadow_stacks",
            "guest_fpstate_is_swapped_in_pairs",
        ),
        witnesses=("userspace_has_read_cet", "other_task_runs"),
        leaves_out="WRMSR of S_CET by the guest, SSP (cet-supervisor has it), a second CPU, addresses that KVM refuses",
        source="linux:arch/x86/kvm/msrs.c __msr_io(), kvm_set_xstate_msr(); commit e44eb58334bb",
        **COMMON,
    ),
    Scenario(
        "cet-init",
        "Does INIT zero the guest's CET state wherever KVM processes it, and break nothing?",
        events=(
            "WRMSR U_CET",
            "WRMSR S_CET",
            "INIT",
            "KVM_GET_MP_STATE",
            "exit to userspace",
            *SCHEDULER,
        ),
        properties=(
            "kernel_survives",
            "guest_finds_its_registers",
            "guest_finds_its_cet_state",
            "tasks_find_their_registers",
            "tasks_find_their_shadow_stacks",
            "guest_fpstate_is_swapped_in_pairs",
            "cet_needs_write_protection",
        ),
        witnesses=("init_in_kvm_run", "init_outside_kvm_run"),
        leaves_out="SIPI and the wait for it (the vCPU is the boot processor), softirqs, a second CPU",
        source="linux:arch/x86/kvm/x86.c kvm_xstate_reset(); commits 8819a49f9ff8, 9bc610b6a2a7",
        **COMMON,
    ),
    Scenario(
        "mpx-init",
        "Does INIT take the guest's registers out only when they are in, on a machine with MPX?",
        events=("write XMM", "INIT", "KVM_GET_MP_STATE", "exit to userspace", *SCHEDULER),
        properties=(
            "kernel_survives",
            "guest_finds_its_registers",
            "tasks_find_their_registers",
            "guest_fpstate_is_swapped_in_pairs",
        ),
        witnesses=("init_in_kvm_run",),
        leaves_out="the contents of MPX registers, SIPI, softirqs, a second CPU; it is about machines with MPX",
        source="commits a554d207dc46, f958bd2314d1",
        part="cet",
        cpus=1,
        default=False,
        stand_in={True: "skylake-sp", False: "skylake-sp"},
    ),
    Scenario(
        "cet-control",
        "Is CR4.CET set only with CR0.WP, after MOV, KVM_SET_SREGS, SMIs and INIT?",
        events=("MOV CR", "KVM_SET_SREGS", "INIT", "KVM_GET_MP_STATE", "exit to userspace"),
        properties=("cet_needs_write_protection", "kernel_survives"),
        witnesses=("guest_turned_cet_on",),
        leaves_out="a KVM_SET_SREGS whose CR0 and CR4 contradict each other, SMIs (cet-supervisor has them)",
        source="linux:arch/x86/kvm/regs.c kvm_set_cr0(), kvm_set_cr4(), __set_sregs(); commit 586ef9dcbb28",
        **COMMON,
    ),
    Scenario(
        "cet-emulator",
        "Does an instruction that KVM emulates leave CET state as the processor would?",
        events=(
            "WRMSR U_CET",
            "WRMSR S_CET",
            "shadow stack moves",
            "exit for emulation",
            "exit to userspace",
        ),
        properties=(
            "guest_finds_its_cet_state",
            "written_cet_state_arrives",
            "host_runs_on_its_own_s_cet",
            "ssp_fits_the_mode",
        ),
        witnesses=("guest_left_64_bit_mode",),
        leaves_out="interruptions, SSP of the other privilege, an ENDBR that follows, the way back to 64-bit mode",
        source="commits 57c3db7e2e26, 82c0ec028258, d4c03f63957c",
        **COMMON,
    ),
    Scenario(
        "cet-two-cpus",
        "Do U_CET and the shadow stack pointers follow a guest that moves between two CPUs?",
        events=(
            "WRMSR U_CET",
            "WRMSR PL0_SSP",
            "exit to userspace",
            "migration",
            "migration in user mode",
        ),
        properties=(
            "kernel_survives",
            "guest_finds_its_cet_state",
            "host_runs_on_its_own_s_cet",
            "tasks_find_their_shadow_stacks",
        ),
        witnesses=("guest_uses_u_cet",),
        leaves_out="softirqs, the other task, WRMSR of S_CET, SSP and INT_SSP_TAB",
        source=(
            "linux:arch/x86/kernel/fpu/core.c switch_fpu_return(); "
            "linux:arch/x86/kvm/vmx/vmx.c vmx_recalc_msr_intercepts()"
        ),
        default=False,
        **{**COMMON, "cpus": 2},
    ),
    Scenario(
        "cet-emulator-preempted",
        "Does the emulator read the guest's U_CET, whoever took the FPU meanwhile?",
        events=("WRMSR U_CET", "exit for emulation", *SCHEDULER),
        properties=("guest_finds_its_cet_state", "written_cet_state_arrives"),
        witnesses=("guest_turned_cet_on", "other_task_runs"),
        leaves_out="S_CET and SSP of the guest, softirqs, exits to userspace but for what is refused",
        source="linux:arch/x86/kvm/fpu.h kvm_fpu_get(); commit 57c3db7e2e26",
        default=False,
        **COMMON,
    ),
)

LEADS_TO: Mapping[str, tuple[str, ...]] = {
    "KVM_GET_MSRS": (
        "kvm_msrs",
        "msrs_load_guest_fpu",
        "__kvm_set_msr",
        "access_u_cet",
        "access_pl0_ssp",
        "access_s_cet",
        "msrs_put_guest_fpu",
        "ioctl_done",
    ),
    "KVM_GET_ONE_REG": ("kvm_get_set_one_reg",),
    "KVM_GET_MP_STATE": (
        "kvm_get_mp_state",
        "mp_load_guest_fpu",
        "mp_accept_events",
        "mp_state_done",
        "mp_put_guest_fpu",
    ),
    "INIT": (
        "kvm_vcpu_reset",
        "reset_put_guest_fpu",
        "clear_components",
        "reset_load_guest_fpu",
        "vcpu_reset",
    ),
    "WRMSR INT_SSP_TAB": ("set_msr_ssp_tab",),
    "MOV CR": ("kvm_set_cr",),
    "SMI": ("enter_smm", "leave_smm"),
    "exit for emulation": ("x86_emulate_instruction", "kvm_task_switch"),
}
"""Paths that only these events lead to."""
