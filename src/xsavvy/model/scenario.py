# SPDX-License-Identifier: Apache-2.0
"""What a scenario is, and the groups of events that many have in common.

A scenario narrows the events and the guest's components; it never changes a step. What it leaves out it says. The
properties are those that its events can bear on.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from xsavvy.isa.components import SSE, X87, XTILECFG, XTILEDATA

__all__ = ["Scenario"]

BASE = X87 | SSE
TILES = XTILECFG | XTILEDATA


@dataclass(frozen=True)
class Scenario:
    """One narrowed world.

    `guest_xcr0` bounds what the guest may enable, `needs_xcr0` and `needs_xss` are what the platform must have, and
    `stand_in` names the preset to use for a vendor whose machine lacks it. `start` sets fields at the start. A
    `large` one takes minutes and gigabytes; it is checked only when it is named. `part` names the part of the model
    that it plays in; `peer` is the kernel of the other host, where there is one (empty: the same kernel).
    `needs_commit` names the commit without which a kernel has nothing to check, for VMX (True) and for SVM.
    """

    name: str
    question: str
    events: tuple[str, ...]
    properties: tuple[str, ...]
    witnesses: tuple[str, ...]
    leaves_out: str
    source: str
    guest_xcr0: int = BASE
    guest_keeps: int = BASE
    tries_illegal: bool = False
    booted: bool = False
    cpus: int = 2
    default: bool = True
    large: bool = False
    part: str = "run"
    needs_xcr0: int = 0
    needs_xss: int = 0
    needs_commit: Mapping[bool, str] = field(default_factory=dict)
    vmx_only: bool = False
    svm_only: bool = False
    eventualities: tuple[str, ...] = ()
    stand_in: Mapping[bool, str] = field(default_factory=dict)
    start: Mapping[str, int] = field(default_factory=dict)
    peer: str = ""


EXITS = ("fastpath exit", "external interrupt", "exit to userspace")
RETURNS = ("signal", "exit request")
SOFTIRQS = (
    "softirq",
    "softirq in user mode",
    "softirq in user mode (other task)",
    "softirq at irq_exit",
)
KERNEL_SOFTIRQS = ("softirq", "softirq at irq_exit")
SCHEDULER = (
    "preemption",
    "preemption in user mode",
    "migration",
    "migration in user mode",
    "wake-up of the vCPU thread",
)

PROGRESS = (
    "kvm_run_gets_somewhere",
    "exiting_instruction_is_completed",
    "userspace_hears_of_its_exits",
    "interrupted_vcpu_goes_on",
)
