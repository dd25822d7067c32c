# SPDX-License-Identifier: Apache-2.0
"""What a guest can do with extended state: any instruction that it may execute, in any order.

Every event needs the guest to be in guest mode with no exit pending. An instruction that would fault without an
effect on the model's state (an #UD, a #GP in the guest) is left out.
Source: SDM and APM instruction pages, named at each event; which of them exit: SDM "Instructions That Cause VM Exits".
"""

from collections.abc import Callable
from functools import partial
from typing import Any

from xsavvy.checker import Event
from xsavvy.isa.components import AVX, CET_S, CET_U, PKRU, SSE, X87, XTILECFG

from .constants import Constants
from .emulate import lose_disabled_tiles
from .machine import Machine
from .values import CR4_OSXSAVE, CR4_PKE, TILE, Buffer, Exit, Value
from .xstate import note_pkru_inuse

__all__ = ["HLT_PENDING", "exit_for", "guest_event", "guest_events"]

OWN = (Value.GUEST, Value.GUEST2)
BASE = X87 | SSE


def idle_exit(s: Machine, k: Constants) -> bool:
    """Let the guest go on only until something made it exit."""
    return s.vcpu_exit == Exit.NONE


def can_xsave(s: Machine, k: Constants) -> bool:
    """XSAVE, XRSTOR, XGETBV and XSETBV need CR4.OSXSAVE."""
    return s.vcpu_exit == Exit.NONE and s.vcpu_cr4 & CR4_OSXSAVE != 0


def write_sse(s: Machine, k: Constants, value: int) -> None:
    """Compute in XMM registers."""
    s.hw_sse[s.cpu] = value
    s.hw_xinuse[s.cpu] |= SSE
    s.ghost_sse = value


# PKRU.


def can_wrpkru(s: Machine, k: Constants) -> bool:
    """RDPKRU and WRPKRU need CR4.PKE."""
    return s.vcpu_exit == Exit.NONE and s.vcpu_cr4 & CR4_PKE != 0


def remember_pkru(s: Machine, k: Constants) -> None:
    """Let the ghost know what the guest has just given PKRU."""
    s.ghost_pkru = s.hw_pkru[s.cpu]
    if k.pkru_inuse_tracked:
        s.ghost_pkru_inuse = 1 if s.hw_xinuse[s.cpu] & PKRU else 0


def wrpkru(s: Machine, k: Constants, value: int) -> None:
    """Write PKRU; 0 is its initial value."""
    s.hw_pkru[s.cpu] = value
    note_pkru_inuse(s, k)
    remember_pkru(s, k)


def can_xrstor_pkru(s: Machine, k: Constants) -> bool:
    """XRSTOR reaches PKRU by XCR0[9] alone; CR4.PKE does not matter."""
    return (
        s.vcpu_exit == Exit.NONE and s.vcpu_cr4 & CR4_OSXSAVE != 0 and s.hw_xcr0[s.cpu] & PKRU != 0
    )


def xrstor_pkru(s: Machine, k: Constants, value: int) -> None:
    """Restore PKRU from an image; without its bit in XSTATE_BV, to 0 and out of use."""
    s.hw_pkru[s.cpu] = value
    if k.pkru_inuse_tracked:
        s.hw_xinuse[s.cpu] |= PKRU
        if value == Value.INIT:
            s.hw_xinuse[s.cpu] &= ~PKRU
    remember_pkru(s, k)


def mov_cr4(s: Machine, k: Constants, value: int) -> None:
    """Write CR4: both bits are owned by the host, so a change exits."""
    s.vcpu_exit = Exit.CR4
    s.vcpu_exit_value = value


def cr4_changes(s: Machine, k: Constants, value: int) -> bool:
    """A write that changes nothing need not exit; PKE needs protection keys in the guest's CPUID."""
    return (
        s.vcpu_exit == Exit.NONE
        and value != s.vcpu_cr4
        and (k.guest_pku != 0 or value & CR4_PKE == 0)
    )


# XCR0 and IA32_XSS.


def xcr0_changes(s: Machine, k: Constants, value: int) -> bool:
    """XSETBV needs CR4.OSXSAVE; a scenario may try values that KVM must refuse."""
    return (
        s.vcpu_exit == Exit.NONE
        and s.vcpu_cr4 & CR4_OSXSAVE != 0
        and value != s.vcpu_xcr0
        and (value & ~k.guest_xcr0 == 0 or k.guest_tries_illegal != 0)
        and k.guest_xcr0_kept & ~value == 0
    )


