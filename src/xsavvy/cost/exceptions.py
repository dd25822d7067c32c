# SPDX-License-Identifier: Apache-2.0
"""The functions of the model whose accesses are no instruction of their own, or another one than the rule says.

Source of each: beside it. "linux:" is a file of the kernel, as in v6.12 where no version is named.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import product
from typing import Final, NamedTuple

from xsavvy.isa.components import CET_U, PKRU, PT, SSE

from .event import Kind

__all__ = ["EXCEPTIONS", "Access", "Instead", "instead_of"]

MODEL: Final = "xsavvy.model"
PROCESSOR: Final = (
    "the processor does it, as part of an instruction or a transition that is counted"
)
COMPUTES: Final = "an instruction that computes, not one that switches"


class Access(NamedTuple):
    """A function of the model and the register that it touches; `field` "*" is every register.

    `caller` is the name of the function that called it, where that decides.
    """

    module: str
    function: str
    field: str = "*"
    mode: str = "*"
    caller: str = "*"


class Instead(NamedTuple):
    """What an access stands for instead: nothing, unless one of the others says what.

    `kind` names an instruction that moves `components`, counted at the access whose mode is `on`; with `image`, those
    of them that this field of the record has. `msrs` are the MSRs that are accessed, where these are not all that the
    field stands for. With `reads` the register is read so often first, and written only if the value differs.
    """

    reason: str
    source: str
    kind: Kind | None = None
    components: int = 0
    on: str = "write"
    image: str = ""
    msrs: tuple[str, ...] = ()
    reads: int = 0


def _access(
    module: str, function: str, field: str = "*", mode: str = "*", caller: str = "*"
) -> Access:
    return Access(f"{MODEL}.{module}", function, field, mode, caller)


def _one(msr: str, source: str) -> Instead:
    return Instead("one MSR of those that the field stands for", source, msrs=(msr,))


_MEMORY = "it is compared with the kernel's copy, not read"
_GHOST = "the properties' own bookkeeping"
_SWITCH_TO = "linux:arch/x86/kernel/process_64.c x86_pkru_load()"
_XSTATE_MSR = "linux:arch/x86/kvm/x86.c kvm_set_xstate_msr(), kvm_get_xstate_msr()"
_PERF = ("IA32_RTIT_STATUS", "IA32_RTIT_OUTPUT_BASE", "IA32_RTIT_OUTPUT_MASK_PTRS")
_RESET = Instead("a reset does it", "SDM Processor State Following Power-up, Reset, or INIT")
_WRITE_PKRU = Instead(
    "write_pkru() reads first, and skips a value that is there",
    "linux:arch/x86/include/asm/pkru.h write_pkru()",
    reads=1,
)
_IMAGE = Instead(PROCESSOR, "linux:arch/x86/kvm/x86.c (up to v4.12): XSAVE and XRSTOR of the image")

_RUN_LOOP: Final[Mapping[Access, Instead]] = {
    _access("xstate", "xsaves"): Instead(PROCESSOR, "SDM XSAVES"),
    _access("xstate", "xrstors"): Instead(PROCESSOR, "SDM XRSTORS"),
    _access("xstate", "note_pkru_inuse"): Instead(PROCESSOR, "SDM XSAVE-Managed State"),
    _access("pkru", "vmcs_load_guest_pkru"): Instead(PROCESSOR, "seed 002: a VMCS field"),
    _access("pkru", "vmcs_load_host_pkru"): Instead(PROCESSOR, "seed 002: a VMCS field"),
    _access("switch", "load_pkru", "hw_pkru", "read"): Instead(_MEMORY, _SWITCH_TO),
    _access("fpu", "kernel_fpu_use"): Instead(COMPUTES, "a user of kernel_fpu_begin()"),
    _access("guest", "remember_pkru"): Instead(_GHOST, "ghost_pkru"),
    _access("guest", "xrstor_pkru"): Instead(PROCESSOR, "SDM XRSTOR", Kind.XRSTOR, PKRU),
    _access("guest", "xrstors_cet"): Instead(PROCESSOR, "SDM XRSTORS", Kind.XRSTORS, CET_U),
    _access("guest", "use_disabled_tiles"): Instead(PROCESSOR, "SDM Extended Feature Disable"),
    _access("guest", "write_sse"): Instead(COMPUTES, "any SSE instruction"),
    _access("guest", "write_tile"): Instead(COMPUTES, "SDM TILELOADD"),
    _access("guest", "release_tiles"): Instead(COMPUTES, "SDM TILERELEASE"),
    _access("emulate", "lose_disabled_tiles"): Instead(PROCESSOR, "SDM Extended Feature Disable"),
}

_HISTORY: Final[Mapping[Access, Instead]] = {
    _access("history.pkru", "save_users"): _IMAGE,
    _access("history.pkru", "load_guests"): _IMAGE,
    _access("history.pkru", "save_guests"): _IMAGE,
    _access("history.pkru", "load_users"): _IMAGE,
    _access("parts.history.bounds", "*"): Instead(
        PROCESSOR, "XSAVE and XRSTOR of the image; BNDMK computes"
    ),
    _access("parts.history.emulator", "*"): Instead(
        COMPUTES, "linux:arch/x86/kvm/fpu.h _kvm_read_sse_reg(): MOVDQA"
    ),
    _access("parts.history.hotplug", "bring_up", "hw_xfd_err"): _RESET,
    _access("parts.history.hotplug", "bring_up", "hw_cet_u"): _RESET,
    _access("parts.history.hotplug", "bring_up", "hw_sse"): _RESET,
    _access("parts.history.hotplug", "bring_up", "hw_tile"): _RESET,
}

_TASKS: Final[Mapping[Access, Instead]] = {
    **{
        _access("parts.tasks.pkru", "write_pkru", caller=caller): _WRITE_PKRU
        for caller in (
            "default_pkru",
            "from_kthread",
            "load_pkru_of_image",
            "restore_init",
            "to_kthread",
        )
    },
    _access("parts.tasks.pkru", "write_pkru", caller="enable_all_keys"): Instead(
        "it reads once to remember the value, and write_pkru() once more",
        "linux:arch/x86/kernel/signal.c sig_prepare_pkru()",
        reads=2,
    ),
    _access("parts.tasks.kthread", "load_pkru", "hw_pkru", "read"): Instead(_MEMORY, _SWITCH_TO),
    _access("parts.tasks.pkru", "save_pkru_slot"): Instead(PROCESSOR, "SDM XSAVES, component 9"),
    _access("parts.tasks.pkru", "xrstor_pkru"): Instead(
        PROCESSOR, "SDM XRSTOR: the caller's instruction"
    ),
    _access("parts.tasks.pkru", "xrstor_pkru", "hw_xcr0", "read", "xrstor_pkru"): Instead(
        PROCESSOR, "SDM XRSTOR, by the task itself", Kind.XRSTOR, PKRU, on="read"
    ),
    _access("parts.tasks.frame", "save_to_frame"): Instead(
        PROCESSOR, "SDM XSAVE: the components of XCR0, in use or not"
    ),
    _access("parts.tasks.frame", "save_to_frame", "hw_sse"): Instead(
        PROCESSOR,
        "linux:arch/x86/kernel/fpu/xstate.h xsave_to_user_sigframe()",
        Kind.XSAVE,
        SSE | PKRU,
        on="read",
    ),
    _access("parts.tasks.frame", "load_from_frame"): Instead(
        PROCESSOR, "linux:arch/x86/kernel/fpu/signal.c restore_fpregs_from_user()"
    ),
    _access("parts.tasks.frame", "load_from_frame", "hw_sse"): Instead(
        PROCESSOR,
        "linux:arch/x86/kernel/fpu/xstate.h xrstor_from_user_sigframe()",
        Kind.XRSTOR,
        SSE | PKRU,
        image="uapi_frame_bv",
    ),
    _access("parts.tasks.delivery", "restore_init"): Instead(
        PROCESSOR, "SDM XRSTORS: what XSTATE_BV lacks is initialized"
    ),
    _access("parts.tasks.delivery", "restore_init", "hw_sse"): Instead(
        PROCESSOR,
        "linux:arch/x86/kernel/fpu/core.c restore_fpregs_from_init_fpstate(), os_xrstor()",
        Kind.XRSTORS,
    ),
    _access("parts.tasks.events", "write_sse"): Instead(COMPUTES, "any SSE instruction"),
}

_CET: Final[Mapping[Access, Instead]] = {
    _access("parts.cet.border", "load_guest"): Instead(PROCESSOR, "SDM VM Entries"),
    _access("parts.cet.border", "save_guest"): Instead(PROCESSOR, "SDM VM Exits"),
    _access("parts.cet.border", "load_host"): Instead(PROCESSOR, "SDM VM Exits"),
    _access("parts.cet.component12", "*"): Instead(PROCESSOR, "SDM XSAVES, XRSTORS"),
    _access("parts.cet.copying", "*"): Instead(PROCESSOR, "SDM XSAVES"),
    _access("parts.cet.guest", "write_u_cet"): _one("IA32_U_CET", "SDM WRMSR"),
    _access("parts.cet.guest", "write_pl0_ssp"): _one("IA32_PL0_SSP", "SDM WRMSR"),
    _access("parts.cet.intercept", "set_u_cet"): _one("IA32_U_CET", _XSTATE_MSR),
    _access("parts.cet.intercept", "set_pl0_ssp"): _one("IA32_PL0_SSP", _XSTATE_MSR),
    _access("parts.cet.access", "write_u_cet"): _one("IA32_U_CET", _XSTATE_MSR),
    _access("parts.cet.access", "access_u_cet"): _one("IA32_U_CET", _XSTATE_MSR),
    _access("parts.cet.access", "access_pl0_ssp"): _one("IA32_PL0_SSP", _XSTATE_MSR),
    _access("parts.cet.emulator", "read_u_cet"): _one("IA32_U_CET", _XSTATE_MSR),
    _access("parts.ioctls.msrloop", "wrmsr_u_cet"): _one("IA32_U_CET", _XSTATE_MSR),
}

_TRACE: Final[Mapping[Access, Instead]] = {
    _access("parts.trace.pt", "enter_guest"): Instead(PROCESSOR, "SDM VM Entries"),
    _access("parts.trace.pt", "exit_guest"): Instead(PROCESSOR, "SDM VM Exits"),
    _access("parts.trace.pt", "write_msrs", "hw_trace_en"): Instead(PROCESSOR, "SDM WRMSR"),
    _access("parts.trace.pt", "start_host", "hw_trace"): Instead(
        "perf writes its own configuration",
        "linux:arch/x86/events/intel/pt.c pt_event_start()",
        msrs=_PERF,
    ),
    _access("parts.trace.guest", "wrmsr_rtit", "hw_trace_en"): Instead(PROCESSOR, "SDM WRMSR"),
    _access("parts.trace.guest", "wrmsr_rtit", "hw_trace"): _one(
        "IA32_RTIT_OUTPUT_BASE",
        "one MSR stands for the others; the non-canonical one is an address",
    ),
    _access("parts.trace.guest", "trace_advances"): Instead(PROCESSOR, "SDM IA32_RTIT_STATUS"),
    _access("parts.trace.guest", "xsaves_reaches_pt"): Instead(PROCESSOR, "SDM XSAVES"),
    _access("parts.trace.guest", "xsaves_pt"): Instead(
        PROCESSOR, "SDM PT State; seed 000", Kind.XSAVES, PT
    ),
    _access("parts.trace.guest", "xrstors_pt"): Instead(
        PROCESSOR, "SDM PT State; seed 000", Kind.XRSTORS, PT
    ),
    _access("parts.trace.fpstate", "*"): Instead(PROCESSOR, "SDM PT State; seed 000"),
    _access("parts.trace.perf", "start_event", "hw_trace"): Instead(
        "perf leaves IA32_RTIT_CR3_MATCH alone, and the address ranges while they stay the same",
        "linux:arch/x86/events/intel/pt.c pt_config_buffer(), pt_config()",
        msrs=_PERF,
    ),
    _access("parts.trace.perf", "serve_interrupt", "hw_trace"): Instead(
        "perf leaves IA32_RTIT_CR3_MATCH alone, and the address ranges while they stay the same",
        "linux:arch/x86/events/intel/pt.c intel_pt_interrupt()",
        msrs=_PERF,
    ),
}

_OTHERS: Final[Mapping[Access, Instead]] = {
    _access("parts.nested.guest", "use_disabled_tiles"): Instead(
        PROCESSOR, "SDM Extended Feature Disable"
    ),
    _access("parts.protected.tdx", "td_exit"): Instead(PROCESSOR, "TDX module, TDH.VP.ENTER"),
    _access("parts.protected.sev", "load_guest_registers"): Instead(PROCESSOR, "APM VMRUN"),
    _access("parts.protected.sev", "store_guest_registers"): Instead(PROCESSOR, "APM #VMEXIT"),
    _access("parts.protected.sev", "vmexit"): Instead(PROCESSOR, "APM #VMEXIT"),
    _access("parts.protected.mutants", "*"): Instead(PROCESSOR, "a VMRUN that forgets a register"),
}

EXCEPTIONS: Final[Mapping[Access, Instead]] = {
    **_RUN_LOOP,
    **_HISTORY,
    **_TASKS,
    **_CET,
    **_TRACE,
    **_OTHERS,
}
"""Every exception."""


def instead_of(
    module: str, function: str, field: str, mode: str, caller: str = ""
) -> Instead | None:
    """Return the exception that an access falls under, if there is one; the most particular one counts."""
    for name, by, which, how in product((function, "*"), (caller, "*"), (field, "*"), (mode, "*")):
        found = EXCEPTIONS.get(Access(module, name, which, how, by))
        if found is not None:
            return found
    return None
