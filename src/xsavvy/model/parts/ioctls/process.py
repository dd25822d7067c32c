# SPDX-License-Identifier: Apache-2.0
"""The VMM's process: guest permissions, the first vCPU, what KVM advertises.

An ioctl that no interleaving can divide is one event in user mode.
Source: arch/x86/kernel/fpu/xstate.c xstate_request_perm(); arch/x86/kvm/cpuid.c __do_cpuid_func().
"""

from xsavvy.checker import Event
from xsavvy.kvm.ioctls import (
    filtered_xcr0,
    granted_permission,
    request_permission_errno,
)
from xsavvy.model.constants import Constants
from xsavvy.model.values import Value
from xsavvy.model.vmm import vmm_event

from .machine import TILES, Errno, IoctlMachine

__all__ = [
    "advertise",
    "advertise_all",
    "advertise_sizes_of_all",
    "drop_image",
    "process_events",
    "request_add",
    "request_drop_supervisor",
    "vcpu_is_there",
]

CPUID = "linux:arch/x86/kvm/cpuid.c"
XSTATE = "linux:arch/x86/kernel/fpu/xstate.c"


def drop_image(s: IoctlMachine, k: Constants) -> None:
    """Forget what KVM_GET_XSAVE2 returned: it is no longer up to date."""
    s.uapi_image = 0
    s.uapi_bv = 0
    s.uapi_sse = Value.INIT
    s.uapi_tile = Value.INIT


def vcpu_is_there(s: IoctlMachine, k: Constants) -> bool:
    """There is a file descriptor to call the ioctl on."""
    return s.perm_locked != 0


# Permissions.


def request_permission(
    s: IoctlMachine, k: Constants, requested: int, adds: int, keeps: int
) -> None:
    """Check a request, compute the size of what will then be permitted, store the mask."""
    errno = request_permission_errno(requested, k.host_xcr0, s.perm_guest, s.perm_locked)
    s.uapi_errno = errno
    if errno == Errno.SUCCESS:
        if requested & ~s.perm_guest:
            s.perm_size = s.perm_guest | requested
        s.perm_guest = granted_permission(s.perm_guest, requested, k.host_xss, adds, keeps)
        s.ghost_perm |= requested


def request_overwrite(s: IoctlMachine, k: Constants, requested: int) -> None:
    """Store the request in the place of what was permitted (to v5.17)."""
    request_permission(s, k, requested, 0, 0)


def request_drop_supervisor(s: IoctlMachine, k: Constants, requested: int) -> None:
    """Add the request, and store the user components of the sum.

    Source: commit 063452fd94d1 (x86/fpu/xstate: Fix the ARCH_REQ_XCOMP_PERM implementation).
    """
    request_permission(s, k, requested, 1, 0)


def request_add(s: IoctlMachine, k: Constants, requested: int) -> None:
    """Add the request to what was permitted.

    Source: commit d8414603b29f (x86/fpu/xstate: Always preserve non-user xfeatures/flags in __state_perm).
    """
    request_permission(s, k, requested, 1, 1)


def no_vcpu_yet(s: IoctlMachine, k: Constants) -> bool:
    """The process has no vCPU; the model's has one at most."""
    return s.perm_locked == 0


def create_vcpu(s: IoctlMachine, k: Constants) -> None:
    """Lock the permissions; the guest's fpstate is of the default size, whatever is permitted.

    Source: arch/x86/kernel/fpu/core.c fpu_alloc_guest_fpstate(), fpu_lock_guest_permissions().
    """
    s.perm_locked = 1
    s.uapi_errno = Errno.SUCCESS


# What KVM advertises.


def tell(s: IoctlMachine, xcr0: int, sizes: int) -> None:
    """Hand XCR0 and the size of components to userspace."""
    s.uapi_advertised = xcr0
    s.uapi_advertised_size = sizes
    s.uapi_errno = Errno.SUCCESS


def advertise(s: IoctlMachine, k: Constants) -> None:
    """Advertise what the process may use, the tiles whole or not at all.

    Source: commits 6be3ae45f567, 55cd57b596e8 (KVM: x86: Filter out XTILE_CFG if XTILE_DATA isn't permitted).
    """
    xcr0 = filtered_xcr0(k.host_xcr0, s.perm_guest, 1, 1, 1)
    tell(s, xcr0, xcr0)


def advertise_permitted(s: IoctlMachine, k: Constants) -> None:
    """Advertise what the process may use; TILECFG needs no permission of its own (v5.17 to v6.3)."""
    xcr0 = filtered_xcr0(k.host_xcr0, s.perm_guest, 1, 0, 0)
    tell(s, xcr0, xcr0)


def advertise_sizes_of_all(s: IoctlMachine, k: Constants) -> None:
    """Advertise what the process may use, with sizes of all that the host has.

    Source: commit 1ffce0924a8c (KVM: x86/cpuid: Exclude unpermitted xfeatures sizes at KVM_GET_SUPPORTED_CPUID).
    """
    tell(s, filtered_xcr0(k.host_xcr0, s.perm_guest, 1, 0, 0), k.host_xcr0)


def advertise_all(s: IoctlMachine, k: Constants) -> None:
    """Advertise all that the host has.

    Source: commit 445ecdf79be0 (kvm: x86: Exclude unpermitted xfeatures at KVM_GET_SUPPORTED_CPUID).
    """
    tell(s, k.host_xcr0, k.host_xcr0)


def process_events() -> tuple[Event, ...]:
    """Return what the VMM asks of the kernel before it sets a vCPU up."""
    return (
        vmm_event(
            "ARCH_REQ_XCOMP_GUEST_PERM",
            request_overwrite,
            source=f"{XSTATE} xstate_request_perm()",
            choose={"requested": (TILES,)},
        ),
        vmm_event(
            "KVM_CREATE_VCPU", create_vcpu, source="linux:virt/kvm/kvm_main.c", when=no_vcpu_yet
        ),
        vmm_event(
            "KVM_GET_SUPPORTED_CPUID", advertise_permitted, source=f"{CPUID} __do_cpuid_func()"
        ),
    )
