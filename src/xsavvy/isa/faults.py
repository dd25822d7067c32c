# SPDX-License-Identifier: Apache-2.0
"""What can stop an instruction: an exception, or an exit to the hypervisor.

The order in which the causes are looked at is the order of the checks in
`xsavvy.isa.entry.entry_stop`, `plan_xrstor` and the plans of `access`.

Sources: SDM "Exceptions" of each instruction's page; priorities as measured on Zen 4 and Bochs
(`xsavvy.isa.sources`).
"""

from __future__ import annotations

import enum
from typing import NamedTuple


class Vector(enum.IntEnum):
    """Exceptions that the XSAVE family raises."""

    UD = 6
    NM = 7
    GP = 13
    PF = 14


class Reason(enum.Enum):
    """Why an instruction did not complete; the value is a sentence."""

    UNSUPPORTED = "the processor does not have the instruction"
    ENCODING = "a LOCK, 66, F2 or F3 prefix is not allowed"
    OSXSAVE = "CR4.OSXSAVE is 0"
    PKE = "CR4.PKE is 0"
    ENABLE_XSAVES = "the hypervisor does not enable XSAVES (VMX control ENABLE_XSAVES)"
    PRIVILEGE = "the current privilege level is not 0"
    TASK_SWITCHED = "CR0.TS is 1"
    ALIGNMENT = "the operand is not aligned to 64 bytes"
    HEADER_PAGE = "the XSAVE header is not accessible"
    PAYLOAD_PAGE = "a byte of the XSAVE area is not accessible"
    NOT_COMPACTED = "XRSTORS needs XCOMP_BV[63]=1"
    HEADER = "the XSAVE header is not legal"
    XFD = "IA32_XFD disables a component that would be loaded"
    MXCSR = "MXCSR would get a reserved bit"
    PAYLOAD = "a supervisor register would get an illegal value"
    ECX = "ECX names no register"
    EDX = "EDX is not 0"
    VALUE = "the register does not accept the value"
    XSS_EXITING = "the hypervisor intercepts a requested component (XSS-exiting bitmap)"
    XSETBV_EXITING = "the hypervisor intercepts XSETBV"


class Fault(NamedTuple):
    """An exception; nothing that the instruction names has changed.

    Attributes:
        vector: exception vector.
        reason: why.
        error_code: as pushed, None for vectors without one.
        address: linear address for CR2 (#PF), else None.
        xfd_err: what IA32_XFD_ERR is loaded with; 0 leaves it alone.

    >>> Fault(Vector.GP, Reason.ALIGNMENT, 0).describe()
    '#GP(0): the operand is not aligned to 64 bytes'
    """

    vector: Vector
    reason: Reason
    error_code: int | None = None
    address: int | None = None
    xfd_err: int = 0

    def describe(self) -> str:
        """Write the exception and its cause on one line."""
        code = "" if self.error_code is None else f"({self.error_code})"
        return f"#{self.vector.name}{code}: {self.reason.value}"


class Exit(NamedTuple):
    """An exit from guest to hypervisor instead of the instruction; nothing has changed.

    >>> Exit(Reason.XSETBV_EXITING).describe()
    'exit: the hypervisor intercepts XSETBV'
    """

    reason: Reason

    def describe(self) -> str:
        """Write the cause on one line."""
        return f"exit: {self.reason.value}"


Stop = Fault | Exit | None
"""What stopped an instruction, or None."""


def undefined(reason: Reason) -> Fault:
    """Raise #UD."""
    return Fault(Vector.UD, reason)


def protection(reason: Reason) -> Fault:
    """Raise #GP(0)."""
    return Fault(Vector.GP, reason, 0)


def not_available(reason: Reason, xfd_err: int = 0) -> Fault:
    """Raise #NM, loading IA32_XFD_ERR when XFD is the cause."""
    return Fault(Vector.NM, reason, xfd_err=xfd_err)


def page(reason: Reason, address: int, error_code: int) -> Fault:
    """Raise #PF with CR2 and error code."""
    return Fault(Vector.PF, reason, error_code, address)
