# SPDX-License-Identifier: Apache-2.0
"""The words of a move: two hosts, the ioctls, what a kernel does its own way, what a VMM decides.

Data only. Masks are the real ones of the manual. A component's contents are one bit: set if they are what the guest
(or the VMM on its behalf) put there, clear if they are in their initial state.
"""

from enum import IntEnum
from typing import Final

from xsavvy.isa.components import AVX, CET_S, CET_U, PKRU, SSE, X87, XTILECFG, XTILEDATA
from xsavvy.kvm.rules import CR4_OSXSAVE, CR4_PKE

__all__ = [
    "CONTENTS",
    "CR4_BITS",
    "MODEL_BITS",
    "RULES",
    "SUPERVISOR",
    "TILES",
    "USER",
    "AbsentPkru",
    "AfterRefusal",
    "CpuidXsave",
    "Fault",
    "FpstateSize",
    "GuestModel",
    "Host",
    "HostFormat",
    "ImageScope",
    "InitStates",
    "Ioctl",
    "Phase",
    "RestoreOrder",
    "SavedMsrs",
    "SizeAlign",
    "TileGuests",
    "UabiSize",
    "XsaveHeader",
    "XsaveXfd",
    "XssToBeSaved",
]

TILES: Final = XTILECFG | XTILEDATA
USER: Final = X87 | SSE | AVX | PKRU | TILES
SUPERVISOR: Final = CET_U | CET_S
MODEL_BITS: Final = USER | SUPERVISOR
CONTENTS: Final = X87 | SSE | AVX | PKRU | CET_U | XTILEDATA
"""Components whose contents the model follows; CET_S stands in masks only, XTILECFG goes with XTILEDATA."""
CR4_BITS: Final = CR4_OSXSAVE | CR4_PKE


class Host(IntEnum):
    """The host that the guest leaves, and the one that it comes to."""

    SOURCE = 0
    DESTINATION = 1


class Phase(IntEnum):
    """How far the move is."""

    AT_SOURCE = 0
    SAVING = 1
    RESTORING = 2
    MOVED = 3
    REFUSED = 4


class Ioctl(IntEnum):
    """Which call of the destination refused what the source had saved."""

    NONE = 0
    ARCH_PRCTL = 1
    SET_CPUID2 = 2
    SET_SREGS = 3
    SET_XSAVE = 4
    SET_XCRS = 5
    SET_MSRS = 6


class Fault(IntEnum):
    """What a kernel instruction or copy did that it must not do."""

    NONE = 0
    XRSTOR_GP = 1
    XRSTOR_NM = 2
    WRITE_BEYOND_BUFFER = 3
    READ_BEYOND_BUFFER = 4


# What a kernel does its own way: each a question with the answer of a kernel, one for each host.


class ImageScope(IntEnum):
    """What bounds the image that KVM_GET_XSAVE emits."""

    HOST = 0
    GUEST = 1
    GUEST_AND_LEGACY = 2
    AT_GET = 3


class HostFormat(IntEnum):
    """In which format the kernel keeps images, and whether KVM knows."""

    STANDARD = 0
    COPIED = 1
    CONVERTED = 2


class XsaveHeader(IntEnum):
    """Whether KVM_SET_XSAVE looks at XCOMP_BV."""

    IGNORED = 0
    CHECKED = 1


class XsaveXfd(IntEnum):
    """What KVM_SET_XSAVE does with a component that XFD disables."""

    KEPT = 0
    DROPPED = 1


class UabiSize(IntEnum):
    """How large KVM's buffer for an image is at least."""

    KVM_XSAVE = 0
    HOST_DEFAULT = 1


class InitStates(IntEnum):
    """Where KVM_GET_XSAVE takes the initial state of a component from."""

    ZEROES = 0
    INIT_FPSTATE = 1


class FpstateSize(IntEnum):
    """From which format the size of the guest's fpstate is computed."""

    KERNEL = 0
    USER = 1


class SizeAlign(IntEnum):
    """Whether the sizes that CPUID tells count the gaps before aligned components."""

    IGNORED = 0
    HONOURED = 1


class TileGuests(IntEnum):
    """Whether a guest may have tiles."""

    NO = 0
    YES = 1


class XssToBeSaved(IntEnum):
    """Whether KVM_GET_MSR_INDEX_LIST has IA32_XSS."""

    NO = 0
    YES = 1


class CpuidXsave(IntEnum):
    """Which instructions of CPUID (0xD,1).EAX KVM tells of."""

    PROCESSOR = 0
    KERNEL = 1


RULES: Final = (
    "image_scope",
    "host_format",
    "xsave_header",
    "xsave_xfd",
    "uabi_size",
    "init_states",
    "fpstate_size",
    "size_align",
    "tile_guests",
    "xss_to_be_saved",
    "cpuid_xsave",
)
"""Names of the questions that each of the two kernels answers for itself."""


# What a VMM decides.


class RestoreOrder(IntEnum):
    """In which order the VMM restores a vCPU."""

    QEMU = 0
    SELFTESTS = 1


class SavedMsrs(IntEnum):
    """Which MSRs the VMM saves."""

    ADVERTISED = 0
    WITHOUT_XSS = 1


class AfterRefusal(IntEnum):
    """What the VMM does when the destination refuses something."""

    STOPS = 0
    GOES_ON = 1


class AbsentPkru(IntEnum):
    """What becomes of the guest's PKRU if an image does not name it (every kernel leaves it alone)."""

    LEFT = 0
    INITIAL = 1


class GuestModel(IntEnum):
    """Which CPUID the VMM gives the guest; its value is the place in the table of models, ANY means all of them."""

    ANY = 0
    PLAIN = 1
    AVX = 2
    KEYS = 3
    TILES = 4
    CET = 5
