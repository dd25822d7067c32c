# SPDX-License-Identifier: Apache-2.0
"""The machine code inside the emulator: a ROM that enters long mode, and a kernel that works through a table of cases.

`KERNEL` takes one case after the other: RBX points to its `Slot`s, RBP to the `Head`. It loads MSRs, the state to start
from, XCR0, CR4 and CR0, goes to the tested instruction at CPL 0 or 3, and comes back by INT 80H or by an exception.
Then it reads back everything that the instruction may have changed. `magic` (XCHG BX,BX) stops the emulator.
"""

from __future__ import annotations

import struct
from enum import IntEnum
from typing import Final

from xsavvy.live.machine.listing import assemble

__all__ = [
    "BASE",
    "ENTRY",
    "HEAD",
    "IDT",
    "KERNEL",
    "RETURN",
    "ROM_BYTES",
    "STRIDE",
    "Head",
    "Slot",
    "rom",
    "stubs",
]

BASE: Final = 0x100000
"""Where RAM that we fill begins; the places below are counted from address 0."""
GDT, TSS = BASE, BASE + 0x100
PML4, PDPT, PD_LOW, PD_WINDOW, PD_HIGH = (BASE + page * 0x1000 for page in (1, 2, 3, 4, 5))
IDT, STACK, HEAD, ENTRY, STUBS = (
    BASE + 0xA000,
    BASE + 0x6800,
    BASE + 0x7000,
    BASE + 0x8000,
    BASE + 0x9000,
)
IDT_POINTER = HEAD + 0x40
MSR_LIST = HEAD + 0x80
TABLES: Final = BASE + 0xC000
"""Where page tables, then cases begin."""
STRIDE: Final = 0x180
"""Bytes of one case."""
RETURN: Final = 0x80
"""The vector by which an instruction that does not fault comes back."""
ROM_BYTES: Final = 0x10000
_CODED: Final = frozenset({8, 10, 11, 12, 13, 14, 17, 21})
"""Vectors that push an error code."""


class Head(IntEnum):
    """Offsets of the numbers at RBP."""

    TABLE = 0x00
    BLOCKS = 0x08  # how many 128 KiB of RAM to touch in order: the emulator reads its file by them
    CR0 = 0x10  # what the kernel itself runs with
    CR4 = 0x18
    XCR0 = 0x20
    MSRS = 0x28  # list of MSR numbers
    COUNT = 0x30
    PKU = 0x38


class Slot(IntEnum):
    """Offsets of a case's numbers at RBX."""

    THERE = 0x00  # 1, or 0 after the last case
    RFBM = 0x08  # EDX:EAX
    OPERAND = 0x10  # RSI
    INDEX = 0x18  # ECX
    THUNK = 0x20  # address of the tested instruction
    SETUP = 0x28  # standard image to start from
    XCR0 = 0x30
    CR0 = 0x38
    CR4 = 0x40
    CPL = 0x48
    MSRS = 0x50  # values, in the order of the list
    PHASE = (
        0x98  # 1 MSRs, 2 image, 3 XCR0, 4 CR4 and CR0, 5 the instruction, 6 reading back, 7 done
    )
    VECTOR = 0xA0
    ERROR = 0xA8
    RIP = 0xB0
    CR2 = 0xB8
    RAX = 0xC0
    RDX = 0xC8
    XINUSE_BEFORE = 0xD0
    XINUSE_AFTER = 0xD8
    XCR0_AFTER = 0xE0
    PKRU_AFTER = 0xE8
    MSRS_AFTER = 0xF0
    AFTER = 0x130  # where XSAVE64 puts the state that is found afterwards
    FAULT_PHASE = 0x138
    LATE = 0x140  # vector of an exception while reading back
    CR0_AFTER = 0x148
    CR4_AFTER = 0x150