def xsetbv(s: Machine, k: Constants, value: int) -> None:
    """Write XCR0: always exits."""
    s.vcpu_exit = Exit.XSETBV
    s.vcpu_exit_value = value


def xss_changes(s: Machine, k: Constants, value: int) -> bool:
    """WRMSR of IA32_XSS needs no enabling; an unsupported bit is a #GP and changes nothing."""
    return s.vcpu_exit == Exit.NONE and value != s.vcpu_xss and value & ~k.guest_xss == 0


def wrmsr_xss(s: Machine, k: Constants, value: int) -> None:
    """Write IA32_XSS: intercepted."""
    s.vcpu_exit = Exit.WRMSR_XSS
    s.vcpu_exit_value = value


def can_xrstors_cet(s: Machine, k: Constants) -> bool:
    """XRSTORS reaches CET_U by IA32_XSS[11]."""
    return can_xsave(s, k) and s.hw_xss[s.cpu] & CET_U != 0


def xrstors_cet(s: Machine, k: Constants, value: int) -> None:
    """Restore CET_U from an image."""
    s.hw_cet_u[s.cpu] = value
    s.hw_xinuse[s.cpu] |= CET_U
    s.ghost_cet_u = value


# XFD and AMX.


def xfd_changes(s: Machine, k: Constants, value: int) -> bool:
    """WRMSR of IA32_XFD names TILEDATA only, and only if the guest's CPUID has it."""
    return s.vcpu_exit == Exit.NONE and k.guest_xcr0 & TILE != 0 and value != s.ghost_xfd


def wrmsr_xfd(s: Machine, k: Constants, value: int) -> None:
    """Write IA32_XFD: exits until KVM lets it through."""
    if s.vcpu_xfd_passthrough:
        s.hw_xfd[s.cpu] = value
        lose_disabled_tiles(s, k, value)
    else:
        s.vcpu_exit = Exit.WRMSR_XFD
        s.vcpu_exit_value = value


def tiles_enabled(s: Machine, k: Constants) -> bool:
    """AMX instructions need CR4.OSXSAVE and both XCR0 bits."""
    return can_xsave(s, k) and s.hw_xcr0[s.cpu] & (XTILECFG | TILE) == (XTILECFG | TILE)


def can_use_tiles(s: Machine, k: Constants) -> bool:
    """With XFD clear they work."""
    return tiles_enabled(s, k) and s.hw_xfd[s.cpu] & TILE == 0


def write_tile(s: Machine, k: Constants, value: int) -> None:
    """Load a tile."""
    s.hw_tile[s.cpu] = value
    s.hw_xinuse[s.cpu] |= TILE
    s.ghost_tile = value


def release_tiles(s: Machine, k: Constants) -> None:
    """TILERELEASE: back to the initial configuration."""
    s.hw_tile[s.cpu] = Value.INIT
    s.hw_xinuse[s.cpu] &= ~TILE
    s.ghost_tile = Value.INIT


def tiles_disabled(s: Machine, k: Constants) -> bool:
    """With XFD set they raise #NM."""
    return tiles_enabled(s, k) and s.hw_xfd[s.cpu] & TILE != 0


def use_disabled_tiles(s: Machine, k: Constants) -> None:
    """Raise #NM with IA32_XFD_ERR set; KVM intercepts #NM once the guest's XFD may be nonzero."""
    s.hw_xfd_err[s.cpu] |= TILE
    s.ghost_xfd_err |= TILE
    if s.vcpu_xfd_passthrough or s.fp_xfd[Buffer.GUEST]:
        s.vcpu_exit = Exit.DEVICE_NOT_AVAILABLE


def has_xfd_err(s: Machine, k: Constants) -> bool:
    """The guest's #NM handler reads IA32_XFD_ERR without an exit and then clears it."""
    return s.vcpu_exit == Exit.NONE and s.ghost_xfd_err != 0


def wrmsr_xfd_err(s: Machine, k: Constants) -> None:
    """Clear IA32_XFD_ERR: always exits."""
    s.vcpu_exit = Exit.WRMSR_XFD_ERR
    s.vcpu_exit_value = 0


# Exits that the guest does not ask for, and HLT.


HLT_PENDING = "HLT with a wake event pending"
"""HLT of a guest that has an event to wake up for already, so that the vCPU's thread does not sleep."""


