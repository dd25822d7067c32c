# SPDX-License-Identifier: Apache-2.0
"""The words of this part: whose size a signal frame has, where its pages are, which designs were argued for."""

from enum import IntEnum
from typing import Final

from xsavvy.model.values import Value

__all__ = [
    "DEFAULT_PKRU",
    "NO_CPU",
    "FrameSize",
    "Outcome",
    "Pages",
    "PkruAfterKthread",
    "PkruHome",
    "PkruOfInit",
    "XfdFpstate",
]

NO_CPU: Final = 2
"""fpu.last_cpu = -1: on no CPU are the registers this task's."""

DEFAULT_PKRU: Final = Value.KERNEL
"""init_pkru_value: what the kernel gives a new program and a signal handler; not the hardware's 0."""


class FrameSize(IntEnum):
    """What xstate_size in a signal frame says, and whether that is what the frame's components need."""

    KERNEL = 0
    SMALLER_HOST = 1
    """An honest frame of a host with fewer components."""
    UNDERSTATED = 2
    """The task wrote a smaller size than its components need, and the second magic number there."""


class Pages(IntEnum):
    """Where the page with the end of the signal frame is."""

    PRESENT = 0
    AWAY = 1
    UNMAPPED = 2


class Outcome(IntEnum):
    """How a step of the signal code ended."""

    DONE = 0
    PAGE_FAULT = 1
    BAD = 2


class XfdFpstate(IntEnum):
    """Whether the guest's fpstate and the guest share one IA32_XFD."""

    TOGETHER = 0
    SEPARATE = 1


class PkruHome(IntEnum):
    """From where the context switch takes the next task's PKRU."""

    THREAD = 0
    XSTATE = 1


class PkruOfInit(IntEnum):
    """What an image without PKRU means to the context switch."""

    HARDWARE_INIT = 0
    KERNEL_DEFAULT = 1


class PkruAfterKthread(IntEnum):
    """What the context switch writes when it leaves a kernel thread."""

    OWN = 0
    KERNEL_DEFAULT = 1