KERNEL: Final = assemble("""
start:
    mov    esp,0x106ff0                 | bc f0 6f 10 00
    mov    eax,0x10                     | b8 10 00 00 00
    mov    ds,eax                       | 8e d8
    mov    es,eax                       | 8e c0
    mov    ss,eax                       | 8e d0
    mov    eax,0x28                     | b8 28 00 00 00
    ltr    ax                           | 0f 00 d8
    mov    ebp,0x107000                 | bd 00 70 10 00
    lidt   [rbp+0x40]                   | 0f 01 5d 40                       ; IDT_POINTER
    mov    esi,0x100000                 | be 00 00 10 00
    mov    rcx,QWORD PTR [rbp+0x8]      | 48 8b 4d 08                       ; BLOCKS
touch:
    mov    al,BYTE PTR [rsi]            | 8a 06
    add    rsi,0x20000                  | 48 81 c6 00 00 02 00
    dec    rcx                          | 48 ff c9
    jne    touch                        | 75 >touch
    mov    rbx,QWORD PTR [rbp+0x0]      | 48 8b 5d 00                       ; TABLE
next:
    cmp    QWORD PTR [rbx],0x0          | 48 83 3b 00
    je     done                         | 0f 84 >>done
    mov    rax,QWORD PTR [rbp+0x10]     | 48 8b 45 10                       ; CR0
    mov    cr0,rax                      | 0f 22 c0
    mov    rax,QWORD PTR [rbp+0x18]     | 48 8b 45 18                       ; CR4
    mov    cr4,rax                      | 0f 22 e0
    mov    eax,DWORD PTR [rbp+0x20]     | 8b 45 20                          ; XCR0
    mov    edx,DWORD PTR [rbp+0x24]     | 8b 55 24
    xor    ecx,ecx                      | 31 c9
    xsetbv                              | 0f 01 d1
    mov    QWORD PTR [rbx+0x98],0x1     | 48 c7 83 98 00 00 00 01 00 00 00  ; PHASE
    mov    rsi,QWORD PTR [rbp+0x28]     | 48 8b 75 28                       ; MSRS
    lea    rdi,[rbx+0x50]               | 48 8d 7b 50                       ; MSRS
    mov    r12,QWORD PTR [rbp+0x30]     | 4c 8b 65 30                       ; COUNT
set:
    test   r12,r12                      | 4d 85 e4
    je     loaded                       | 74 >loaded
    mov    ecx,DWORD PTR [rsi]          | 8b 0e
    mov    eax,DWORD PTR [rdi]          | 8b 07
    mov    edx,DWORD PTR [rdi+0x4]      | 8b 57 04
    wrmsr                               | 0f 30
    add    rsi,0x4                      | 48 83 c6 04
    add    rdi,0x8                      | 48 83 c7 08
    dec    r12                          | 49 ff cc
    jmp    set                          | eb >set
loaded:
    mov    QWORD PTR [rbx+0x98],0x2     | 48 c7 83 98 00 00 00 02 00 00 00  ; PHASE
    mov    rsi,QWORD PTR [rbx+0x28]     | 48 8b 73 28                       ; SETUP
    mov    eax,0xffffffff               | b8 ff ff ff ff
    mov    edx,0xffffffff               | ba ff ff ff ff
    xrstor64 [rsi]                      | 48 0f ae 2e
    mov    QWORD PTR [rbx+0x98],0x3     | 48 c7 83 98 00 00 00 03 00 00 00  ; PHASE
    mov    eax,DWORD PTR [rbx+0x30]     | 8b 43 30                          ; XCR0
    mov    edx,DWORD PTR [rbx+0x34]     | 8b 53 34
    xor    ecx,ecx                      | 31 c9
    xsetbv                              | 0f 01 d1
    mov    ecx,0x1                      | b9 01 00 00 00
    xgetbv                              | 0f 01 d0
    mov    DWORD PTR [rbx+0xd0],eax     | 89 83 d0 00 00 00                 ; XINUSE_BEFORE
    mov    DWORD PTR [rbx+0xd4],edx     | 89 93 d4 00 00 00
    mov    QWORD PTR [rbx+0x98],0x4     | 48 c7 83 98 00 00 00 04 00 00 00  ; PHASE
    mov    rax,QWORD PTR [rbx+0x40]     | 48 8b 43 40                       ; CR4
    mov    cr4,rax                      | 0f 22 e0
    mov    rax,QWORD PTR [rbx+0x38]     | 48 8b 43 38                       ; CR0
    mov    cr0,rax                      | 0f 22 c0
    mov    QWORD PTR [rbx+0x98],0x5     | 48 c7 83 98 00 00 00 05 00 00 00  ; PHASE
    mov    r8,QWORD PTR [rbx+0x20]      | 4c 8b 43 20                       ; THUNK
    mov    rsi,QWORD PTR [rbx+0x10]     | 48 8b 73 10                       ; OPERAND
    mov    ecx,DWORD PTR [rbx+0x18]     | 8b 4b 18                          ; INDEX
    mov    eax,DWORD PTR [rbx+0x8]      | 8b 43 08                          ; RFBM
    mov    edx,DWORD PTR [rbx+0xc]      | 8b 53 0c
    cmp    QWORD PTR [rbx+0x48],0x0     | 48 83 7b 48 00                    ; CPL
    jne    user                         | 75 >user
    jmp    r8                           | 41 ff e0
user:
    push   0x23                         | 6a 23
    push   0x0                          | 6a 00
    push   0x2                          | 6a 02
    push   0x1b                         | 6a 1b
    push   r8                           | 41 50
    iretq                               | 48 cf
common:
    mov    QWORD PTR [rbx+0xc0],rax     | 48 89 83 c0 00 00 00              ; RAX
    mov    QWORD PTR [rbx+0xc8],rdx     | 48 89 93 c8 00 00 00              ; RDX
    mov    rax,QWORD PTR [rsp]          | 48 8b 04 24
    cmp    QWORD PTR [rbx+0x98],0x6     | 48 83 bb 98 00 00 00 06           ; PHASE
    jae    late                         | 0f 83 >>late
    mov    QWORD PTR [rbx+0xa0],rax     | 48 89 83 a0 00 00 00              ; VECTOR
    mov    rax,QWORD PTR [rsp+0x8]      | 48 8b 44 24 08
    mov    QWORD PTR [rbx+0xa8],rax     | 48 89 83 a8 00 00 00              ; ERROR
    mov    rax,QWORD PTR [rsp+0x10]     | 48 8b 44 24 10
    mov    QWORD PTR [rbx+0xb0],rax     | 48 89 83 b0 00 00 00              ; RIP
    mov    rax,cr2                      | 0f 20 d0
    mov    QWORD PTR [rbx+0xb8],rax     | 48 89 83 b8 00 00 00              ; CR2
    mov    rax,QWORD PTR [rbx+0x98]     | 48 8b 83 98 00 00 00              ; PHASE
    mov    QWORD PTR [rbx+0x138],rax    | 48 89 83 38 01 00 00              ; FAULT_PHASE
    mov    QWORD PTR [rbx+0x98],0x6     | 48 c7 83 98 00 00 00 06 00 00 00  ; PHASE
    mov    esp,0x106ff0                 | bc f0 6f 10 00
    mov    rax,cr0                      | 0f 20 c0
    mov    QWORD PTR [rbx+0x148],rax    | 48 89 83 48 01 00 00              ; CR0_AFTER
    mov    rax,QWORD PTR [rbp+0x10]     | 48 8b 45 10                       ; CR0
    mov    cr0,rax                      | 0f 22 c0
    mov    rax,cr4                      | 0f 20 e0
    mov    QWORD PTR [rbx+0x150],rax    | 48 89 83 50 01 00 00              ; CR4_AFTER
    mov    rax,QWORD PTR [rbp+0x18]     | 48 8b 45 18                       ; CR4
    mov    cr4,rax                      | 0f 22 e0
    xor    ecx,ecx                      | 31 c9
    xgetbv                              | 0f 01 d0
    mov    DWORD PTR [rbx+0xe0],eax     | 89 83 e0 00 00 00                 ; XCR0_AFTER
    mov    DWORD PTR [rbx+0xe4],edx     | 89 93 e4 00 00 00
    mov    ecx,0x1                      | b9 01 00 00 00
    xgetbv                              | 0f 01 d0
    mov    DWORD PTR [rbx+0xd8],eax     | 89 83 d8 00 00 00                 ; XINUSE_AFTER
    mov    DWORD PTR [rbx+0xdc],edx     | 89 93 dc 00 00 00
    mov    eax,DWORD PTR [rbp+0x20]     | 8b 45 20                          ; XCR0
    mov    edx,DWORD PTR [rbp+0x24]     | 8b 55 24
    xor    ecx,ecx                      | 31 c9
    xsetbv                              | 0f 01 d1
    cmp    QWORD PTR [rbp+0x38],0x0     | 48 83 7d 38 00                    ; PKU
    je     keyless                      | 74 >keyless
    rdpkru                              | 0f 01 ee
    mov    DWORD PTR [rbx+0xe8],eax     | 89 83 e8 00 00 00                 ; PKRU_AFTER
keyless:
    mov    rsi,QWORD PTR [rbp+0x28]     | 48 8b 75 28                       ; MSRS
    lea    rdi,[rbx+0xf0]               | 48 8d bb f0 00 00 00              ; MSRS_AFTER
    mov    r12,QWORD PTR [rbp+0x30]     | 4c 8b 65 30                       ; COUNT
get:
    test   r12,r12                      | 4d 85 e4
    je     got                          | 74 >got
    mov    ecx,DWORD PTR [rsi]          | 8b 0e
    rdmsr                               | 0f 32
    mov    DWORD PTR [rdi],eax          | 89 07
    mov    DWORD PTR [rdi+0x4],edx      | 89 57 04
    add    rsi,0x4                      | 48 83 c6 04
    add    rdi,0x8                      | 48 83 c7 08
    dec    r12                          | 49 ff cc
    jmp    get                          | eb >get
got:
    mov    rsi,QWORD PTR [rbx+0x130]    | 48 8b b3 30 01 00 00              ; AFTER
    mov    eax,0xffffffff               | b8 ff ff ff ff
    mov    edx,0xffffffff               | ba ff ff ff ff
    xsave64 [rsi]                       | 48 0f ae 26
    mov    QWORD PTR [rbx+0x98],0x7     | 48 c7 83 98 00 00 00 07 00 00 00  ; PHASE
finish:
    add    rbx,0x180                    | 48 81 c3 80 01 00 00
    jmp    next                         | e9 >>next
late:
    mov    QWORD PTR [rbx+0x140],rax    | 48 89 83 40 01 00 00              ; LATE
    mov    esp,0x106ff0                 | bc f0 6f 10 00
    jmp    finish                       | eb >finish
done:
    xchg   bx,bx                        | 66 87 db
rest:
    hlt                                 | f4
    jmp    rest                         | eb >rest
""")

