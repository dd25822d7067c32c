# SPDX-License-Identifier: Apache-2.0
"""What a trace says about the guest: counts, times, and both as events that cost something.

All counts are exact: they are the numbers of lines of the trace. A time is known between two events of one thread; a
rate is a count divided by the seconds between the first and the last event of the trace.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Final

from xsavvy.cost.event import Event, Kind, Tally
from xsavvy.isa.system import MSRS, XFD, XFD_ERR

__all__ = ["MSR_NAMES", "Recorded", "Vcpu"]

MSR_NAMES: Final = {index: name for name, index in MSRS.items()} | {
    XFD: "IA32_XFD",
    XFD_ERR: "IA32_XFD_ERR",
    0x570: "IA32_RTIT_CTL",
    0x6E0: "IA32_TSC_DEADLINE",
    0x830: "IA32_X2APIC_ICR",
    0xC000_0103: "IA32_TSC_AUX",
}
"""Names of MSRs that matter to the price of extended state, or are written at almost every exit."""


@dataclass
class Vcpu:
    """One thread that ran a vCPU.

    `guest_seconds` is the time from each entry to the exit after it, `host_seconds` from each exit to the entry after
    it; events that have no partner (the trace began, ended or lost events between) are in neither.
    """

    thread: str
    number: int
    entries: int = 0
    exits: int = 0
    guest_seconds: float = 0.0
    host_seconds: float = 0.0
    unpaired: int = 0


@dataclass
class Recorded:
    """What one trace holds.

    Attributes:
        name: where it came from.
        lines: lines of the file, comments and blank ones with them.
        events: lines that are an event, of whatever kind.
        torn: lines that are no whole event; they are counted nowhere else.
        lost: events that the writer says it lost; `gaps` is how often it said so.
        first, last: time of the first and the last event in seconds; None where the trace has no times.
        entries: VM entries.
        exits: VM exits, by reason as the trace prints it.
        exits_as_modelled: the same, by reason as the model names it where it knows it (`wrmsr_xfd`, `userspace`).
        msr_writes, msr_reads: accesses of the guest that KVM handled, by index; those that faulted are among them.
        msr_faults: accesses of the guest that were answered with #GP, by index.
        host_msr_writes, host_msr_reads: the host's own, by index (events of the system `msr`).
        fpu_loads, fpu_unloads: how often KVM put the guest's FPU into the registers, and the VMM's back.
        userspace: exits to the VMM, by reason.
        userspace_with_tiles: exits to the VMM while the guest's last write of IA32_XFD was 0.
        emulated: instructions that KVM emulated, by name; `other` for all that do not belong to extended state.
        injected: exceptions that KVM injected, by name.
        cpuid: CPUID exits, by leaf.
        x86_fpu: events of the host's FPU code, by event.
        xfeatures: values of XSTATE_BV that those show.
        others: all other events, by name.
        vcpus: the threads that ran vCPUs.
        beyond: occurrences that are in no count above because there were too many different ones.
    """

    name: str
    lines: int = 0
    events: int = 0
    torn: int = 0
    lost: int = 0
    gaps: int = 0
    first: float | None = None
    last: float | None = None
    entries: int = 0
    exits: Counter[str] = field(default_factory=Counter)
    exits_as_modelled: Counter[str] = field(default_factory=Counter)
    msr_writes: Counter[int] = field(default_factory=Counter)
    msr_reads: Counter[int] = field(default_factory=Counter)
    msr_faults: Counter[int] = field(default_factory=Counter)
    host_msr_writes: Counter[int] = field(default_factory=Counter)
    host_msr_reads: Counter[int] = field(default_factory=Counter)
    fpu_loads: int = 0
    fpu_unloads: int = 0
    userspace: Counter[str] = field(default_factory=Counter)
    userspace_with_tiles: int = 0
    emulated: Counter[str] = field(default_factory=Counter)
    injected: Counter[str] = field(default_factory=Counter)
    cpuid: Counter[int] = field(default_factory=Counter)
    x86_fpu: Counter[str] = field(default_factory=Counter)
    xfeatures: Counter[int] = field(default_factory=Counter)
    others: Counter[str] = field(default_factory=Counter)
    vcpus: list[Vcpu] = field(default_factory=list)
    beyond: int = 0

    @property
    def seconds(self) -> float | None:
        """Seconds from the first to the last event; None where that is unknown or nothing."""
        if self.first is None or self.last is None or self.last <= self.first:
            return None
        return self.last - self.first

    def per_second(self, count: int) -> float | None:
        """Turn a count of this trace into a rate; None where the trace has no times."""
        return None if self.seconds is None else count / self.seconds

    def tally(self) -> Tally:
        """Give what happened as events that cost something.

        The host's RDMSR and WRMSR are there only if the trace has events of the system `msr`; what no tracepoint
        shows (XSETBV, WRPKRU, XSAVES of the host at each entry and exit) is not there, but follows from entries,
        exits and FPU loads in a model of the kernel.
        """
        tally: Tally = Counter()
        for reason, count in self.exits_as_modelled.items():
            tally[Event(Kind.VMEXIT, reason)] += count
        tally[Event(Kind.VMENTRY)] = self.entries
        tally[Event(Kind.EXIT_TO_USERSPACE)] = self.userspace.total()
        for index, count in self.host_msr_writes.items():
            tally[Event(Kind.WRMSR, msr_name(index))] += count
        for index, count in self.host_msr_reads.items():
            tally[Event(Kind.RDMSR, msr_name(index))] += count
        return +tally

    def behaviour(self) -> dict[str, int]:
        """Count what the guest did, in the words of a workload: how often each thing happened in the trace."""
        emulated = self.emulated
        counts = {
            "exits": self.exits.total(),
            "entries": self.entries,
            "exits to userspace": self.userspace.total(),
            "FPU loads": self.fpu_loads,
            "FPU unloads": self.fpu_unloads,
            "interrupts": self.exits_as_modelled["interrupt"],
            "fastpath exits": self.exits_as_modelled["fastpath"],
            "halts": self.exits["HLT"] + self.exits["hlt"],
            "XSETBV": max(self.exits["XSETBV"] + self.exits["xsetbv"], emulated["xsetbv"]),
        }
        for index, name in MSR_NAMES.items():
            counts[f"writes of {name}"] = self.msr_writes[index]
        return {name: count for name, count in counts.items() if count}


def msr_name(index: int) -> str:
    """Name an MSR; one without a name here is its index.

    >>> msr_name(0x1C4), msr_name(0x277)
    ('IA32_XFD', '0x277')
    """
    return MSR_NAMES.get(index, f"{index:#x}")
