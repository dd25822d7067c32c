# SPDX-License-Identifier: Apache-2.0
"""The emulator's RAM as one string of bytes: cases go in, what became of them comes out.

From 1 MiB on: descriptor and page tables, the kernel, the table of cases (all of it out of CPL 3's and PKRU's reach);
from 2 MiB on what CPL 3 may touch: tested instructions and operands; behind it the images. A case with a page that is
read-only or absent sees its operand through a window of pages of its own.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import Final

from xsavvy.isa.components import SSE, X87
from xsavvy.isa.system import CR0_WP, CR4_CET, CR4_OSXSAVE, CR4_PKE
from xsavvy.live.answer import Answer
from xsavvy.live.machine.operand import ABSENT, READ_ONLY

from . import kernel
from .case import MSR_NUMBERS, BochsCase, Reply
from .kernel import BASE, HEAD, STRIDE, Head, Slot

__all__ = ["Broken", "Ram"]

CR0: Final = 0x80050033  # PG, AM, WP, NE, ET, MP, PE
CR4: Final = 0x620  # PAE, OSFXSR, OSXMMEXCPT
CR0_TS, CR0_EM = 1 << 3, 1 << 2
PAGE, LARGE, BLOCK = 0x1000, 0x200000, 0x20000
WINDOW: Final = 0x40000000
WINDOW_PAGES: Final = 4
USER: Final = BASE + 0x100000
THUNKS: Final = 0x10000
PRESENT, WRITABLE, FOR_USER, BIG = 1, 2, 4, 0x80
LINE: Final = 64
NO_VECTOR: Final = 0xFFFF
PAGE_FAULT: Final = 14
HEADER_BV: Final = slice(512, 520)
FINISHED: Final = 7
TESTED: Final = 5


class Broken(Exception):
    """The kernel did not get to the end of a case, which is a mistake of the case or of this package."""


class Ram:
    """One run's RAM.

    Args:
        cases: what to ask.
        xcr0: all of XCR0 that the processor has.
        image_bytes: size of a standard area for it.
        msrs: how many of `MSR_NUMBERS` there are, counted from the end.
        pku: PKRU exists.
    """

    def __init__(
        self, cases: Sequence[BochsCase], xcr0: int, image_bytes: int, msrs: bool, pku: bool
    ) -> None:
        self.cases = cases
        self._xcr0, self._image_bytes, self._pku = xcr0, image_bytes, pku
        self._msrs = MSR_NUMBERS if msrs else MSR_NUMBERS[-1:] if xcr0 > SSE | X87 else ()
        self._thunks: dict[bytes, int] = {}
        self._operands: list[int] = []
        self._seen: list[int] = []
        self._lay_out()

    def _lay_out(self) -> None:
        """Give every operand, setup image and result its place."""
        windows = sum(case.paged for case in self.cases)
        self._tables = -(-windows * WINDOW_PAGES // 512)
        self._table = kernel.TABLES + PAGE * self._tables
        if self._table + STRIDE * (len(self.cases) + 1) > USER:
            raise ValueError("too many cases for one run")
        place = USER + THUNKS
        windows = 0
        for case in self.cases:
            align = PAGE if case.paged else LINE
            place = (place + align - 1) & -align
            self._operands.append(place)
            self._seen.append(WINDOW + WINDOW_PAGES * PAGE * windows if case.paged else place)
            windows += case.paged
            place += 2 * PAGE if case.paged else case.offset % LINE + max(len(case.memory), LINE)
        self._user_end = place = (place + LARGE - 1) & -LARGE
        self._image_room = (self._image_bytes + LINE - 1) & -LINE
        self._setups = place
        self._afters = place + self._image_room * len(self.cases)
        self.size = self._afters + self._image_room * len(self.cases) - BASE
        self.size = (self.size + BLOCK - 1) & -BLOCK

    def _offset(self, case: BochsCase) -> int:
        return case.offset if case.paged else case.offset % LINE

    def build(self) -> bytearray:
        """Give the bytes at 1 MiB."""
        ram = bytearray(self.size)
        self._descriptors(ram)
        self._paging(ram)
        code = kernel.KERNEL.code
        ram[kernel.ENTRY - BASE : kernel.ENTRY - BASE + len(code)] = code
        self._head(ram)
        for number in range(len(self.cases)):
            self._case(ram, number)
        return ram

    def _descriptors(self, ram: bytearray) -> None:
        struct.pack_into(
            "<5Q", ram, kernel.GDT - BASE,
            0, 0x00AF9B000000FFFF, 0x00CF93000000FFFF, 0x00AFFB000000FFFF, 0x00CFF3000000FFFF,
        )  # fmt: skip
        tss = kernel.TSS
        low = 0x67 | (tss & 0xFFFFFF) << 16 | 0x89 << 40 | (tss >> 24) << 56
        struct.pack_into("<QQ", ram, kernel.GDT - BASE + 0x28, low, tss >> 32)
        struct.pack_into("<Q", ram, tss - BASE + 4, kernel.STACK)
        struct.pack_into("<H", ram, tss - BASE + 0x66, 0x68)
        for place, (vector, code) in enumerate(kernel.stubs().items()):
            at = kernel.STUBS + 16 * place
            ram[at - BASE : at - BASE + len(code)] = code
            kind = 0xEE if vector == kernel.RETURN else 0x8E
            struct.pack_into(
                "<HHBBHII", ram, kernel.IDT - BASE + 16 * vector,
                at & 0xFFFF, 8, 0, kind, at >> 16 & 0xFFFF, at >> 32, 0,
            )  # fmt: skip
        struct.pack_into("<HQ", ram, kernel.IDT_POINTER - BASE, 0xFFF, kernel.IDT)

    def _paging(self, ram: bytearray) -> None:
        """Map the first GiB to itself, the window to the operands that need it, and the ROM."""
        every = PRESENT | WRITABLE | FOR_USER
        struct.pack_into("<Q", ram, kernel.PML4 - BASE, kernel.PDPT | every)
        tables = (kernel.PD_LOW, kernel.PD_WINDOW, 0, kernel.PD_HIGH)
        struct.pack_into("<4Q", ram, kernel.PDPT - BASE, *(t and t | every for t in tables))
        for number in range(512):
            at = number * LARGE
            user = FOR_USER if USER <= at < self._user_end else 0
            entry = at | PRESENT | WRITABLE | BIG | user
            struct.pack_into("<Q", ram, kernel.PD_LOW - BASE + 8 * number, entry)
        struct.pack_into("<Q", ram, kernel.PD_HIGH - BASE + 8 * 511, 0xFFE00000 | PRESENT | BIG)
        for number in range(self._tables):
            entry = kernel.TABLES + PAGE * number | every
            struct.pack_into("<Q", ram, kernel.PD_WINDOW - BASE + 8 * number, entry)
        for case, operand, seen in zip(self.cases, self._operands, self._seen, strict=True):
            if case.paged:
                at = kernel.TABLES - BASE + (seen - WINDOW) // PAGE * 8
                pages = (_entry(operand, case.first), _entry(operand + PAGE, case.second))
                struct.pack_into("<2Q", ram, at, *pages)

    def _head(self, ram: bytearray) -> None:
        numbers = {
            Head.TABLE: self._table, Head.BLOCKS: self.size // BLOCK, Head.CR0: CR0,
            Head.CR4: self._cr4(True, self._pku, False), Head.XCR0: self._xcr0,
            Head.MSRS: kernel.MSR_LIST, Head.COUNT: len(self._msrs), Head.PKU: self._pku,
        }  # fmt: skip
        for slot, value in numbers.items():
            struct.pack_into("<Q", ram, HEAD - BASE + slot, value)
        struct.pack_into(f"<{len(self._msrs)}I", ram, kernel.MSR_LIST - BASE, *self._msrs)

    def _cr4(self, osxsave: bool, pke: bool, cet: bool) -> int:
        pke = pke and self._pku
        return CR4 | osxsave * CR4_OSXSAVE | pke * CR4_PKE | cet * CR4_CET

    def _case(self, ram: bytearray, number: int) -> None:
        case, operand = self.cases[number], self._operands[number]
        start = operand + self._offset(case) - BASE
        ram[start : start + len(case.memory)] = case.memory
        setup = self._setups + self._image_room * number
        ram[setup - BASE : setup - BASE + len(case.setup)] = case.setup
        cr0 = CR0 & ~(0 if case.wp else CR0_WP) | case.ts * CR0_TS | case.em * CR0_EM
        numbers = {
            Slot.THERE: 1, Slot.RFBM: case.rfbm, Slot.INDEX: case.index,
            Slot.OPERAND: self._seen[number] + self._offset(case),
            Slot.THUNK: self._thunk(ram, case.code), Slot.SETUP: setup,
            Slot.XCR0: case.xcr0, Slot.CR0: cr0,
            Slot.CR4: self._cr4(case.osxsave, case.pke, case.cet), Slot.CPL: case.cpl,
            Slot.AFTER: self._afters + self._image_room * number,
        }  # fmt: skip
        at = self._table - BASE + STRIDE * number
        for slot, value in numbers.items():
            struct.pack_into("<Q", ram, at + slot, value)
        values = case.msrs[len(case.msrs) - len(self._msrs) :]
        struct.pack_into(f"<{len(values)}Q", ram, at + Slot.MSRS, *values)

    def _thunk(self, ram: bytearray, code: bytes) -> int:
        """Put the tested instruction and the way back somewhere, once."""
        if code not in self._thunks:
            at = self._thunks[code] = USER + 32 * len(self._thunks)
            whole = code + bytes((0xCD, kernel.RETURN))
            ram[at - BASE : at - BASE + len(whole)] = whole
        return self._thunks[code]

    def replies(self, ram: bytes) -> list[Reply]:
        """Read what became of every case. Raises Broken."""
        if len(ram) != self.size:
            raise Broken(f"{len(ram)} bytes of RAM came back, expected {self.size}")
        return [self._reply(ram, number) for number in range(len(self.cases))]

    def _reply(self, ram: bytes, number: int) -> Reply:
        case = self.cases[number]
        at = self._table - BASE + STRIDE * number
        (vector, error, _, cr2, rax, rdx, before, later, xcr0, pkru) = struct.unpack_from(
            "<10Q", ram, at + Slot.VECTOR
        )
        phase, fault_phase = (
            int.from_bytes(ram[at + slot : at + slot + 8], "little")
            for slot in (Slot.PHASE, Slot.FAULT_PHASE)
        )
        if phase != FINISHED or fault_phase != TESTED:
            raise Broken(f"{case.describe()}: ended in phase {phase}, exception in {fault_phase}")
        faulted = vector != kernel.RETURN
        operand = self._seen[number] + self._offset(case)
        start = self._operands[number] + self._offset(case) - BASE
        after = self._afters + self._image_room * number - BASE
        state = bytearray(ram[after : after + self._image_bytes])
        state[HEADER_BV] = bytes(8)
        read = list(struct.unpack_from(f"<{len(self._msrs)}Q", ram, at + Slot.MSRS_AFTER))
        return Reply(
            Answer(
                vector=vector if faulted else None,
                error=error if faulted else 0,
                cr2=cr2 - operand if vector == PAGE_FAULT else None,
                value=rdx << 32 | rax & 0xFFFFFFFF if not faulted and _valued(case) else None,
                xinuse_before=before,
                xinuse_after=later,
                memory=bytes(ram[start : start + len(case.memory)]),
                after=bytes(state),
            ),
            xcr0=xcr0,
            pkru=pkru,
            msrs=tuple([0] * (len(MSR_NUMBERS) - len(read)) + read),
        )


def _valued(case: BochsCase) -> bool:
    """Tell whether the instruction leaves a value in EDX:EAX."""
    return case.instruction in {"xgetbv", "rdpkru", "rdmsr"}


def _entry(place: int, access: str) -> int:
    if access == ABSENT:
        return 0
    return place | PRESENT | FOR_USER | (0 if access == READ_ONLY else WRITABLE)
