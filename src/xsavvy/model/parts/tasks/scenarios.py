# SPDX-License-Identifier: Apache-2.0
"""Scenarios of host tasks: signals, exec, fork, ptrace, PKRU; and three that isolate a bug of the swap or of XFD."""

from collections.abc import Mapping

from xsavvy.isa.components import AVX, PKRU
from xsavvy.model.scenario import BASE, TILES, Scenario
from xsavvy.model.values import CR4_OSXSAVE

from .signal_scenarios import EITHER, KEEPS, PART, SIGNAL_SCENARIOS, SWITCHES, TILED

__all__ = ["KVM_EXITS", "LEADS_TO", "NOPKU", "TASK_SCENARIOS"]

KVM_EXITS = ("exit to userspace", "external interrupt", "fastpath exit")
"""A scenario without any of these is one without KVM_RUN."""

NOPKU = "nopku"
"""The scenario whose host was booted with nopku."""


TASK_SCENARIOS = (
    *SIGNAL_SCENARIOS,
    Scenario(
        "exec",
        "Does a new program start on initial registers, on whatever CPU exec() ends?",
        events=(
            "write XMM by VMM",
            "execve",
            "migration",
            "preemption",
            "wake-up of the vCPU thread",
        ),
        properties=(*KEEPS, "tasks_keep_their_pkru"),
        witnesses=("new_program_runs", "other_task_ran"),
        leaves_out="KVM_RUN, signals, softirqs",
        source="commit 1f69383b203e; linux:arch/x86/kernel/fpu/core.c fpu_flush_thread()",
        part=PART,
        default=False,
    ),
    Scenario(
        "fork",
        "Does a child start on its parent's registers, and does neither see the other's afterwards?",
        events=("write XMM by VMM", "WRPKRU by task", "fork", "softirq", *SWITCHES),
        properties=(*KEEPS, "tasks_keep_their_pkru", "no_kernel_fpu_inside_fpregs_lock"),
        witnesses=("other_task_ran", "softirq_hits_a_system_call"),
        leaves_out="KVM_RUN, signals, a second child, dynamic components",
        source="linux:arch/x86/kernel/fpu/core.c fpu_clone()",
        part=PART,
        cpus=1,
        start={"task_exists": 0},
        default=False,
    ),
    Scenario(
        "ptrace",
        "Does a stopped thread go on with the registers and the PKRU that its tracer wrote?",
        events=(
            "write XMM by VMM",
            "WRPKRU by task",
            "stop for the tracer",
            "PTRACE_SETREGSET",
            "PTRACE_CONT",
            "KVM_SET_XSAVE with PKRU",
            "exit to userspace",
            "preemption in user mode",
            "wake-up of the vCPU thread",
        ),
        properties=(*KEEPS, "tasks_keep_their_pkru", "guest_pkru_is_kept_without_its_bit"),
        witnesses=("traced_thread_runs", "other_task_ran", "kvm_was_given_pkru"),
        leaves_out="softirqs, a second CPU, signals with a handler, a guest that uses PKRU",
        source="commits 4a804c4f8356, d7e5aceace51; linux:arch/x86/kernel/fpu/regset.c xstateregs_set()",
        needs_xcr0=PKRU,
        stand_in=EITHER,
        part=PART,
        cpus=1,
        default=False,
    ),
    Scenario(
        "kthread",
        "Does a task keep its PKRU when kernel threads and other tasks have its CPU?",
        events=("WRPKRU by task", "XRSTOR PKRU by task", "a kernel thread runs", *SWITCHES),
        properties=("tasks_keep_their_pkru", "tasks_keep_their_registers"),
        witnesses=("kthread_runs", "other_task_ran"),
        leaves_out="KVM_RUN, softirqs, signals, a second CPU",
        source="commits 510b80a6a0f1, 954436989cc5; linux:arch/x86/kernel/process_64.c __switch_to()",
        needs_xcr0=PKRU,
        stand_in=EITHER,
        part=PART,
        cpus=1,
        default=False,
    ),
    Scenario(
        "kthread-wrpkru",
        "Does a task that never brings PKRU into its initial state keep it across kernel threads?",
        events=("WRPKRU by task", "a kernel thread runs", *SWITCHES),
        properties=("tasks_keep_their_pkru", "tasks_keep_their_registers"),
        witnesses=("kthread_runs", "other_task_ran"),
        leaves_out="all that scenario kthread leaves out, and XRSTOR of PKRU",
        source="commit correct_pkru_inconsistency, a stable patch of 15 Feb 2022",
        needs_xcr0=PKRU,
        stand_in=EITHER,
        part=PART,
        cpus=1,
        default=False,
    ),
    Scenario(
        NOPKU,
        "Can two tasks, or a guest and its host, talk through PKRU on a host that was booted with nopku?",
        events=(
            "XRSTOR PKRU by task",
            "XRSTOR PKRU",
            "write XMM by VMM",
            "exit to userspace",
            *SWITCHES,
        ),
        properties=("tasks_keep_their_pkru", "tasks_keep_their_registers"),
        witnesses=("other_task_ran",),
        leaves_out="softirqs, a second CPU, what else the guest does",
        source="commit 18032b47adf1",
        guest_xcr0=BASE | AVX | PKRU,
        needs_xcr0=AVX | PKRU,
        stand_in=EITHER,
        start={"vcpu_cr4": CR4_OSXSAVE},
        part=PART,
        cpus=1,
        default=False,
    ),
    Scenario(
        "fpu-swap",
        "Is the swap of two fpstates whole, whatever interrupts it?",
        events=("write XMM", "exit to userspace", "softirq"),
        properties=(
            "kernel_survives",
            "guest_finds_its_registers",
            "tasks_keep_their_registers",
            "no_kernel_fpu_inside_fpregs_lock",
        ),
        witnesses=("softirq_hits_a_system_call",),
        leaves_out="all of scenario fpu but what an interrupt needs: no scheduler, no signals, one CPU",
        source="commit 59f5ede3bc0f",
        part=PART,
        cpus=1,
        default=False,
    ),
    Scenario(
        "xfd-header",
        "Can a softirq between an exit and the write of IA32_XFD make a kernel XRSTORS fault?",
        events=("WRMSR IA32_XFD", "TILELOADD", "exit to userspace", "softirq"),
        properties=("kernel_survives", "guest_finds_its_registers", "guest_runs_on_its_own_xfd"),
        witnesses=("guest_disabled_its_tiles", "guest_uses_tiles"),
        leaves_out="all of scenario xfd but what a softirq needs: no KVM_SET_XSAVE, no scheduler, no XSETBV",
        source="commit b45f72177594",
        guest_xcr0=BASE | AVX | TILES,
        guest_keeps=BASE | AVX,
        needs_xcr0=AVX | TILES,
        vmx_only=True,
        stand_in=TILED,
        start={"vcpu_cr4": CR4_OSXSAVE},
        part=PART,
        cpus=1,
        default=False,
    ),
    Scenario(
        "xfd-set-xsave",
        "Can a VMM make a kernel XRSTORS fault with KVM_SET_XSAVE, and does KVM_GET_XSAVE return what it set?",
        events=("WRMSR IA32_XFD", "TILELOADD", "KVM_SET_XSAVE", "exit to userspace"),
        properties=("kernel_survives", "kvm_image_is_kept", "guest_finds_its_registers"),
        witnesses=("guest_disabled_its_tiles", "guest_uses_tiles", "guest_ran_on_a_set_image"),
        leaves_out="all of scenario xfd but what KVM_SET_XSAVE needs: no softirqs, no scheduler, no XSETBV, no "
        "KVM_SET_MSRS",
        source="commit b45f72177594",
        guest_xcr0=BASE | AVX | TILES,
        guest_keeps=BASE | AVX,
        needs_xcr0=AVX | TILES,
        vmx_only=True,
        stand_in=TILED,
        start={"vcpu_cr4": CR4_OSXSAVE},
        part=PART,
        cpus=1,
        default=False,
    ),
)

LEADS_TO: Mapping[str, tuple[str, ...]] = {
    "signal in user mode": ("setup_rt_frame", "copy_fpstate_to_sigframe", "handle_signal"),
    "sigreturn": ("fpu__restore_sig", "restore_fpregs_from_user"),
    "sigreturn of a 32-bit task": ("ia32_restore_sig",),
    "the frame's page is reclaimed": ("sigframe_fault",),
    "the frame's header is spoiled": ("sigreturn_failed",),
    "execve": ("begin_new_exec",),
    "fork": ("copy_thread",),
    "stop for the tracer": ("ptrace_stop", "context_switch", "task", "task_exit_to_user"),
    "a kernel thread runs": ("kthread",),
}
"""Paths that only these events lead to."""
