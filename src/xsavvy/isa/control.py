# SPDX-License-Identifier: Apache-2.0
"""What is enabled now: control registers, privilege and the hypervisor's say.

Sources: SDM "Enabling the XSAVE Feature Set and XSAVE-Enabled Features", "Instructions That Cause
VM Exits", "Enable XSAVES/XRSTORS" and "XSS-Exiting Bitmap"; APM "XSETBV intercept".
"""

from __future__ import annotations

from typing import NamedTuple

from xsavvy.isa.components import ALL


class Control(NamedTuple):
    """Registers that decide whether and on what an instruction works.

    Attributes:
        xcr0, xss, xfd: the registers' values (IA32_XSS, IA32_XFD).
        cpl: current privilege level, 0 to 3.
        osxsave, pke: CR4.OSXSAVE, CR4.PKE.
        ts: CR0.TS.
        non_root: the processor runs a guest (VMX non-root operation, SVM guest mode).
        enable_xsaves: VMX control ENABLE_XSAVES; only looked at in a guest.
        xss_exiting: VMX XSS-exiting bitmap; only looked at in a guest.
        xsetbv_exits: XSETBV is intercepted; only looked at in a guest, on Intel always true.

    >>> Control(xcr0=0x7, xss=0x1800).features == 0x1807
    True
    """

    xcr0: int
    xss: int = 0
    xfd: int = 0
    cpl: int = 0
    osxsave: bool = True
    pke: bool = True
    ts: bool = False
    non_root: bool = False
    enable_xsaves: bool = True
    xss_exiting: int = 0
    xsetbv_exits: bool = True

    @property
    def features(self) -> int:
        """Give every enabled component, user and supervisor."""
        return self.xcr0 | self.xss


class Operand(NamedTuple):
    """The memory operand as the address translation sees it.

    Attributes:
        address: linear address of the XSAVE area.
        accessible: bytes from there on that may be accessed, None for all.
        writable: bytes from there on that may be written, None for all that may be accessed.
        prefixed: the encoding has LOCK, 66, F2 or F3.
    """

    address: int = 0
    accessible: int | None = None
    writable: int | None = None
    prefixed: bool = False


ANYWHERE = Operand()
"""An aligned, accessible, writable area."""


class Tracking(NamedTuple):
    """What the processor knows about the extended registers.

    Attributes:
        xinuse: XINUSE; bit 1 speaks of the XMM registers alone.
        mxcsr_initial: MXCSR holds 1F80H.
        xmodified: XMODIFIED as this instruction may use it (`masks.xmodified_seen`).
    """

    xinuse: int
    mxcsr_initial: bool = True
    xmodified: int = ALL
