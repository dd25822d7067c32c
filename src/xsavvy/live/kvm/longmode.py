# SPDX-License-Identifier: Apache-2.0
"""64-bit mode for tiny guests: tables, system registers and code, as data for the asker.

The first 64 KiB are mapped twice with protection key 2: at 0 as supervisor pages, at 2 MiB as user pages. Code runs at
CPL 0, or at CPL 3 in the user pages; an exception notes its vector and halts at CPL 0.
Source: SDM "4-Level Paging", "Interrupt Descriptor Table", "64-Bit TSS".
"""

from __future__ import annotations

import struct
from typing import Any

from xsavvy.kvm.registers import CR0_PE, CR0_PG

__all__ = ["CR0", "access", "change_cr4", "enter", "program", "wrpkru"]

PML4, PDPT, DIRECTORY, SUPERVISOR, USER, IDT, GDT = range(0x8000, 0xF000, 0x1000)
STUBS, MARK, DATA, ALIAS = 0x1000, 0x7000, 0x5000, 0x20_0000
PRESENT, WRITABLE, FOR_USER, LARGEST = 1, 2, 4, 16
KEY = 2 << 59
CR0 = CR0_PE | CR0_PG | 0x30
"""ET and NE are set, too; CR0.WP is not."""
CR4_PAE, EFER_LME_LMA = 1 << 5, 0x500
CODE, FLAT = 0x00AF_9B00_0000_FFFF, 0x00CF_9300_0000_FFFF
USER_CODE, USER_FLAT = CODE | 3 << 45, FLAT | 3 << 45
TASK, STACK = 0x6000, 0x6F00
HLT = b"\xf4"


def enter(*, cpl: int = 0, cr4: int = 0) -> list[Any]:
    """Return the call that puts a guest into 64-bit mode, at CPL 0 or 3, with more bits in CR4 than PAE."""
    tables = [
        [PML4, _words(PDPT | PRESENT | WRITABLE | FOR_USER)],
        [PDPT, _words(DIRECTORY | PRESENT | WRITABLE | FOR_USER)],
        [DIRECTORY, _words(SUPERVISOR | PRESENT | WRITABLE, USER | PRESENT | WRITABLE | FOR_USER)],
        [SUPERVISOR, _pages(PRESENT | WRITABLE | KEY)],
        [USER, _pages(PRESENT | WRITABLE | FOR_USER | KEY)],
        [GDT, _words(0, CODE, FLAT, USER_CODE, USER_FLAT)],
        [TASK + 4, _words(STACK)],
        [IDT, b"".join(_gate(STUBS + 16 * vector) for vector in range(32)).hex()],
        [STUBS, b"".join(_stub(vector) for vector in range(32)).hex()],
    ]
    code, data = (8, 0x10) if cpl == 0 else (0x1B, 0x23)
    segments = _segment(code, 0xB, long=1, dpl=cpl) + _segment(data, 3, long=0, dpl=cpl) * 5
    sregs = [
        [0, segments.hex()],
        [192, struct.pack("<QHHHH", GDT, 39, 0, 0, 0).hex()],
        [208, struct.pack("<QHHHH", IDT, 511, 0, 0, 0).hex()],
        [224, _words(CR0)],
        [144, _task().hex()],
        [240, _words(PML4, CR4_PAE | cr4)],
        [264, _words(EFER_LME_LMA)],
    ]
    return ["enter", tables, sregs]


def _words(*values: int) -> str:
    return struct.pack(f"<{len(values)}Q", *values).hex()


def _pages(flags: int) -> str:
    return _words(*(page << 12 | flags for page in range(LARGEST)))


def _gate(address: int) -> bytes:
    """Return an interrupt gate to an address below 64 KiB."""
    return struct.pack("<HHHHQ", address, 8, 0x8E00, 0, 0)


def _stub(vector: int) -> bytes:
    """Return code that notes a vector (MOV word [MARK]) and halts, padded."""
    code = bytes((0x66, 0xC7, 0x04, 0x25)) + struct.pack("<IH", MARK, vector) + HLT
    return code.ljust(16, HLT)


def _task() -> bytes:
    """Return a busy TSS as struct kvm_segment; what it has is the stack for CPL 0."""
    return struct.pack("<QIH10B", TASK, 0x67, 0x28, 0xB, 1, 0, 0, 0, 0, 0, 0, 0, 0)


def _segment(selector: int, kind: int, *, long: int, dpl: int) -> bytes:
    """Return a flat segment as struct kvm_segment."""
    flags = (kind, 1, dpl, 1 - long, 1, long, 1, 0, 0, 0)
    return struct.pack("<QIH10B", 0, 0xFFFF_FFFF, selector, *flags)


def program(instruction: bytes, *, rcx: int = 0, edx: int = 0, eax: int = 0) -> str:
    """Return code in hex: RCX, EDX and EAX are loaded, the instruction runs, the processor halts.

    >>> program(bytes((0x0F, 0x01, 0xD0)), rcx=1 << 32)
    '48b90000000001000000ba00000000b8000000000f01d0f4'
    """
    loads = b"\x48\xb9" + struct.pack("<Q", rcx) + b"\xba" + struct.pack("<I", edx)
    return (loads + b"\xb8" + struct.pack("<I", eax) + instruction + HLT).hex()


def change_cr4(sets: int, clears: int) -> str:
    """Return code in hex that sets and clears low bits of CR4, by way of RAX."""
    change = struct.pack("<2sI2sI", b"\x48\x0d", sets, b"\x48\x25", ~clears & 0xFFFF_FFFF)
    return (bytes((0x0F, 0x20, 0xE0)) + change + bytes((0x0F, 0x22, 0xE0)) + HLT).hex()


def wrpkru(value: int) -> str:
    """Return code in hex that writes PKRU."""
    return program(bytes((0x0F, 0x01, 0xEF)), eax=value)


def access(user_page: int, writes: int) -> str:
    """Return code in hex that reads or writes a byte, by way of a supervisor or of a user page."""
    address = struct.pack("<I", DATA + (ALIAS if user_page else 0))
    code = b"\xc6\x04\x25" + address + b"\x01" if writes else b"\x8a\x04\x25" + address
    return (code + HLT).hex()
