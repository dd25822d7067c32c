# SPDX-License-Identifier: Apache-2.0
"""What the VMM's thread does between two KVM_RUNs, and what an allocator may do to KVM.

The ioctls are taken as one step each: the guest's fpstate is not installed then.
Source: arch/x86/kvm/x86.c kvm_vcpu_ioctl_x86_set_xsave(); arch/x86/kernel/fpu/core.c
fpu_copy_uabi_to_guest_fpstate(); seed 001 for a reallocation that fails.
"""

from collections.abc import Callable
from typing import Any

from xsavvy.checker import Event
from xsavvy.isa.components import CET_U, PKRU, SSE
from xsavvy.kvm.ioctls import set_xsave_bv, set_xsave_stored_bv

from .constants import Allocation, Constants, XfdHeader
from .machine import Machine
from .values import IMAGE, TILE, Buffer, Realloc, Value
from .xstate import note_pkru_inuse

__all__ = ["image_as_seen", "store_image", "vmm_event", "vmm_events"]


def write_own_pkru(s: Machine, k: Constants, value: int) -> None:
    """WRPKRU in the VMM: its memory has keys of its own."""
    s.hw_pkru[s.cpu] = value
    note_pkru_inuse(s, k)
    s.ghost_vmm_pkru = value


def pkru_differs(s: Machine, k: Constants, value: int) -> bool:
    """A write of the same value changes nothing."""
    return k.host_xcr0 & PKRU != 0 and value != s.ghost_vmm_pkru


def image_has_room(s: Machine, k: Constants, xstate_bv: int) -> bool:
    """KVM refuses components that the guest's fpstate lacks."""
    return xstate_bv & TILE & ~s.fp_xfeatures[Buffer.GUEST] == 0 and xstate_bv & ~k.host_xcr0 == 0


def image_as_seen(s: Machine, k: Constants, xstate_bv: int) -> int:
    """Return which components of the VMM's image KVM looks at: none that XFD disables, once it masks the header."""
    drops = 1 if k.xfd_header == XfdHeader.CLEARED else 0
    return set_xsave_bv(xstate_bv, s.fp_xfd[Buffer.GUEST], drops)


def store_image(s: Machine, k: Constants, xstate_bv: int) -> None:
    """Copy an image that KVM has accepted to the guest's fpstate; what it lacks is initial from now on.

    A component that XFD disables may be dropped: the guest may count on nothing then.
    """
    stored = image_as_seen(s, k, xstate_bv)
    before = s.fp_xstate_bv[Buffer.GUEST]
    s.fp_xstate_bv[Buffer.GUEST] = set_xsave_stored_bv(before, stored & IMAGE, CET_U)
    s.ghost_sse = Value.INIT
    s.ghost_tile = Value.INIT
    if stored & SSE:
        s.fp_sse[Buffer.GUEST] = Value.GUEST2
        s.ghost_sse = Value.GUEST2
    if stored & TILE:
        s.fp_tile[Buffer.GUEST] = Value.GUEST2
        s.ghost_tile = Value.GUEST2
    if xstate_bv & TILE & s.ghost_xfd:
        s.ghost_tile = Value.ANY


def realloc_due(s: Machine, k: Constants) -> bool:
    """An allocation can fail where the scenario lets it."""
    return k.allocation == Allocation.MAY_FAIL and s.vcpu_realloc == Realloc.REQUESTED


def fail(s: Machine, k: Constants) -> int:
    """Return an error to userspace instead of a larger fpstate."""
    s.vcpu_realloc = Realloc.FAILED
    return 1


def vmm_event(name: str, effect: Callable[..., int | None], **rest: Any) -> Event:
    """Return an event of the VMM's thread in user mode, between two KVM_RUNs."""
    return Event(name, "vmm", effect, interrupts=("vcpu",), at=("vmm",), **rest)


def vmm_events(on_demand: bool) -> tuple[Event, ...]:
    """Return the VMM's actions; a failing reallocation only where there is one."""
    events: tuple[Event, ...] = (
        vmm_event(
            "WRPKRU by VMM",
            write_own_pkru,
            when=pkru_differs,
            choose={"value": (Value.VMM, Value.VMM2)},
            source="userspace",
        ),
        vmm_event(
            "KVM_SET_XSAVE",
            store_image,
            when=image_has_room,
            choose={"xstate_bv": (0, SSE, SSE | TILE)},
            source="linux:arch/x86/kvm/x86.c kvm_vcpu_ioctl_x86_set_xsave()",
        ),
    )
    if on_demand:
        failure = Event(
            "allocation fails",
            "kvm",
            fail,
            when=realloc_due,
            interrupts=("vcpu",),
            at=("fpstate_realloc",),
            to={1: "vcpu_put"},
            source="thread:seed 001",
        )
        events = (*events, failure)
    return events
