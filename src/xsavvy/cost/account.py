# SPDX-License-Identifier: Apache-2.0
"""Which instruction an access of the model's registers stands for.

The rule: a step's function that reads or writes a register of the processor executes the instruction that does so,
once however often its text names the register. `exceptions` has every function for which that is not so, each with
its reason; `PLACES` and `HAPPENINGS` what a step or an event stands for by its name, `SYSTEM_CALLS` which events
enter the kernel. All are data, and tests ask that nothing is missing.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

from .event import Kind

__all__ = [
    "CONTENTS",
    "HAPPENINGS",
    "INSIDE_KVM_RUN",
    "PLACES",
    "REGISTERS",
    "SYSTEM_CALLS",
    "Register",
]


class Register(NamedTuple):
    """How software reads and writes a register; `msrs` names the MSRs that one field of the model stands for."""

    read: Kind
    write: Kind
    msrs: tuple[str, ...] = ("",)


def _msr(*names: str) -> Register:
    return Register(Kind.RDMSR, Kind.WRMSR, names)


REGISTERS: Final[Mapping[str, Register]] = {
    "hw_xcr0": Register(Kind.XGETBV, Kind.XSETBV),
    "hw_pkru": Register(Kind.RDPKRU, Kind.WRPKRU),
    "hw_xss": _msr("IA32_XSS"),
    "hw_xfd": _msr("IA32_XFD"),
    "hw_xfd_err": _msr("IA32_XFD_ERR"),
    "hw_trace_en": _msr("IA32_RTIT_CTL"),
    "hw_trace": _msr(
        "IA32_RTIT_STATUS",
        "IA32_RTIT_OUTPUT_BASE",
        "IA32_RTIT_OUTPUT_MASK_PTRS",
        "IA32_RTIT_CR3_MATCH",
    ),
    "hw_cet_u": _msr("IA32_U_CET", "IA32_PL3_SSP"),
    "hw_cet_s": _msr("IA32_PL0_SSP", "IA32_PL1_SSP", "IA32_PL2_SSP"),
    "hw_s_cet": _msr("IA32_S_CET"),
    "hw_tsc_aux": _msr("IA32_TSC_AUX"),
}
"""IA32_RTIT_ADDRn_A and _B come to `hw_trace`, as many as the platform has."""

CONTENTS: Final = ("hw_sse", "hw_tile", "hw_bnd")
"""Registers that no instruction of its own moves: XSAVES and XRSTORS do, counted with their bytes, or `exceptions`
says who else. XINUSE follows from what these do; SSP and INT_SSP_TAB change at the guest's border only."""

PLACES: Final[Mapping[str, tuple[Kind, str, int]]] = {
    "clgi": (Kind.CLGI, "", 1),
    "stgi": (Kind.STGI, "", 1),
    "mask_nmi": (Kind.WRMSR, "x2APIC LVT", 1),
    "unmask_nmi": (Kind.WRMSR, "x2APIC LVT", 1),
    "current_task": (Kind.CONTEXT_SWITCH, "", 1),
}
"""What a step of that name stands for beside its accesses: the kind, its detail, and how often.

NMIs are masked in one entry of the local vector table (seed 002); the others are the instructions they are named
after, and the scheduler's switch.
"""

_PT_READ: Final = (
    (Kind.RDMSR, "IA32_RTIT_STATUS"),
    (Kind.RDMSR, "IA32_RTIT_OUTPUT_BASE"),
    (Kind.RDMSR, "IA32_RTIT_OUTPUT_MASK_PTRS"),
)

HAPPENINGS: Final[Mapping[str, tuple[tuple[Kind, str], ...]]] = {
    "WRMSR IA32_S_CET": ((Kind.WRMSR, "IA32_S_CET"),),
    "perf stops to trace": (*_PT_READ, (Kind.WRMSR, "IA32_RTIT_STATUS")),
    "NMI of perf's trace buffer": ((Kind.WRMSR, "IA32_RTIT_CTL"), *_PT_READ),
}
"""What an event of that name executes beside its accesses.

The register of the first is a field of the VMCS (`parts.nested`). perf stops a trace, asks how far it got, and starts
it again. Source: linux:arch/x86/events/intel/pt.c pt_event_stop(), intel_pt_interrupt().
"""

SYSTEM_CALLS: Final = ("KVM_", "ARCH_REQ_", "arch_prctl", "execve", "fork", "sigreturn")
"""What the names of the VMM's system calls begin with: events, and in `parts.moves` steps."""

INSIDE_KVM_RUN: Final[Mapping[str, str]] = {
    "KVM_SYNC_X86_SREGS": "kvm_run.kvm_dirty_regs: the next KVM_RUN reads it",
}
"""Names that begin so and are no system call of their own, each with its reason."""
