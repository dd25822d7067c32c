# SPDX-License-Identifier: Apache-2.0
"""What costs something: the kinds of events, and a tally of them.

An event is an instruction or a transition that a step of the model stands for. Counts are exact; what one takes on a
CPU is a matter of `weights`.
"""

from __future__ import annotations

from collections import Counter
from enum import StrEnum
from typing import NamedTuple

__all__ = ["Event", "Kind", "Tally"]


class Kind(StrEnum):
    """What happened; `detail` of an `Event` says more, where there is more to say."""

    VMEXIT = "vmexit"
    """VM exit. Detail: the reason, as the model shows `vcpu_exit` (wrmsr_xfd, fastpath, interrupt, ...)."""
    VMENTRY = "vmentry"
    """VM entry."""
    RDMSR = "rdmsr"
    """RDMSR. Detail: the register's name in the manual, such as IA32_XFD."""
    WRMSR = "wrmsr"
    """WRMSR. Detail: the register's name."""
    XGETBV = "xgetbv"
    """XGETBV of XCR0."""
    XSETBV = "xsetbv"
    """XSETBV of XCR0."""
    RDPKRU = "rdpkru"
    """RDPKRU."""
    WRPKRU = "wrpkru"
    """WRPKRU."""
    XRSTOR = "xrstor"
    """XRSTOR, from user memory or of one small component instead of WRPKRU. Detail: the number of bytes read."""
    XSAVE = "xsave"
    """XSAVE to user memory. Detail: the number of bytes written, in the standard format without its gaps."""
    XSAVES = "xsaves"
    """XSAVES. Detail: the number of bytes written, header and legacy area with them."""
    XRSTORS = "xrstors"
    """XRSTORS. Detail: the number of bytes read, header and legacy area with them."""
    ENTER_KERNEL = "enter_kernel"
    """From user mode into the kernel: KVM_RUN. Detail: another system call's name, or interrupt."""
    EXIT_TO_USERSPACE = "exit_to_userspace"
    """Back to the VMM in user mode. Detail: the name of a system call that is one step in the model."""
    CONTEXT_SWITCH = "context_switch"
    """The scheduler switches to another task."""
    IRQ = "irq"
    """A hardware interrupt in the host, with the softirq that follows it."""
    NMI = "nmi"
    """A non-maskable interrupt in the host."""
    CLGI = "clgi"
    """CLGI (SVM)."""
    STGI = "stgi"
    """STGI (SVM)."""
    ALLOCATION = "allocation"
    """The guest's fpstate is allocated anew. Detail: its size in bytes."""


class Event(NamedTuple):
    """One kind of event, and its detail (empty if it has none).

    `by` is `host` for the kernel's own, `guest` for an instruction that the guest executes without an exit.

    >>> str(Event(Kind.WRMSR, "IA32_XFD")), str(Event(Kind.VMENTRY))
    ('wrmsr IA32_XFD', 'vmentry')
    """

    kind: Kind
    detail: str = ""
    by: str = "host"

    def __str__(self) -> str:
        words = f"{self.kind} {self.detail}".rstrip()
        return words if self.by == "host" else f"{words} (guest)"


Tally = Counter[Event]
"""How often each event happened."""