# Real mode, from the reset vector into long mode; 16-bit code.
RESET: Final = assemble("""
    cli                                 | fa
    mov    eax,0x20                     | 66 b8 20 00 00 00             ; CR4.PAE
    mov    cr4,eax                      | 0f 22 e0
    mov    eax,0x101000                 | 66 b8 00 10 10 00             ; PML4
    mov    cr3,eax                      | 0f 22 d8
    mov    ecx,0xc0000080               | 66 b9 80 00 00 c0             ; EFER
    rdmsr                               | 0f 32
    or     eax,0x100                    | 66 0d 00 01 00 00             ; LME
    wrmsr                               | 0f 30
    lgdtd  cs:0xff80                    | 2e 66 0f 01 16 80 ff
    mov    eax,0x80000033               | 66 b8 33 00 00 80             ; PG, NE, ET, MP, PE
    mov    cr0,eax                      | 0f 22 c0
    jmp    0x8:0x108000                 | 66 ea 00 80 10 00 08 00       ; ENTRY
""")


def rom() -> bytes:
    """Build the 64 KiB below 4 GiB: the reset vector jumps to `RESET`, the GDT's place and size stand behind it."""
    image = bytearray(ROM_BYTES)
    image[0xFF00 : 0xFF00 + len(RESET.code)] = RESET.code
    struct.pack_into("<HI", image, 0xFF80, 0x3F, GDT)
    image[0xFFF0:0xFFF5] = bytes.fromhex("ea 00 ff 00 f0")  # jmp f000:ff00
    return bytes(image)


def stubs() -> dict[int, bytes]:
    """Give the code of each vector's entry: it makes every frame look alike and goes to `common`."""
    common = ENTRY + KERNEL.places["common"]
    found: dict[int, bytes] = {}
    for vector in (*range(32), RETURN):
        code = b"" if vector in _CODED else b"\x6a\x00"
        code += b"\x68" + struct.pack("<I", vector)
        there = STUBS + 16 * len(found) + len(code) + 5
        found[vector] = code + b"\xe9" + struct.pack("<i", common - there)
    return found
