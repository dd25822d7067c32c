# SPDX-License-Identifier: Apache-2.0
"""The scenarios of the run loop's past; the first three are as good a question of today's kernels."""

from collections.abc import Mapping

from xsavvy.isa.components import AVX, PKRU, SSE, X87, XTILECFG, XTILEDATA
from xsavvy.model.scenario import KERNEL_SOFTIRQS, Scenario
from xsavvy.model.values import CR4_OSXSAVE, CR4_PKE

__all__ = ["LEADS_TO", "SCENARIOS"]

BASE = X87 | SSE
TILES = XTILECFG | XTILEDATA
ANY = {True: "sapphire-rapids", False: "genoa"}
INTEL = {True: "sapphire-rapids", False: "sapphire-rapids"}
OTHER_TASK = ("preemption", "wake-up of the vCPU thread")

SCENARIOS = (
    Scenario(
        "machine-check",
        "May a machine check arrive while the guest runs, and its handler do what it does?",
        events=(
            "XSETBV",
            "machine check",
            "machine check in user mode",
            "memory_failure sleeps",
            "external interrupt",
            "exit to userspace",
            *OTHER_TASK,
        ),
        properties=(
            "kernel_survives",
            "host_runs_on_host_features",
            "guest_runs_on_guest_features",
            "nobody_sleeps_in_atomic_context",
        ),
        witnesses=("guest_has_its_own_xcr0", "other_task_runs", "vcpu_is_switched_out"),
        leaves_out="a #MC in the host's own code (fatal, or repaired on the spot), softirqs, a second CPU",
        source="commits 1811d979c716, 5567d11c21a1, ebd1a3365500, 63669bd1d50f",
        guest_xcr0=BASE | AVX,
        needs_xcr0=AVX,
        stand_in=ANY,
        start={"vcpu_cr4": CR4_OSXSAVE},
        cpus=1,
        part="history",
    ),
    Scenario(
        "cpu-hotplug",
        "Is what the kernel remembers of a CPU still true when the CPU comes back?",
        events=(
            "CPU goes offline and comes back",
            "exit to userspace",
            *OTHER_TASK,
        ),
        properties=(
            "kernel_survives",
            "guest_finds_its_registers",
            "tasks_find_their_registers",
            "xfd_cache_is_right",
            "xfd_belongs_to_the_registers",
        ),
        witnesses=("other_task_runs", "vcpu_is_preempted"),
        leaves_out="what the guest does; the other task uses AMX, the VMM and the guest do not; softirqs",
        source="commit xfd_state_in_sync; linux:arch/x86/kernel/fpu/xstate.h xfd_update_state()",
        guest_xcr0=BASE | AVX,
        needs_xcr0=AVX | TILES,
        stand_in=INTEL,
        part="history",
    ),
    Scenario(
        "emulator",
        "Does the emulator touch the guest's registers, and nobody else's?",
        events=(
            "write XMM",
            "SSE instruction on emulated memory",
            "external interrupt",
            *KERNEL_SOFTIRQS,
            *OTHER_TASK,
        ),
        properties=(
            "kernel_survives",
            "guest_finds_its_registers",
            "tasks_find_their_registers",
            "emulator_reads_guest_registers",
        ),
        witnesses=("emulator_has_read", "other_task_runs", "registers_reloaded_for_guest"),
        leaves_out="what the emulator does with the value; XCR0, PKRU, XFD; a second CPU",
        source="commit emulator_fpu_lock; linux:arch/x86/kvm/fpu.h kvm_fpu_get()",
        cpus=1,
        part="history",
    ),
    Scenario(
        "guest-fpu",
        "Do the VMM and the guest find their registers after KVM_RUN has swapped them?",
        events=(
            "write XMM",
            "external interrupt",
            "exit to userspace",
            "signal",
            *KERNEL_SOFTIRQS,
            *OTHER_TASK,
        ),
        properties=(
            "kernel_survives",
            "guest_finds_its_registers",
            "tasks_find_their_registers",
            "guest_fpstate_is_swapped_in_pairs",
        ),
        witnesses=("other_task_runs", "registers_reloaded_for_guest"),
        leaves_out="a second CPU (fpu has it), XCR0, PKRU, XFD",
        source="commits 240c35a3783a, ec269475cba7, 5f409e20b794, tif_in_guest_fpu_swap",
        cpus=1,
        default=False,
        part="history",
    ),
    Scenario(
        "xcr0-switch",
        "Is XCR0 the host's when another task runs, however late KVM switches it?",
        events=("XSETBV", "external interrupt", "exit to userspace", *OTHER_TASK),
        properties=(
            "kernel_survives",
            "guest_runs_on_guest_features",
            "tasks_find_their_registers",
            "xcr0_is_what_kvm_remembers",
        ),
        witnesses=("guest_has_its_own_xcr0", "other_task_runs"),
        leaves_out="softirqs, which up to v4.5 may find the guest's XCR0 (xcr0 has them)",
        source="commits 42bdf991f4ca, fc5b7f3b",
        guest_xcr0=BASE | AVX,
        needs_xcr0=AVX,
        stand_in=ANY,
        start={"vcpu_cr4": CR4_OSXSAVE},
        cpus=1,
        default=False,
        part="history",
    ),
    Scenario(
        "pkru-image",
        "Does anybody get a PKRU by way of the guest's image that is not his?",
        events=(
            "WRPKRU by guest",
            "WRPKRU by VMM",
            "KVM_GET_XSAVE",
            "external interrupt",
            "exit to userspace",
            "exit request",
            *OTHER_TASK,
        ),
        properties=(
            "guest_sees_its_own_pkru",
            "host_runs_on_host_pkru",
            "userspace_reads_guest_pkru",
        ),
        witnesses=("guest_has_its_own_pkru", "userspace_has_read_guest_pkru", "other_task_runs"),
        leaves_out="NMIs (pkru has them), XSETBV and CR4, KVM_SET_XSAVE, whether the image has PKRU at all",
        source="commits 1be0e61c1f25, 38cfd5e3df9c",
        guest_xcr0=BASE | AVX | PKRU,
        guest_keeps=BASE | AVX | PKRU,
        needs_xcr0=AVX | PKRU,
        stand_in=ANY,
        start={"vcpu_cr4": CR4_OSXSAVE | CR4_PKE},
        cpus=1,
        default=False,
        part="history",
    ),
    Scenario(
        "pkru-reach",
        "Is PKRU switched for every guest that can reach it, by whichever instruction?",
        events=("WRPKRU by guest", "XRSTOR PKRU", "MOV CR4", "XSETBV", "external interrupt"),
        properties=("guest_sees_its_own_pkru", "host_runs_on_host_pkru"),
        witnesses=("guest_has_its_own_pkru",),
        leaves_out="the VMM's own writes, another task, NMIs (pkru has them)",
        source="commit 37486135d3a7; linux:arch/x86/kvm/x86.c kvm_load_guest_pkru()",
        guest_xcr0=BASE | AVX | PKRU,
        guest_keeps=BASE | AVX,
        needs_xcr0=AVX | PKRU,
        stand_in=ANY,
        start={"vcpu_cr4": CR4_OSXSAVE},
        cpus=1,
        default=False,
        part="history",
    ),
    Scenario(
        "bounds",
        "Does a guest find its bound registers, which no CR0.TS guards?",
        events=("BNDMK", "write XMM", "external interrupt", "exit to userspace", *OTHER_TASK),
        properties=("kernel_survives", "guest_finds_its_registers", "guest_finds_its_bounds"),
        witnesses=("other_task_runs", "guest_has_bounds"),
        leaves_out="MPX from v4.15 on (it goes with XMM then), bounds of host tasks, BNDCFGS",
        source="commit mpx_eager_fpu",
        cpus=1,
        default=False,
        part="history",
    ),
)

LEADS_TO: Mapping[str, tuple[str, ...]] = {
    "machine check": ("do_machine_check", "do_machine_check_at_entry", "memory_failure"),
    "machine check in user mode": ("user_machine_check",),
    "SSE instruction on emulated memory": ("x86_emulate_instruction",),
}
"""Paths that only these events lead to."""
