# SPDX-License-Identifier: Apache-2.0
"""The machine code that times one instruction: a loop of it between two readings of the time-stamp counter.

The caller's own state is put away before and given back after. LFENCE before and behind RDTSC keeps the loop between
the readings. Nothing catches a fault: only what this processor has and a process may execute is timed.
Sources: SDM RDTSC (ordering with LFENCE), XSAVE, XRSTOR; Linux x86-64 system calls: RAX, RDI, RSI, RDX.
"""

from __future__ import annotations

import ctypes
import mmap
import struct
from collections.abc import Mapping
from enum import IntEnum

from xsavvy.live.machine.listing import Code, assemble
from xsavvy.live.machine.memory import PAGE, Executable

__all__ = ["Clock", "Slot", "loop"]


class Slot(IntEnum):
    """Offsets in the block of numbers at RBX, 8 bytes each."""

    COUNT = 0x00
    OPERAND = 0x08  # RSI of the timed instruction
    RFBM = 0x10  # EDX:EAX
    INDEX = 0x18  # ECX
    CALLER = 0x20  # where the caller's own state waits
    SETUP = 0x28  # image that XRSTOR64 loads first; 0 for none
    SETUP_RFBM = 0x30
    DESCRIPTOR = 0x38  # RDI
    TICKS = 0x40  # the answer


_SLOTS = struct.Struct(f"<{len(Slot)}Q")
_LISTING = """
    push   rbx                          | 53
    push   r12                          | 41 54
    push   r13                          | 41 55
    mov    rbx,rdi                      | 48 89 fb
    mov    rsi,QWORD PTR [rbx+0x20]     | 48 8b 73 20       ; CALLER
    mov    eax,0xffffffff               | b8 ff ff ff ff
    mov    edx,0xffffffff               | ba ff ff ff ff
    xsave64 [rsi]                       | 48 0f ae 26
    mov    rsi,QWORD PTR [rbx+0x28]     | 48 8b 73 28       ; SETUP
    test   rsi,rsi                      | 48 85 f6
    je     ready                        | 74 >ready
    mov    eax,DWORD PTR [rbx+0x30]     | 8b 43 30          ; SETUP_RFBM
    mov    edx,DWORD PTR [rbx+0x34]     | 8b 53 34
    xrstor64 [rsi]                      | 48 0f ae 2e
ready:
    mov    r12,QWORD PTR [rbx]          | 4c 8b 23          ; COUNT
    mov    rsi,QWORD PTR [rbx+0x8]      | 48 8b 73 08       ; OPERAND
    mov    rdi,QWORD PTR [rbx+0x38]     | 48 8b 7b 38       ; DESCRIPTOR
    lfence                              | 0f ae e8
    rdtsc                               | 0f 31
    lfence                              | 0f ae e8
    shl    rdx,0x20                     | 48 c1 e2 20
    or     rax,rdx                      | 48 09 d0
    mov    r13,rax                      | 49 89 c5
again:
    mov    eax,DWORD PTR [rbx+0x10]     | 8b 43 10          ; RFBM
    mov    edx,DWORD PTR [rbx+0x14]     | 8b 53 14
    mov    ecx,DWORD PTR [rbx+0x18]     | 8b 4b 18          ; INDEX
{timed}
    dec    r12                          | 49 ff cc
    jne    again                        | 75 >again
    lfence                              | 0f ae e8
    rdtsc                               | 0f 31
    lfence                              | 0f ae e8
    shl    rdx,0x20                     | 48 c1 e2 20
    or     rax,rdx                      | 48 09 d0
    sub    rax,r13                      | 4c 29 e8
    mov    QWORD PTR [rbx+0x40],rax     | 48 89 43 40       ; TICKS
    mov    rsi,QWORD PTR [rbx+0x20]     | 48 8b 73 20       ; CALLER
    mov    eax,0xffffffff               | b8 ff ff ff ff
    mov    edx,0xffffffff               | ba ff ff ff ff
    xrstor64 [rsi]                      | 48 0f ae 2e
    pop    r13                          | 41 5d
    pop    r12                          | 41 5c
    pop    rbx                          | 5b
    ret                                 | c3
"""


def loop(timed: str = "") -> Code:
    """Return the code around lines of a listing, which may change RAX, RCX, RDX and R11 only.

    >>> len(loop("nop | 90").code) - len(loop().code)
    1
    """
    return assemble(_LISTING.format(timed=timed))


class Clock:
    """Loops that are ready to run.

    Args:
        timed: lines of a listing, by name.
        area_bytes: size of an XSAVE area for everything that XCR0 enables (CPUID.0DH.0:EBX).

    Raises:
        Unreachable: no executable memory.
    """

    def __init__(self, timed: Mapping[str, str], area_bytes: int) -> None:
        room = -(-area_bytes // PAGE) * PAGE
        self._data = mmap.mmap(-1, PAGE + 3 * room)
        self._anchor = ctypes.c_char.from_buffer(self._data)
        base = ctypes.addressof(self._anchor)
        self._base, self._caller, self._setup = base, base + PAGE, base + PAGE + room
        self._room, self.area = room, base + PAGE + 2 * room
        code = bytearray()
        offsets: dict[str, int] = {}
        for name, lines in timed.items():
            code += bytes([0xCC]) * (-len(code) % 64)
            offsets[name] = len(code)
            code += loop(lines).code
        self._code = Executable(bytes(code))
        enter = ctypes.PYFUNCTYPE(None, ctypes.c_void_p)
        self._loops = {name: enter(self._code.base + offset) for name, offset in offsets.items()}

    def ticks(
        self,
        name: str,
        count: int,
        *,
        operand: int = 0,
        rfbm: int = 0,
        index: int = 0,
        setup: bytes | None = None,
        descriptor: int = 0,
    ) -> int:
        """Run a loop; return what the time-stamp counter says that it took.

        Args:
            name: which loop.
            count: how often it goes round.
            operand: RSI; 0 for this object's area.
            rfbm: EDX:EAX, and what is loaded from `setup`.
            index: ECX.
            setup: image of an XSAVE area that is loaded first.
            descriptor: RDI.
        """
        if setup is not None:
            start = self._setup - self._base
            self._data[start : start + len(setup)] = setup
        loaded = 0 if setup is None else self._setup
        slots = (
            count,
            operand or self.area,
            rfbm,
            index,
            self._caller,
            loaded,
            rfbm,
            descriptor,
            0,
        )
        _SLOTS.pack_into(self._data, 0, *slots)
        self._loops[name](self._base)
        ticks: int = _SLOTS.unpack_from(self._data, 0)[-1]
        return ticks

    def clear(self) -> None:
        """Zero the area: a header must not have what an earlier save in another format left."""
        start = self.area - self._base
        self._data[start : start + self._room] = bytes(self._room)

    def saved_header(self) -> tuple[int, int]:
        """Return XSTATE_BV and XCOMP_BV of what was saved in the area."""
        start = self.area - self._base + 512
        found: tuple[int, int] = struct.unpack_from("<QQ", self._data, start)
        return found
