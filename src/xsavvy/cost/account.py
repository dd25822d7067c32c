# SPDX-License-Identifier: Apache-2.0
"""Which instruction an access of the model's registers stands for.

The rule: a step's function that reads or writes a register of the processor executes the instruction that does so,
once however often its text names the register. `EXCEPTIONS` has every function for which that is not so, each with
its reason; `PLACES` what a step stands for by its name. Both are data, and a test asks that nothing is missing.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

from xsavvy.isa.components import CET_U, PKRU, PT

from .event import Kind

__all__ = ["EXCEPTIONS", "PLACES", "REGISTERS", "Access", "Instead", "Register", "instead_of"]

MODEL: Final = "xsavvy.model"
PROCESSOR: Final = (
    "the processor does it, as part of an instruction or a transition that is counted"
)


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
    "hw_tsc_aux": _msr("IA32_TSC_AUX"),
}
"""IA32_RTIT_ADDRn_A and _B come to `hw_trace`, as many as the platform has. XINUSE and the contents of XMM and of
tiles are not here: what moves them is XSAVES and XRSTORS, counted with their bytes."""


class Access(NamedTuple):
    """A function of the model and the register that it touches; `field` "*" is every register."""

    module: str
    function: str
    field: str = "*"
    mode: str = "*"


class Instead(NamedTuple):
    """What an access stands for instead: nothing, unless `kind` names an instruction that moves `components`."""

    reason: str
    source: str
    kind: Kind | None = None
    components: int = 0


def _access(module: str, function: str, field: str = "*", mode: str = "*") -> Access:
    return Access(f"{MODEL}.{module}", function, field, mode)


_MEMORY = "it is compared with the kernel's copy, not read"
_GHOST = "the properties' own bookkeeping"
_SWITCH_TO = "linux:arch/x86/include/asm/pkru.h write_pkru(); arch/x86/kernel/process_64.c"

EXCEPTIONS: Final[Mapping[Access, Instead]] = {
    _access("xstate", "xsaves"): Instead(PROCESSOR, "SDM XSAVES"),
    _access("xstate", "xrstors"): Instead(PROCESSOR, "SDM XRSTORS"),
    _access("xstate", "note_pkru_inuse"): Instead(PROCESSOR, "SDM XSAVE-Managed State"),
    _access("pkru", "vmcs_load_guest_pkru"): Instead(PROCESSOR, "seed 002: a VMCS field"),
    _access("pkru", "vmcs_load_host_pkru"): Instead(PROCESSOR, "seed 002: a VMCS field"),
    _access("switch", "load_pkru", "hw_pkru", "read"): Instead(_MEMORY, _SWITCH_TO),
    _access("guest", "remember_pkru"): Instead(_GHOST, "ghost_pkru"),
    _access("guest", "xrstor_pkru"): Instead(PROCESSOR, "SDM XRSTOR", Kind.XRSTOR, PKRU),
    _access("guest", "xrstors_cet"): Instead(PROCESSOR, "SDM XRSTORS", Kind.XRSTORS, CET_U),
    _access("guest", "use_disabled_tiles"): Instead(PROCESSOR, "SDM Extended Feature Disable"),
    _access("parts.nested.guest", "use_disabled_tiles"): Instead(
        PROCESSOR, "SDM Extended Feature Disable"
    ),
    _access("parts.trace.pt", "enter_guest"): Instead(PROCESSOR, "SDM VM Entries"),
    _access("parts.trace.pt", "exit_guest"): Instead(PROCESSOR, "SDM VM Exits"),
    _access("parts.trace.pt", "write_msrs", "hw_trace_en"): Instead(PROCESSOR, "SDM WRMSR"),
    _access("parts.trace.guest", "wrmsr_rtit", "hw_trace_en"): Instead(PROCESSOR, "SDM WRMSR"),
    _access("parts.trace.guest", "trace_advances"): Instead(PROCESSOR, "SDM IA32_RTIT_STATUS"),
    _access("parts.trace.guest", "xsaves_reaches_pt"): Instead(PROCESSOR, "SDM XSAVES"),
    _access("parts.trace.guest", "xsaves_pt"): Instead(
        PROCESSOR, "SDM PT State; seed 000", Kind.XSAVES, PT
    ),
    _access("parts.trace.guest", "xrstors_pt"): Instead(
        PROCESSOR, "SDM PT State; seed 000", Kind.XRSTORS, PT
    ),
    _access("parts.trace.fpstate", "*"): Instead(PROCESSOR, "SDM PT State; seed 000"),
    _access("parts.cet.border", "load_guest"): Instead(PROCESSOR, "SDM VM Entries"),
    _access("parts.cet.border", "save_guest"): Instead(PROCESSOR, "SDM VM Exits"),
    _access("parts.cet.border", "load_host"): Instead(PROCESSOR, "SDM VM Exits"),
    _access("parts.cet.component12", "*"): Instead(PROCESSOR, "SDM XSAVES, XRSTORS"),
    _access("parts.cet.copying", "*"): Instead(PROCESSOR, "SDM XSAVES"),
    _access("parts.protected.tdx", "td_exit"): Instead(PROCESSOR, "TDX module, TDH.VP.ENTER"),
    _access("parts.protected.sev", "load_guest_registers"): Instead(PROCESSOR, "APM VMRUN"),
    _access("parts.protected.sev", "store_guest_registers"): Instead(PROCESSOR, "APM #VMEXIT"),
    _access("parts.protected.sev", "vmexit"): Instead(PROCESSOR, "APM #VMEXIT"),
}
"""The functions whose accesses are no instruction of their own, or another one than the rule says."""

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


def instead_of(module: str, function: str, field: str, mode: str) -> Instead | None:
    """Return the exception that an access falls under, if there is one."""
    for name in (function, "*"):
        for which in (field, "*"):
            for how in (mode, "*"):
                found = EXCEPTIONS.get(Access(module, name, which, how))
                if found is not None:
                    return found
    return None
