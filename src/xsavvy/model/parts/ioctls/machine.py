# SPDX-License-Identifier: Apache-2.0
"""The machine under check, with what the ioctls set: permissions, CPUID and what KVM derives from registers.

Sizes are masks: "the size of these components". So a size that was computed from an older XCR0 shows.
"""

from enum import IntEnum
from typing import Annotated, Final

from xsavvy.checker import Choice, Flag, Mask
from xsavvy.isa.components import CET_S, CET_U, SSE, X87, XTILECFG, XTILEDATA
from xsavvy.kvm import ioctls
from xsavvy.model.machine import Machine
from xsavvy.model.values import CR4_OSXSAVE, CR4_PKE, XCR0_ALWAYS, XCR0_BITS, XSS_BITS, Exit, Value

__all__ = [
    "BASE",
    "CET",
    "CPUID_XSAVE",
    "CPUID_XSAVES",
    "PKEYS_CHECKED",
    "TILES",
    "WRITES_CHECKED",
    "Errno",
    "IoctlExit",
    "IoctlMachine",
]

BASE: Final = X87 | SSE
TILES: Final = XTILECFG | XTILEDATA
CET: Final = CET_U | CET_S
USER: Final = XCR0_ALWAYS | XCR0_BITS
ALL: Final = USER | XSS_BITS

CPUID_XSAVE: Final = 1
CPUID_XSAVES: Final = 2

PKEYS_CHECKED: Final = 1
"""mmu->pkru_mask has the bits that CR4.PKE asks for."""
WRITES_CHECKED: Final = 2
"""It has those that CR0.WP adds: supervisor writes heed PKRU.WD."""


class Errno(IntEnum):
    """What an ioctl returned, as errno; 0 is success."""

    SUCCESS = 0
    EPERM = ioctls.EPERM
    EFAULT = ioctls.EFAULT
    EBUSY = ioctls.EBUSY
    EINVAL = ioctls.EINVAL
    EOPNOTSUPP = ioctls.EOPNOTSUPP


class IoctlExit(IntEnum):
    """Why the guest leaves guest mode besides the run loop's reasons: the XSS-exiting bitmap names a component."""

    XRSTORS = 11


class IoctlMachine(Machine):
    """The run loop's machine, a process with guest permissions, and a vCPU that the VMM sets up."""

    # The VMM's process.
    perm_guest: Annotated[int, Mask(ALL), "guest_perm.__state_perm of the group leader"]
    perm_size: Annotated[int, Mask(ALL), "guest_perm.__state_size: of these components"]
    perm_locked: Annotated[int, Flag(), "FPU_GUEST_PERM_LOCKED: there is a vCPU"]

    # What userspace has heard.
    uapi_errno: Annotated[int, Choice(Errno), "what the last ioctl returned"]
    uapi_advertised: Annotated[int, Mask(USER), "XCR0 by KVM_GET_SUPPORTED_CPUID"]
    uapi_advertised_size: Annotated[int, Mask(USER), "and the size that it came with"]
    uapi_image: Annotated[int, Flag(), "an image from KVM_GET_XSAVE2 is up to date"]
    uapi_bv: Annotated[int, Mask(USER), "its XSTATE_BV"]
    uapi_sse: Annotated[int, Choice(Value), "its XMM"]
    uapi_tile: Annotated[int, Choice(Value), "its TILEDATA"]

    # The guest's fpstate, beyond the run loop's.
    fp_room: Annotated[int, Mask(ALL), "what the guest's fpstate was allocated for"]
    fp_avx: Annotated[int, Flag(), "its header and registers have AVX"]
    fp_mxcsr_bad: Annotated[int, Flag(), "its MXCSR has a reserved bit"]

    # KVM's vCPU, beyond the run loop's.
    vcpu_exit: Annotated[int, Choice(Exit, IoctlExit), "the exit being handled"]
    vcpu_operand: Annotated[int, Choice(Value), "what the exiting XRSTORS would load"]
    vcpu_cpuid_xcr0: Annotated[int, Mask(USER), "CPUID (0xD,0) EDX:EAX"]
    vcpu_cpuid_xss: Annotated[int, Mask(XSS_BITS), "CPUID (0xD,1) EDX:ECX"]
    vcpu_cpuid_features: Annotated[int, Mask(CPUID_XSAVE | CPUID_XSAVES), "CPUID XSAVE and XSAVES"]
    vcpu_entered: Annotated[int, Flag(), "last_vmentry_cpu is not -1"]
    vcpu_cr0_wp: Annotated[int, Flag(), "CR0.WP"]
    vcpu_nm_queued: Annotated[int, Flag(), "arch.exception: a #NM waits to be injected"]
    vcpu_nm_of_ts: Annotated[int, Flag(), "the #NM being handled is CR0.TS's"]

    # What KVM derives.
    cpuid_size: Annotated[
        int, Mask(XCR0_BITS, always=XCR0_ALWAYS), "CPUID (0xD,0).EBX: of these components"
    ]
    cpuid_compacted: Annotated[
        int, Mask(XCR0_BITS | XSS_BITS, always=XCR0_ALWAYS), "CPUID (0xD,1).EBX"
    ]
    cpuid_cr4: Annotated[int, Mask(CR4_OSXSAVE | CR4_PKE), "CPUID OSXSAVE and OSPKE"]
    cpuid_dirty: Annotated[int, Flag(), "cpuid_dynamic_bits_dirty"]
    mmu_pkru_mask: Annotated[int, Mask(PKEYS_CHECKED | WRITES_CHECKED), "mmu->pkru_mask"]

    # What should be true.
    ghost_perm: Annotated[int, Mask(ALL), "every permission that was granted"]
    ghost_cpuid_xcr0: Annotated[int, Mask(USER), "CPUID (0xD,0) as last accepted"]
    ghost_cpuid_xss: Annotated[int, Mask(XSS_BITS), "CPUID (0xD,1) as last accepted"]
    ghost_xcr0: Annotated[
        int, Mask(XCR0_BITS, always=XCR0_ALWAYS), "XCR0, as last written with success"
    ]
    ghost_xss: Annotated[int, Mask(XSS_BITS), "IA32_XSS, as last written with success"]
    ghost_nm_due: Annotated[int, Flag(), "a #NM whose handler the guest has not begun"]
    ghost_equal_refused: Annotated[
        int, Flag(), "KVM_SET_CPUID2 refused the CPUID that the vCPU has"
    ]
    ghost_wrong_gp: Annotated[int, Flag(), "a write of the guest went against its CPUID"]
