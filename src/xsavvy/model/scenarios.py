# SPDX-License-Identifier: Apache-2.0
"""Scenarios: what of the environment is let in, so that a question is answered in seconds.

The table of those that are checked when none is named, and of some that look closer; `large.py` adds the large ones.
"""

from collections.abc import Mapping

from xsavvy.isa.components import AVX, CET_S, CET_U, PKRU

from .large import large
from .scenario import (
    BASE,
    EXITS,
    KERNEL_SOFTIRQS,
    PROGRESS,
    RETURNS,
    SCHEDULER,
    SOFTIRQS,
    TILES,
    Scenario,
)
from .values import CR4_OSXSAVE, CR4_PKE

__all__ = ["SCENARIOS", "Scenario", "scenario_named"]

QUICK = (
    Scenario(
        "fpu",
        "Do the guest, the VMM and another task keep their registers, on two CPUs?",
        events=("write XMM", *EXITS, *RETURNS, *SOFTIRQS, *SCHEDULER),
        properties=(
            "kernel_survives",
            "guest_finds_its_registers",
            "tasks_find_their_registers",
            "guest_fpstate_is_swapped_in_pairs",
        ),
        witnesses=("registers_reloaded_for_guest", "other_task_runs", "vcpu_is_preempted"),
        leaves_out="a guest that changes XCR0, IA32_XSS, CR4, PKRU or XFD; NMIs (they touch no register)",
        source="kvm-xstate sections 1 and 2",
    ),
    Scenario(
        "xcr0",
        "Are XCR0 and IA32_XSS the guest's in the guest and the host's in the host?",
        events=(
            "XSETBV",
            "MOV CR4",
            *EXITS,
            "exit request",
            *KERNEL_SOFTIRQS,
            "preemption",
            "wake-up of the vCPU thread",
        ),
        properties=(
            "kernel_survives",
            "host_runs_on_host_features",
            "guest_runs_on_guest_features",
            "guest_features_are_legal",
            "tasks_find_their_registers",
        ),
        witnesses=("guest_has_its_own_xcr0", "other_task_runs", "vcpu_is_preempted"),
        leaves_out="the contents of the guest's registers (fpu has them), PKRU, XFD",
        source="kvm-xstate sections 2 and 4; known-bugs 3, 4, 5",
        guest_xcr0=BASE | AVX,
        needs_xcr0=AVX,
        tries_illegal=True,
        stand_in={True: "sapphire-rapids", False: "genoa"},
    ),
    Scenario(
        "xss",
        "Does a guest that has CET in IA32_XSS reach its own CET_U and nobody else's?",
        events=(
            "WRMSR IA32_XSS",
            "XRSTORS CET_U",
            *EXITS,
            *KERNEL_SOFTIRQS,
            "preemption",
            "wake-up of the vCPU thread",
        ),
        properties=(
            "kernel_survives",
            "host_runs_on_host_features",
            "guest_runs_on_guest_features",
            "guest_finds_its_registers",
        ),
        witnesses=("other_task_runs", "vcpu_is_preempted"),
        leaves_out="the MSR path to U_CET and S_CET, shadow stacks themselves",
        source="kvm-xstate sections 4 and 6",
        needs_xss=CET_U | CET_S,
        stand_in={True: "sapphire-rapids", False: "genoa"},
        start={"vcpu_cr4": CR4_OSXSAVE},
    ),
    Scenario(
        "pkru",
        "Is PKRU the guest's where the guest can see it, and the host's where the host uses it?",
        events=(
            "WRPKRU by guest",
            "XRSTOR PKRU",
            "MOV CR4",
            "XSETBV",
            "WRPKRU by VMM",
            *EXITS,
            "NMI",
            "preemption",
            "wake-up of the vCPU thread",
        ),
        properties=(
            "guest_sees_its_own_pkru",
            "nmi_reads_user_memory_under_host_pkru",
            "host_runs_on_host_pkru",
        ),
        witnesses=(
            "guest_has_its_own_pkru",
            "guest_cannot_reach_pkru",
            "nmi_hits_the_run_loop",
            "other_task_runs",
        ),
        leaves_out="softirqs (they touch no user memory), the other registers",
        source="seed 002; kvm-xstate section 5",
        guest_xcr0=BASE | AVX | PKRU,
        guest_keeps=BASE | AVX,
        needs_xcr0=AVX | PKRU,
        stand_in={True: "sapphire-rapids", False: "genoa"},
        start={"vcpu_cr4": CR4_OSXSAVE},
    ),
    Scenario(
        "pkru-xinuse",
        "Does the guest find XINUSE[PKRU] as it left it? (The architecture does not promise that.)",
        events=("WRPKRU by guest", "XRSTOR PKRU", *EXITS),
        properties=("guest_sees_its_own_pkru", "guest_sees_its_own_pkru_inuse"),
        witnesses=("guest_has_its_own_pkru",),
        leaves_out="everything but the guest's own accesses and exits; not among the scenarios checked by default",
        source="seed 002, the objection to WRPKRU",
        guest_xcr0=BASE | AVX | PKRU,
        guest_keeps=BASE | AVX,
        needs_xcr0=AVX | PKRU,
        stand_in={True: "sapphire-rapids", False: "genoa"},
        start={"vcpu_cr4": CR4_OSXSAVE | CR4_PKE},
        default=False,
    ),
    Scenario(
        "xfd-on-demand",
        "When may WRMSR of IA32_XFD stop exiting, if the fpstate grows on demand and that can fail?",
        events=(
            "WRMSR IA32_XFD",
            "TILELOADD",
            "AMX instruction under XFD",
            "WRMSR IA32_XFD_ERR",
            "allocation fails",
            "external interrupt",
            "exit to userspace",
            "softirq",
            "softirq at irq_exit",
            "preemption",
            "wake-up of the vCPU thread",
        ),
        properties=(
            "kernel_survives",
            "guest_finds_its_registers",
            "tasks_find_their_registers",
            "xfd_cache_is_right",
            "xfd_belongs_to_the_registers",
            "guest_runs_on_its_own_xfd",
            "host_runs_without_guest_xfd_err",
            "guest_reads_its_own_xfd_err",
            "enabled_state_has_room",
        ),
        witnesses=(
            "guest_disabled_its_tiles",
            "guest_uses_tiles",
            "guest_has_xfd_err",
            "other_task_runs",
        ),
        leaves_out="the guest's boot: it has enabled its tiles in XCR0 and disabled them by XFD; XSETBV, KVM_SET_XSAVE",
        source="seed 001",
        guest_xcr0=BASE | AVX | TILES,
        guest_keeps=BASE | AVX,
        needs_xcr0=AVX | TILES,
        vmx_only=True,
        stand_in={True: "sapphire-rapids", False: "sapphire-rapids"},
        start={"vcpu_cr4": CR4_OSXSAVE},
        booted=True,
        cpus=1,
        default=False,
    ),
    Scenario(
        "xfd",
        "Can a guest change IA32_XFD as it likes, without an exit, and nobody loses state or dies?",
        events=(
            "XSETBV",
            "WRMSR IA32_XFD",
            "TILELOADD",
            "AMX instruction under XFD",
            "WRMSR IA32_XFD_ERR",
            "KVM_SET_XSAVE",
            "allocation fails",
            "external interrupt",
            "exit to userspace",
            "softirq",
            "softirq at irq_exit",
            "preemption",
            "wake-up of the vCPU thread",
        ),
        properties=(
            "kernel_survives",
            "guest_finds_its_registers",
            "tasks_find_their_registers",
            "xfd_cache_is_right",
            "xfd_belongs_to_the_registers",
            "guest_runs_on_its_own_xfd",
            "host_runs_without_guest_xfd_err",
            "guest_reads_its_own_xfd_err",
            "enabled_state_has_room",
        ),
        witnesses=(
            "guest_disabled_its_tiles",
            "guest_uses_tiles",
            "guest_has_xfd_err",
            "other_task_runs",
        ),
        leaves_out="PKRU, CR4, signals, KVM_SET_MSRS; AVX goes with SSE",
        source="seed 001; kvm-xstate section 3; known-bugs 1",
        guest_xcr0=BASE | AVX | TILES,
        guest_keeps=BASE | AVX,
        needs_xcr0=AVX | TILES,
        vmx_only=True,
        stand_in={True: "sapphire-rapids", False: "sapphire-rapids"},
        start={"vcpu_cr4": CR4_OSXSAVE, "vcpu_xcr0": BASE | AVX},
        cpus=1,
    ),
    Scenario(
        "progress",
        "Does the guest get to run, and is every exit dealt with, whatever comes in between?",
        events=(
            "XSETBV",
            *EXITS,
            *RETURNS,
            *SOFTIRQS,
            "preemption",
            "wake-up of the vCPU thread",
        ),
        properties=("kernel_survives",),
        eventualities=PROGRESS,
        witnesses=(
            "kvm_run_is_on_its_way",
            "exit_is_pending",
            "userspace_is_asked",
            "other_task_runs",
        ),
        leaves_out="a second CPU, what the guest does with its registers; #NM has progress-xfd",
        source="known-bugs, its liveness bugs; design of KVM_RUN's loop",
        guest_xcr0=BASE | AVX,
        needs_xcr0=AVX,
        tries_illegal=True,
        stand_in={True: "sapphire-rapids", False: "genoa"},
        start={"vcpu_cr4": CR4_OSXSAVE},
        cpus=1,
    ),
    Scenario(
        "progress-xfd",
        "Can the guest's #NM handler end the #NM of XFD, or does the instruction fault for ever?",
        events=(
            "WRMSR IA32_XFD",
            "TILELOADD",
            "AMX instruction under XFD",
            "WRMSR IA32_XFD_ERR",
            "allocation fails",
            "external interrupt",
            "exit to userspace",
            "signal",
            "softirq at irq_exit",
            "preemption",
            "wake-up of the vCPU thread",
        ),
        properties=("kernel_survives",),
        eventualities=(*PROGRESS, "device_not_available_is_explained", "guest_gets_its_tiles"),
        witnesses=(
            "kvm_run_is_on_its_way",
            "exit_is_pending",
            "userspace_is_asked",
            "guest_takes_device_not_available",
            "guest_cleared_xfd",
            "other_task_runs",
        ),
        leaves_out="XSETBV (the guest has enabled its tiles), softirqs elsewhere, KVM_SET_XSAVE, a second CPU",
        source='SDM "Extended Feature Disable (XFD)"; seed 001',
        guest_xcr0=BASE | AVX | TILES,
        guest_keeps=BASE | AVX,
        needs_xcr0=AVX | TILES,
        vmx_only=True,
        stand_in={True: "sapphire-rapids", False: "sapphire-rapids"},
        start={"vcpu_cr4": CR4_OSXSAVE},
        cpus=1,
    ),
)


SCENARIOS = (*QUICK, *large(QUICK))


def scenario_named(name: str) -> Scenario | None:
    """Return the scenario of that name, if there is one."""
    return next((scenario for scenario in SCENARIOS if scenario.name == name), None)


LEADS_TO: Mapping[str, tuple[str, ...]] = {
    "XSETBV": ("kvm_emulate_xsetbv",),
    "MOV CR4": ("kvm_set_cr4",),
    "WRMSR IA32_XSS": ("set_msr_xss",),
    "WRMSR IA32_XFD": ("set_msr_xfd",),
    "WRMSR IA32_XFD_ERR": ("set_msr_xfd_err",),
    "exit request": ("cancel_injection",),
    "NMI": ("perf_nmi",),
    "softirq": ("kernel_fpu",),
    "preemption": ("context_switch", "task", "task_exit_to_user"),
}
"""Paths that only these events lead to."""


def idle_paths(scenario: Scenario) -> frozenset[str]:
    """Return the paths that a scenario does not mean to exercise."""
    return frozenset(
        path for event, paths in LEADS_TO.items() if event not in scenario.events for path in paths
    )
