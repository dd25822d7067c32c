# SPDX-License-Identifier: Apache-2.0
"""IA32_XFD of the guest apart from the fpstate's: a design that was proposed and refused, and how to refuse it.

The kernel's XSAVES and XRSTORS then run on the task's own IA32_XFD, and the guest's is loaded at entry. XRSTORS cannot
fault any more, but XSAVES runs on whatever the register holds.
Source: mail "[PATCH 2/5] x86, fpu: separate fpstate->xfd and guest XFD" (24 Dec 2025) and its reply of 29 Dec 2025.
"""

from xsavvy.checker import Program
from xsavvy.model.constants import Constants
from xsavvy.model.emulate import lose_disabled_tiles, set_fpstate_xfd
from xsavvy.model.guest import release_tiles, write_tile, wrmsr_xfd
from xsavvy.model.run import sync_xfd
from xsavvy.model.values import TILE, Buffer, Value
from xsavvy.model.vmm import store_image
from xsavvy.model.xfeatures import load_guest_xfd_err

from .machine import TaskMachine
from .values import XfdFpstate

__all__ = ["image_tile", "with_guest_xfd"]


def image_tile(s: TaskMachine, k: Constants) -> int:
    """Return what KVM_GET_XSAVE would say of TILEDATA."""
    return s.fp_tile[Buffer.GUEST] if s.fp_xstate_bv[Buffer.GUEST] & TILE else Value.INIT


def set_image(s: TaskMachine, k: Constants, xstate_bv: int) -> None:
    """Store an image in the guest's fpstate; what KVM_GET_XSAVE would return now must stay so."""
    store_image(s, k, xstate_bv)
    s.ghost_uapi_tile = image_tile(s, k)


def load_guest_xfd(s: TaskMachine, k: Constants) -> None:
    """Load the guest's IA32_XFD, where it is kept apart, and its IA32_XFD_ERR."""
    if k.xfd_fpstate == XfdFpstate.SEPARATE and s.cpu_xfd_state[s.cpu] != s.vcpu_xfd:
        s.hw_xfd[s.cpu] = s.vcpu_xfd
        s.cpu_xfd_state[s.cpu] = s.vcpu_xfd
    load_guest_xfd_err(s, k)


def sync_guest_xfd(s: TaskMachine, k: Constants) -> None:
    """Read IA32_XFD back after an exit, to where the guest's is kept."""
    if k.xfd_fpstate == XfdFpstate.TOGETHER:
        sync_xfd(s, k)
    elif s.vcpu_xfd_passthrough:
        s.vcpu_xfd = s.hw_xfd[s.cpu]
        s.cpu_xfd_state[s.cpu] = s.hw_xfd[s.cpu]


def set_guest_xfd(s: TaskMachine, k: Constants) -> None:
    """Store the guest's IA32_XFD where it is kept."""
    s.ghost_uapi_tile = Value.ANY
    if k.xfd_fpstate == XfdFpstate.TOGETHER:
        set_fpstate_xfd(s, k)
    else:
        s.vcpu_xfd = s.vcpu_exit_value
        lose_disabled_tiles(s, k, s.vcpu_exit_value)


def guest_writes_xfd(s: TaskMachine, k: Constants, value: int) -> None:
    """Write IA32_XFD in the guest; its tiles are no longer what userspace set."""
    wrmsr_xfd(s, k, value)
    s.ghost_uapi_tile = Value.ANY


def guest_writes_tile(s: TaskMachine, k: Constants, value: int) -> None:
    """Load a tile in the guest."""
    write_tile(s, k, value)
    s.ghost_uapi_tile = Value.ANY


def guest_releases_tiles(s: TaskMachine, k: Constants) -> None:
    """Put the tiles back to their initial configuration in the guest."""
    release_tiles(s, k)
    s.ghost_uapi_tile = Value.ANY


def with_guest_xfd(program: Program) -> Program:
    """Return a program that can keep the guest's IA32_XFD apart, and remembers what KVM_SET_XSAVE set."""
    return (
        program.replaced("vcpu_enter_guest.load_guest_xfd_err", effect=load_guest_xfd)
        .replaced("vcpu_exit_guest.sync_xfd", effect=sync_guest_xfd)
        .replaced("set_msr_xfd.set_fpstate_xfd", effect=set_guest_xfd)
        .replaced_event("KVM_SET_XSAVE", effect=set_image)
        .replaced_event("WRMSR IA32_XFD", effect=guest_writes_xfd)
        .replaced_event("TILELOADD", effect=guest_writes_tile)
        .replaced_event("TILERELEASE", effect=guest_releases_tiles)
    )