def exit_for(reason: int) -> "tuple[Exit, ...]":
    """Return one reason as a choice's only value."""
    return (Exit(reason),)


def leave(s: Machine, k: Constants, reason: int) -> None:
    """Exit with a reason that carries no operand."""
    s.vcpu_exit = reason


def guest_event(
    vendor_run: str, name: str, effect: Callable[..., int | None], **rest: Any
) -> Event:
    """Return an event in guest mode, where no exit is pending unless `when` says otherwise.

    `vendor_run` names the path whose `vmexit` step ends guest mode.
    """
    rest.setdefault("when", idle_exit)
    return Event(name, "guest", effect, interrupts=("vcpu",), at=(f"{vendor_run}.vmexit",), **rest)


def guest_events(vendor_run: str) -> tuple[Event, ...]:
    """Return every event of the guest; `vendor_run` names the path whose `vmexit` step ends guest mode."""
    sdm = "sdm:"
    intercept = "linux:arch/x86/kvm/vmx/vmx.c"
    event = partial(guest_event, vendor_run)
    values = (Value.INIT, Value.GUEST)
    cr4 = (0, CR4_OSXSAVE, CR4_PKE, CR4_OSXSAVE | CR4_PKE)
    tiles = XTILECFG | TILE
    xcr0 = (BASE, BASE | AVX, BASE | AVX | PKRU, BASE | AVX | tiles)
    return (
        event("write XMM", write_sse, choose={"value": OWN}, source=f"{sdm}any SSE instruction"),
        event(
            "WRPKRU by guest",
            wrpkru,
            when=can_wrpkru,
            choose={"value": values},
            source=f"{sdm}WRPKRU",
        ),
        event(
            "XRSTOR PKRU",
            xrstor_pkru,
            when=can_xrstor_pkru,
            choose={"value": values},
            source=f"{sdm}XRSTOR",
        ),
        event(
            "MOV CR4", mov_cr4, when=cr4_changes, choose={"value": cr4}, source=f"{sdm}MOV to CR4"
        ),
        event("XSETBV", xsetbv, when=xcr0_changes, choose={"value": xcr0}, source=f"{sdm}XSETBV"),
        event(
            "WRMSR IA32_XSS",
            wrmsr_xss,
            when=xss_changes,
            choose={"value": (0, CET_U | CET_S)},
            source=f"{intercept} (always intercepted)",
        ),
        event(
            "XRSTORS CET_U",
            xrstors_cet,
            when=can_xrstors_cet,
            choose={"value": OWN},
            source=f"{sdm}XRSTORS",
        ),
        event(
            "WRMSR IA32_XFD",
            wrmsr_xfd,
            when=xfd_changes,
            choose={"value": (0, TILE)},
            source=f"{intercept} vmx_set_msr()",
        ),
        event(
            "TILELOADD",
            write_tile,
            when=can_use_tiles,
            choose={"value": (Value.GUEST,)},
            source=f"{sdm}TILELOADD",
        ),
        event("TILERELEASE", release_tiles, when=can_use_tiles, source=f"{sdm}TILERELEASE"),
        event(
            "AMX instruction under XFD",
            use_disabled_tiles,
            when=tiles_disabled,
            source=f"{sdm}Extended Feature Disable (XFD)",
        ),
        event(
            "WRMSR IA32_XFD_ERR",
            wrmsr_xfd_err,
            when=has_xfd_err,
            source=f"{intercept} (always intercepted)",
        ),
        event(
            "fastpath exit",
            leave,
            choose={"reason": exit_for(Exit.FASTPATH)},
            source=f"{intercept} vmx_exit_handlers_fastpath()",
        ),
        event(
            HLT_PENDING,
            leave,
            choose={"reason": exit_for(Exit.INTERRUPT)},
            source=f"{intercept} kvm_emulate_halt(): no halt, so the exit stays in the kernel as an interrupt's does",
        ),
        event(
            "external interrupt",
            leave,
            choose={"reason": exit_for(Exit.INTERRUPT)},
            source=f"{sdm}VM exits",
        ),
        event("NMI exit", leave, choose={"reason": exit_for(Exit.NMI)}, source=f"{sdm}VM exits"),
        event(
            "exit to userspace",
            leave,
            choose={"reason": exit_for(Exit.USERSPACE)},
            source="a port or MMIO access",
        ),
    )
