# SPDX-License-Identifier: Apache-2.0
"""Directed cases: the places where rules meet, each with a name, the same on every run."""

from __future__ import annotations

import dataclasses
import struct
from collections.abc import Iterator
from random import Random
from typing import Any

from xsavvy.isa.components import CET, CET_S, CET_U
from xsavvy.isa.system import CR0_WP, CR4_CET, CR4_OSXSAVE, CR4_PKE, U_CET, XSS
from xsavvy.live.machine.memory import PAGE
from xsavvy.live.machine.operand import ABSENT, READ_ONLY

from . import image
from .case import MSR_NUMBERS, BochsCase
from .image import COMPACT
from .part import Part
from .ram import CR0, CR4

__all__ = ["directed"]

Named = tuple[str, BochsCase]
EVERY = (1 << 64) - 1
FAMILY = ("xsave64", "xsaveopt64", "xsavec64", "xsaves64", "xrstor64", "xrstors64")


def directed(part: Part) -> list[Named]:
    """Give the cases for one processor."""
    made = _Made(part)
    return [
        *made.refusals(),
        *made.pages(),
        *made.headers(),
        *made.masks(),
        *made.values(),
        *made.registers(),
        *made.control_registers(),
    ]


class _Made:
    """The cases of one processor."""

    def __init__(self, part: Part) -> None:
        self._part, self._processor, self._random = part, part.processor, Random(9)
        self._xcr0, self._xss = part.processor.xcr0_supported, part.processor.xss_supported
        self._full = image.standard(self._random, self._processor, self._xcr0)
        self._initial = image.standard(self._random, self._processor, 0)
        self._msrs = (0,) * (len(MSR_NUMBERS) - 1) + (self._xss,)

    def _case(self, instruction: str, **more: Any) -> BochsCase:
        usual: dict[str, Any] = {"setup": self._full, "xcr0": self._xcr0, "msrs": self._msrs}
        return BochsCase(instruction, **(usual | more))

    def _area(self, xstate_bv: int, xcomp_bv: int = 0, rest: bytes = bytes(48)) -> bytearray:
        """Build an area with legal contents."""
        header = struct.pack("<QQ", xstate_bv, xcomp_bv) + rest
        part, features = self._processor, self._xcr0 | self._xss
        layout = part.compacted(xcomp_bv & ~COMPACT & features) if xcomp_bv else part.standard
        size = max(layout.size, part.standard.size) + 64
        return image.area(self._random, part, layout, size, header)

    def _operand(self, name: str) -> bytes:
        """Build an area that an instruction of the family accepts."""
        if name == "xrstors64":
            return bytes(self._area(0b111, COMPACT | 0b111))
        if name == "xrstor64":
            return bytes(self._area(0b111))
        return image.fill(self._random, self._part.image_bytes + 64)

    def refusals(self) -> Iterator[Named]:
        """Every cause of a fault before memory is looked at, alone and against each other."""
        causes: dict[str, dict[str, Any]] = {
            "CR4.OSXSAVE=0": {"osxsave": False},
            "CPL 3": {"cpl": 3},
            "CR0.TS=1": {"ts": True},
            "a misaligned operand": {"offset": 8},
            "LOCK": {"prefix": "lock"},
            "an absent page": {"first": ABSENT, "second": ABSENT},
            "CR0.EM=1": {"em": True},
        }
        for name in FAMILY:
            memory = self._operand(name)
            for cause, change in causes.items():
                yield f"{name}, {cause}", self._case(name, memory=memory, rfbm=0b11, **change)
                for other, second in causes.items():
                    if cause < other:
                        both = change | second
                        case = self._case(name, memory=memory, rfbm=0b11, **both)
                        yield f"{name}, {cause} and {other}", case
            # 66 0F AE /6 is CLWB.
            for prefix in ("f2", "f3") if name == "xsaveopt64" else ("66", "f2", "f3"):
                case = self._case(name, memory=memory, rfbm=0b11, prefix=prefix)
                yield f"{name} behind {prefix}", case

    def pages(self) -> Iterator[Named]:
        """An area that reaches into a page which is read-only or absent, at each place of interest."""
        for name in FAMILY:
            memory = self._operand(name)
            for before in (64, 512, 576, 832, 1152, 2688):
                for second in (READ_ONLY, ABSENT):
                    for rfbm in (EVERY, 0b1, 0b100):
                        case = self._case(
                            name, memory=memory, rfbm=rfbm, offset=PAGE - before, second=second
                        )
                        yield f"{name} of {rfbm:#x}, {second} from byte {before}", case

    def headers(self) -> Iterator[Named]:
        """Every rule of a restore's header."""
        for place in range(48):
            rest = bytes(place) + b"\1" + bytes(47 - place)
            for name, xcomp_bv in (
                ("xrstor64", 0), ("xrstor64", COMPACT | 3), ("xrstors64", COMPACT | 3),
            ):  # fmt: skip
                memory = bytes(self._area(0b11, xcomp_bv, rest))
                case = self._case(name, memory=memory, rfbm=0b11)
                yield f"{name}, header byte {16 + place} is 1", case
        for bit in range(64):
            for name, compact in (("xrstor64", 0), ("xrstor64", COMPACT), ("xrstors64", COMPACT)):
                memory = bytes(self._area(1 << bit | 1, compact and compact | 1 << bit | 1))
                yield f"{name}, bit {bit} in both", self._case(name, memory=memory, rfbm=0)
                memory = bytes(self._area(1 << bit, compact))
                case = self._case(name, memory=memory, rfbm=0)
                yield f"{name}, bit {bit} in XSTATE_BV alone", case
        yield (
            "xrstors64 of the standard format",
            self._case("xrstors64", memory=bytes(self._area(0b11)), rfbm=0b11),
        )
        for bit in range(16, 32):
            for name, rfbm, bv, xcomp_bv in (
                ("xrstor64", 1, 1, 0), ("xrstor64", 2, 0, 0), ("xrstor64", 4, 0, 0),
                ("xrstor64", 2, 2, COMPACT | 2), ("xrstors64", 2, 2, COMPACT | 2),
                ("xrstors64", 2, 0, COMPACT | 2), ("xrstors64", 1, 2, COMPACT | 2),
            ):  # fmt: skip
                area = self._area(bv, xcomp_bv)
                struct.pack_into("<I", area, 24, 0x1F80 | 1 << bit)
                case = self._case(name, memory=bytes(area), rfbm=rfbm)
                yield f"{name}, MXCSR bit {bit}, RFBM {rfbm}", case

    def masks(self) -> Iterator[Named]:
        """What each instruction does with each component alone, in use or not."""
        every = self._xcr0 | self._xss
        for name in FAMILY[:4]:
            memory = self._operand(name)
            for setup, what in ((self._full, "in use"), (self._initial, "initial")):
                for rfbm in (EVERY, 0, *(1 << bit for bit in range(20))):
                    case = self._case(name, memory=memory, rfbm=rfbm, setup=setup)
                    yield f"{name} of {rfbm:#x}, {what}", case
        for bit in (each for each in range(13) if every >> each & 1):
            for name, compact in (("xrstor64", 0), ("xrstor64", COMPACT), ("xrstors64", COMPACT)):
                if not compact and not self._xcr0 >> bit & 1:
                    continue
                for bv in (0, 1 << bit):
                    features = every if name == "xrstors64" else self._xcr0
                    memory = bytes(self._area(bv & features, compact and compact | bv & features))
                    case = self._case(name, memory=memory, rfbm=1 << bit)
                    yield f"{name} of component {bit}, XSTATE_BV {bv:#x}", case

    def values(self) -> Iterator[Named]:
        """XRSTORS of every kind of CET value, legal and not."""
        cet = [each for each in (CET_U, CET_S) if self._xss & each]
        for bit in cet:
            place = self._processor.compacted(bit)[bit.bit_length() - 1]
            for word in range(place.size // 8):
                for shift in range(64):
                    area = self._area(bit, COMPACT | bit)
                    area[place.offset : place.end] = bytes(place.size)
                    struct.pack_into("<Q", area, place.offset + 8 * word, 1 << shift)
                    case = self._case("xrstors64", memory=bytes(area), rfbm=bit)
                    yield f"XRSTORS, component {bit:#x}, word {word} is 1 << {shift}", case
        if cet:
            memory = bytes(self._area(CET, COMPACT | CET))
            for xss in (0, CET_U, CET_S, CET):
                case = self._case("xrstors64", memory=memory, rfbm=CET)
                case = dataclasses.replace(case, msrs=(*case.msrs[:-1], xss))
                yield f"XRSTORS of CET with IA32_XSS={xss:#x}", case

    def registers(self) -> Iterator[Named]:
        """XSETBV, XGETBV, the MSRs and PKRU: each value and index of interest."""
        for value in (*range(1 << 10), *(1 << bit for bit in range(64)), EVERY):
            yield f"XSETBV {value:#x}", self._case("xsetbv", rfbm=value)
        for name in ("xsetbv", "xgetbv"):
            for index in (0, 1, 2, 1 << 31):
                for change in ({}, {"cpl": 3}, {"osxsave": False}, {"ts": True}):
                    case = self._case(name, rfbm=self._xcr0, index=index, **change)
                    yield f"{name}, ECX={index:#x}, {change}", case
        for number in (*MSR_NUMBERS, 0x1C4, 0x1C5, 0x6E1):
            for value in (0, 3, 0xC00, 0x803, 0x1800, *(1 << bit for bit in range(64))):
                case = self._case("wrmsr", rfbm=value, index=number)
                yield f"WRMSR {number:#x}, {value:#x}", case
            yield f"RDMSR {number:#x}", self._case("rdmsr", index=number)
            yield f"RDMSR {number:#x}, CPL 3", self._case("rdmsr", index=number, cpl=3)
        for number in (XSS, U_CET):
            yield f"WRMSR {number:#x}, CPL 3", self._case("wrmsr", index=number, cpl=3)
        for name in ("rdpkru", "wrpkru"):
            for change in ({}, {"cpl": 3}, {"pke": False}, {"osxsave": False}, {"ts": True}):
                for index, value in ((0, 0x4), (1, 0x4), (0, 1 << 32), (1, 1 << 32), (1 << 31, 0)):
                    more: dict[str, Any] = {"rfbm": value, "index": index, **change}
                    yield (
                        f"{name}, ECX={index:#x}, EDX:EAX={value:#x}, {change}",
                        self._case(name, **more),
                    )

    def control_registers(self) -> Iterator[Named]:
        """CR4's bits without their feature, and CR4.CET against CR0.WP."""
        quiet = {"msrs": (0,) * len(MSR_NUMBERS)}
        for bits in (0, CR4_OSXSAVE, CR4_PKE, CR4_CET, CR4_OSXSAVE | CR4_PKE | CR4_CET):
            for wp in (True, False):
                case = self._case("mov cr4,rax", rfbm=CR4 | bits, wp=wp, **quiet)
                yield f"CR4 {bits:#x}, CR0.WP={wp:d}", case
        for protect in (0, CR0_WP):
            for cet in (False, self._part.has_cet):
                case = self._case("mov cr0,rax", rfbm=CR0 & ~CR0_WP | protect, cet=cet, **quiet)
                yield f"CR0.WP={bool(protect):d}, CR4.CET={cet:d}", case
        yield "MOV to CR4 at CPL 3", self._case("mov cr4,rax", rfbm=CR4, cpl=3, **quiet)
