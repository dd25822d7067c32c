# SPDX-License-Identifier: Apache-2.0
"""Scenarios of signals: beside and under KVM, 32-bit frames, faults, XFD, PKRU, sizes of frames."""

from collections.abc import Mapping

from xsavvy.isa.components import PKRU
from xsavvy.model.scenario import TILES, Scenario

__all__ = ["EITHER", "KEEPS", "PART", "SIGNAL_SCENARIOS", "SWITCHES", "TILED"]

PART = "tasks"
EITHER: Mapping[bool, str] = {True: "sapphire-rapids", False: "genoa"}
TILED: Mapping[bool, str] = {True: "sapphire-rapids", False: "sapphire-rapids"}

SWITCHES = ("preemption", "preemption in user mode", "wake-up of the vCPU thread")
SIGNALS = ("signal with a handler", "signal in user mode", "sigreturn")
KEEPS = ("kernel_survives", "tasks_keep_their_registers")
FRAMES_32 = (
    "write XMM by VMM",
    "signal in user mode",
    "sigreturn of a 32-bit task",
    "the frame's header is spoiled",
    *SWITCHES,
)

SIGNAL_SCENARIOS = (
    Scenario(
        "signals",
        "Do two tasks keep their registers when one of them handles signals and runs a guest?",
        events=(
            "write XMM by VMM",
            "signal",
            "signal with a handler",
            "sigreturn",
            "the frame's page is reclaimed",
            "exit to userspace",
            "softirq",
            "preemption",
            "wake-up of the vCPU thread",
        ),
        properties=(
            *KEEPS,
            "no_kernel_fpu_inside_fpregs_lock",
            "guest_fpstate_is_swapped_in_pairs",
        ),
        witnesses=("handler_is_preempted", "softirq_hits_a_system_call"),
        leaves_out="a second CPU, 32-bit frames, frames that the handler changed, what the guest computes",
        source="linux:arch/x86/kernel/fpu/signal.c copy_fpstate_to_sigframe(), fpu__restore_sig()",
        part=PART,
        cpus=1,
        default=False,
    ),
    Scenario(
        "signals-faults",
        "Does an XRSTOR that faults in sigreturn() leave other tasks' registers alone?",
        events=(
            "write XMM by VMM",
            "signal in user mode",
            "sigreturn",
            "the frame's page is reclaimed",
            *SWITCHES,
        ),
        properties=KEEPS,
        witnesses=("handler_is_preempted",),
        leaves_out="all of scenario signals but what a fault needs: no softirqs, no KVM_RUN",
        source="commit d8778e393afa; linux:arch/x86/kernel/fpu/signal.c restore_fpregs_from_user()",
        part=PART,
        cpus=1,
        default=False,
    ),
    Scenario(
        "signals-32-bit",
        "Does a 32-bit task get its registers from its signal frame, and can a bad frame harm the kernel?",
        events=FRAMES_32,
        properties=KEEPS,
        witnesses=("handler_is_preempted",),
        leaves_out="KVM_RUN, 64-bit frames, pages that are away, softirqs",
        source="commits 68239654acaf, 484cea4f362e; linux:arch/x86/kernel/fpu/signal.c __fpu_restore_sig()",
        part=PART,
        cpus=1,
        default=False,
    ),
    Scenario(
        "signals-32-bit-softirqs",
        "The same, where softirqs use the FPU.",
        events=(*FRAMES_32, "softirq"),
        properties=(*KEEPS, "no_kernel_fpu_inside_fpregs_lock"),
        witnesses=("handler_is_preempted", "softirq_hits_a_system_call"),
        leaves_out="KVM_RUN, 64-bit frames, pages that are away",
        source="commits 68239654acaf, 484cea4f362e; linux:arch/x86/kernel/fpu/signal.c __fpu_restore_sig()",
        part=PART,
        cpus=1,
        default=False,
    ),
    Scenario(
        "signals-xfd",
        "Is IA32_XFD that of the task when a signal handler starts, where another task uses tiles?",
        events=(*SIGNALS, "exit to userspace", *SWITCHES),
        properties=(
            "kernel_survives",
            "xfd_belongs_to_the_registers",
            "tasks_keep_their_registers",
        ),
        witnesses=("handler_is_preempted",),
        leaves_out="softirqs, a second CPU, a guest that uses tiles",
        source="commit 388eff894d6b; linux:arch/x86/kernel/fpu/core.c fpu__clear_user_states()",
        needs_xcr0=TILES,
        stand_in=TILED,
        part=PART,
        cpus=1,
        default=False,
    ),
    Scenario(
        "signals-pkru",
        "Does a task get its PKRU back from its signal frame, or what its handler wrote there?",
        events=(
            "WRPKRU by task",
            "signal in user mode",
            "sigreturn",
            "the handler changes PKRU in its frame",
            "preemption",
            "wake-up of the vCPU thread",
        ),
        properties=("tasks_keep_their_pkru",),
        witnesses=("handler_runs_on_the_default_pkru", "handler_is_preempted"),
        leaves_out="KVM_RUN, softirqs, pages that are away",
        source="commits 70044df250d0, ae6012d72fa6; linux:arch/x86/kernel/fpu/xstate.h update_pkru_in_sigframe()",
        needs_xcr0=PKRU,
        stand_in=EITHER,
        part=PART,
        cpus=1,
        default=False,
    ),
    Scenario(
        "sigframe",
        "Does sigreturn() end, and restore what the frame has, whatever size the frame says that it has?",
        events=(
            "signal in user mode",
            "sigreturn",
            "the frame's page is reclaimed",
            "the frame's page is unmapped",
            "the frame's size is understated",
            "the task is moved to a larger host",
            "the frame's header is spoiled",
            "preemption",
            "wake-up of the vCPU thread",
        ),
        properties=("kernel_survives", "tasks_keep_their_pkru", "fault_in_covers_the_restore"),
        eventualities=("sigreturn_ends",),
        witnesses=("frame_was_faulted_in", "sigreturn_is_on_its_way"),
        leaves_out="KVM_RUN, softirqs, a page that is reclaimed between a fault and the next try, 32-bit frames",
        source="commits 44eeff9bc467, d877550eaf2d; linux:arch/x86/kernel/fpu/signal.c fpu__restore_sig()",
        needs_xcr0=PKRU,
        stand_in=EITHER,
        part=PART,
        cpus=1,
        default=False,
    ),
)
