# SPDX-License-Identifier: Apache-2.0
"""States of a vCPU that the VMM sets up by ioctls which must be reachable, so that its properties are not empty."""

from xsavvy.checker import Witness
from xsavvy.isa.components import SSE
from xsavvy.model.constants import Constants
from xsavvy.model.properties import guest_has_xsave
from xsavvy.model.values import TILE, Buffer, Value

from .machine import BASE, CPUID_XSAVE, WRITES_CHECKED, Errno, IoctlMachine
from .properties import guest_runs, vmm_runs

__all__ = ["WITNESSES"]


def nm_is_queued(s: IoctlMachine, k: Constants) -> bool:
    """A #NM waits for the next entry while the VMM runs."""
    return vmm_runs(s, k) and s.vcpu_nm_queued != 0


def guest_enabled_avx(s: IoctlMachine, k: Constants) -> bool:
    """The guest runs on an XCR0 above x87 and SSE."""
    return guest_runs(s, k) and s.vcpu_xcr0 & ~BASE != 0


def guest_has_protection_keys(s: IoctlMachine, k: Constants) -> bool:
    """The guest runs with CR4.PKE and CR0.WP, and KVM knows it."""
    return guest_runs(s, k) and s.mmu_pkru_mask & WRITES_CHECKED != 0


def guest_has_xss(s: IoctlMachine, k: Constants) -> bool:
    """The guest runs with components in IA32_XSS."""
    return guest_runs(s, k) and s.vcpu_xss != 0


def tiles_are_permitted(s: IoctlMachine, k: Constants) -> bool:
    """There is a vCPU in a process that may give it tiles."""
    return s.perm_locked != 0 and s.perm_guest & TILE != 0


def guest_fpstate_has_grown(s: IoctlMachine, k: Constants) -> bool:
    """The guest's fpstate has room for tiles."""
    return s.fp_xfeatures[Buffer.GUEST] & TILE != 0


def tiles_are_advertised(s: IoctlMachine, k: Constants) -> bool:
    """KVM has advertised tiles."""
    return s.uapi_advertised & TILE != 0


def cpuid_was_refused(s: IoctlMachine, k: Constants) -> bool:
    """KVM_SET_CPUID2 with tiles was refused for want of a permission."""
    return s.uapi_errno == Errno.EPERM


def image_has_the_guests_value(s: IoctlMachine, k: Constants) -> bool:
    """The VMM has read a value that the guest's XMM got from the guest or from the VMM."""
    return s.uapi_bv & SSE != 0 and s.uapi_sse != Value.INIT


def guest_lacks_xsaves(s: IoctlMachine, k: Constants) -> bool:
    """A guest without XSAVES in its CPUID runs with CR4.OSXSAVE."""
    return guest_runs(s, k) and guest_has_xsave(s, k) and s.vcpu_cpuid_features == CPUID_XSAVE


WITNESSES = (
    Witness("guest_enabled_avx", "The guest runs on an XCR0 above x87 and SSE.", guest_enabled_avx),
    Witness(
        "guest_has_protection_keys",
        "The guest runs with CR4.PKE and CR0.WP, and KVM knows it.",
        guest_has_protection_keys,
    ),
    Witness("guest_has_xss", "The guest runs with components in IA32_XSS.", guest_has_xss),
    Witness(
        "tiles_are_permitted",
        "There is a vCPU in a process that may give it tiles.",
        tiles_are_permitted,
    ),
    Witness(
        "guest_fpstate_has_grown",
        "The guest's fpstate has room for tiles.",
        guest_fpstate_has_grown,
    ),
    Witness("tiles_are_advertised", "KVM has advertised tiles.", tiles_are_advertised),
    Witness(
        "cpuid_was_refused",
        "KVM_SET_CPUID2 with tiles was refused for want of a permission.",
        cpuid_was_refused,
    ),
    Witness(
        "image_has_the_guests_value",
        "The VMM has read a value of the guest's XMM.",
        image_has_the_guests_value,
    ),
    Witness(
        "guest_lacks_xsaves",
        "A guest without XSAVES in its CPUID runs with CR4.OSXSAVE.",
        guest_lacks_xsaves,
    ),
    Witness(
        "device_not_available_waits_in_userspace",
        "A #NM waits for the next entry while the VMM runs.",
        nm_is_queued,
    ),
)
