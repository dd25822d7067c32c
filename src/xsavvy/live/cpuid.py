# SPDX-License-Identifier: Apache-2.0
"""This machine's CPUID table, read by executing CPUID.

`/proc/cpuinfo` has the names Linux gives to some bits; only the instruction shows leaf 0xD. What a
hypervisor put in place of the hardware's answer is what comes back here.
Sources: sdm "CPUID-CPU Identification"; apm "CPUID Specification".
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Callable, Iterator

from xsavvy.cpuid.table import Leaf, Table
from xsavvy.live.machine.listing import assemble
from xsavvy.live.machine.memory import Executable

__all__ = ["read_cpuid"]

Ask = Callable[[int, int], Leaf]

# void ask(uint32_t registers[4]): EAX and ECX in; EAX, EBX, ECX, EDX out (System V calling rules).
ASK = assemble("""
    push rbx                      | 53          ; EBX is the caller's, and CPUID writes it
    mov eax,DWORD PTR [rdi]       | 8b 07       ; the leaf
    mov ecx,DWORD PTR [rdi+0x8]   | 8b 4f 08    ; the subleaf
    cpuid                         | 0f a2
    mov DWORD PTR [rdi],eax       | 89 07
    mov DWORD PTR [rdi+0x4],ebx   | 89 5f 04
    mov DWORD PTR [rdi+0x8],ecx   | 89 4f 08
    mov DWORD PTR [rdi+0xc],edx   | 89 57 0c
    pop rbx                       | 5b
    ret                           | c3
""")

BASIC, HYPERVISOR, EXTENDED = 0, 0x4000_0000, 0x8000_0000
MOST_LEAVES = 0x100  # a range that claims more is taken for garbage of a leaf that does not exist
MOST_SUBLEAVES = 64


def read_cpuid() -> Table:
    """Execute CPUID for every leaf and subleaf that the processor enumerates.

    All of them on one CPU: APIC identifiers and, on hybrid parts, features differ between CPUs.

    Raises:
        Unreachable: not x86-64 Linux, or no executable memory.
    """
    code = Executable(ASK.code)
    run = ctypes.PYFUNCTYPE(None, ctypes.c_void_p)(code.base)
    registers = (ctypes.c_uint32 * 4)()

    def ask(leaf: int, subleaf: int) -> Leaf:
        registers[0], registers[2] = leaf, subleaf
        run(ctypes.addressof(registers))
        return Leaf(*registers)

    allowed = os.sched_getaffinity(0)
    try:
        os.sched_setaffinity(0, {min(allowed)})
        return Table(entry for start in _ranges(ask) for entry in _range(ask, start))
    finally:
        os.sched_setaffinity(0, allowed)


def _ranges(ask: Ask) -> Iterator[int]:
    yield BASIC
    if ask(1, 0).ecx >> 31 & 1:  # set by hypervisors, reserved on hardware
        yield HYPERVISOR
    if ask(EXTENDED, 0).eax >= EXTENDED:
        yield EXTENDED


def _range(ask: Ask, start: int) -> Iterator[tuple[tuple[int, int], Leaf]]:
    last = ask(start, 0).eax
    if not start <= last < start + MOST_LEAVES:
        last = start
    for leaf in range(start, last + 1):
        for subleaf, answer in _subleaves(ask, leaf):
            yield (leaf, subleaf), answer


def _subleaves(ask: Ask, leaf: int) -> Iterator[tuple[int, Leaf]]:
    """Walk a leaf's subleaves by the rule the manuals give for that leaf."""
    first = ask(leaf, 0)
    yield 0, first
    if leaf == 0xD:
        extended = ask(leaf, 1)
        yield 1, extended
        managed = first.eax | first.edx << 32 | extended.ecx | extended.edx << 32
        yield from ((bit, ask(leaf, bit)) for bit in range(2, 63) if managed >> bit & 1)
    elif leaf in COUNTED:
        most = min(first.eax, MOST_SUBLEAVES)
        yield from ((subleaf, ask(leaf, subleaf)) for subleaf in range(1, most + 1))
    elif leaf in LISTED:
        ends = LISTED[leaf]
        subleaf, answer = 0, first
        while not ends(subleaf, answer) and subleaf < MOST_SUBLEAVES:
            subleaf += 1
            answer = ask(leaf, subleaf)
            yield subleaf, answer
    elif leaf in MAPPED:
        resources = MAPPED[leaf](first)
        yield from ((bit, ask(leaf, bit)) for bit in range(1, 32) if resources >> bit & 1)


# Leaves whose subleaf 0 gives the highest subleaf in EAX.
COUNTED = frozenset({0x7, 0x14, 0x17, 0x18, 0x1D, 0x20, 0x23, 0x24})
# Leaves whose subleaves are a list; the subleaf that ends the list is kept, it is an answer too.
LISTED: dict[int, Callable[[int, Leaf], bool]] = {
    0x4: lambda _, answer: not answer.eax & 0x1F,
    0xB: lambda _, answer: not answer.ecx >> 8 & 0xFF,
    0x12: lambda subleaf, answer: subleaf >= 2 and not answer.eax & 0xF,
    0x1F: lambda _, answer: not answer.ecx >> 8 & 0xFF,
    0x8000_001D: lambda _, answer: not answer.eax & 0x1F,
    0x8000_0026: lambda _, answer: not answer.ecx >> 8 & 0xFF,
}
# Leaves whose subleaf 0 is a bit map of the subleaves that exist.
MAPPED: dict[int, Callable[[Leaf], int]] = {
    0xF: lambda answer: answer.edx,
    0x10: lambda answer: answer.ebx,
    0x8000_0020: lambda answer: answer.ebx,
}
