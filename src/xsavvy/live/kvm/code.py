# SPDX-License-Identifier: Apache-2.0
"""Real-mode code for tiny guests: load registers, do one instruction, halt.

In real mode an operand of 32 bits needs the prefix 66. Source: SDM instruction pages of the encodings named.
"""

from __future__ import annotations

import struct

__all__ = ["CPUID", "RDMSR", "WRMSR", "XGETBV", "XSETBV", "change_cr4", "program"]

CPUID = bytes((0x0F, 0xA2))
XGETBV = bytes((0x0F, 0x01, 0xD0))
XSETBV = bytes((0x0F, 0x01, 0xD1))
RDMSR = bytes((0x0F, 0x32))
WRMSR = bytes((0x0F, 0x30))
HLT = bytes((0xF4,))
_MOV = {"eax": 0xB8, "ecx": 0xB9, "edx": 0xBA, "ebx": 0xBB}


def program(instruction: bytes, *, eax: int = 0, ecx: int = 0, edx: int = 0) -> str:
    """Return code in hex: three registers are loaded, the instruction runs, the processor halts.

    >>> program(CPUID, eax=13)
    '66b80d00000066b90000000066ba000000000fa2f4'
    """
    loads = b"".join(
        bytes((0x66, _MOV[name])) + struct.pack("<I", value)
        for name, value in (("eax", eax), ("ecx", ecx), ("edx", edx))
    )
    return (loads + instruction + HLT).hex()


def change_cr4(sets: int, clears: int) -> str:
    """Return code in hex that sets and clears bits of CR4, by way of EAX.

    >>> change_cr4(1 << 18, 0)
    '0f20e0660d000004006625ffffffff0f22e0f4'
    """
    read, write = bytes((0x0F, 0x20, 0xE0)), bytes((0x0F, 0x22, 0xE0))
    change = struct.pack("<2sI2sI", b"\x66\x0d", sets, b"\x66\x25", ~clears & 0xFFFFFFFF)
    return (read + change + write + HLT).hex()
