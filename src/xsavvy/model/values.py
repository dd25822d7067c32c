# SPDX-License-Identifier: Apache-2.0
"""The words of the model: who runs, whose value a component holds, in which context.

Data only. A component's contents are one token that says whose value it is; masks are the real ones of the
manual, so that a trace shows the XCR0 that a debugger would show.
"""

from enum import IntEnum
from typing import Final

from xsavvy.isa.components import AVX, CET_S, CET_U, PKRU, SSE, X87, XTILECFG, XTILEDATA
from xsavvy.kvm.rules import CR4_OSXSAVE, CR4_PKE

__all__ = [
    "BH_OFF",
    "CONTEXT_NAMES",
    "CR4_OSXSAVE",
    "CR4_PKE",
    "GUEST_MODE",
    "IMAGE",
    "IRQS_OFF",
    "NMI_OFF",
    "PREEMPT_OFF",
    "TILE",
    "TRACKED",
    "USER_MODE",
    "XCR0_ALWAYS",
    "XCR0_BITS",
    "XSS_BITS",
    "Buffer",
    "Exit",
    "Fault",
    "Realloc",
    "Task",
    "Value",
]


class Value(IntEnum):
    """Whose value a register or a slot of an image holds."""

    INIT = 0
    GUEST = 1
    GUEST2 = 2
    VMM = 3
    VMM2 = 4
    OTHER = 5
    KERNEL = 6
    ANY = 7
    """In a ghost: lost or kept, as the architecture pleases (XFD was set). Elsewhere: stale, must not be used."""


class Task(IntEnum):
    """A host task; as owner of a CPU's registers, NOBODY means that no task may trust them."""

    VMM = 0
    OTHER = 1
    NOBODY = 2


class Buffer(IntEnum):
    """An fpstate in memory: that of the VMM's thread, of the other task, of the guest."""

    VMM = 0
    OTHER = 1
    GUEST = 2


class Exit(IntEnum):
    """Why the guest left guest mode."""

    NONE = 0
    XSETBV = 1
    CR4 = 2
    WRMSR_XSS = 3
    WRMSR_XFD = 4
    WRMSR_XFD_ERR = 5
    DEVICE_NOT_AVAILABLE = 6
    FASTPATH = 7
    INTERRUPT = 8
    NMI = 9
    USERSPACE = 10


class Fault(IntEnum):
    """A fault of a kernel instruction that the kernel does not survive."""

    NONE = 0
    XRSTORS_GP = 1
    XRSTORS_NM = 2
    XSETBV_GP = 3
    NULL_FPSTATE = 4
    WRITE_BEYOND_FPSTATE = 5


class Realloc(IntEnum):
    """How far the growth of the guest's fpstate is, where it grows on demand (seed 001)."""

    NONE = 0
    REQUESTED = 1
    DONE = 2
    FAILED = 3


TILE: Final = XTILEDATA
"""The component that XFD governs."""

IMAGE: Final = SSE | CET_U | TILE
"""Components whose contents an image carries; SSE stands for every component without a rule of its own.

PKRU is left out: the kernel saves its slot and never restores it.
"""

TRACKED: Final = IMAGE | PKRU
"""Components whose contents the registers carry."""

XCR0_ALWAYS: Final = X87 | SSE
XCR0_BITS: Final = AVX | PKRU | XTILECFG | XTILEDATA
XSS_BITS: Final = CET_U | CET_S

PREEMPT_OFF: Final = 1
BH_OFF: Final = 2
IRQS_OFF: Final = 4
NMI_OFF: Final = 8
GUEST_MODE: Final = 16
USER_MODE: Final = 32

CONTEXT_NAMES: Final = {
    PREEMPT_OFF: "preemption off",
    BH_OFF: "bottom halves off",
    IRQS_OFF: "interrupts off",
    NMI_OFF: "NMIs held",
    GUEST_MODE: "guest mode",
    USER_MODE: "user mode",
}
