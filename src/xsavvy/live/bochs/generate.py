# SPDX-License-Identifier: Apache-2.0
"""Random cases: reproducible from a seed and a number, and aimed at where rules meet.

What Bochs is known to do wrongly is drawn less often than the rest, but it is drawn: a filter that is never needed
would go unnoticed.
"""

from __future__ import annotations

import dataclasses
import struct
from random import Random
from typing import Any, Final

from xsavvy.isa.components import AVX, AVX512, CET, PKRU, indices
from xsavvy.isa.layout import EXTENDED_OFFSET
from xsavvy.isa.registers import xcr0_ok
from xsavvy.isa.system import CR0_WP, CR4_CET, CR4_OSXSAVE, CR4_PKE, SSP_TABLE
from xsavvy.live.machine.operand import ABSENT, READ_ONLY, SPACE, WRITABLE

from . import image
from .case import MSR_NUMBERS, BochsCase
from .image import COMPACT
from .part import Part
from .ram import CR0, CR4

__all__ = ["Generator"]

KINDS: Final = (
    ("save", 24), ("save_compacted", 9), ("restore", 22), ("restore_compacted", 10),
    ("restore_supervisor", 17), ("xsetbv", 5), ("xgetbv", 3), ("wrmsr", 4), ("rdmsr", 2),
    ("pkru", 3), ("cr", 1),
)  # fmt: skip
FLAWS: Final = (None,) * 9 + (
    "xstate_bv",
    "xstate_bv 63",
    "xstate_bv outside xcomp_bv",
    "xcomp_bv",
    "format",
    "bytes 16-23",
    "bytes 24-63",
    "mxcsr",
)
PAGES: Final = (WRITABLE, READ_ONLY, ABSENT)
NO_MSRS: Final = (0,) * len(MSR_NUMBERS)
"""CR4.CET would put values to use, and the kernel has no shadow stack."""
BELOW_PKRU: Final = AVX | AVX512
OTHER_MSRS: Final = (0x1C4, 0x1C5, 0x6E1, 0x6A3, 0x6A9)
"""XFD, XFD_ERR and PKRS, which Bochs 2.7 does not have, and two that nobody has."""


class Generator:
    """Cases for one emulated processor; case `number` of a seed is always the same."""

    def __init__(self, part: Part, seed: int) -> None:
        self._part, self._processor, self._seed = part, part.processor, seed
        self._xcr0 = part.processor.xcr0_supported
        self._xss = part.processor.xss_supported
        self._legal_xcr0 = [each for each in range(1 << 10) if xcr0_ok(each, self._xcr0)]
        self._kinds = [name for name, weight in KINDS for _ in range(weight)]

    def case(self, number: int) -> BochsCase:
        """Return case `number` of this seed."""
        random = Random(f"bochs/{self._seed}/{self._part.model}/{number}")
        kind = random.choice(self._kinds)
        case: BochsCase = getattr(self, "_" + kind)(random)
        return self._refused(random, case) if random.random() < 0.12 else case

    # Saves and restores.

    def _save(self, random: Random) -> BochsCase:
        name = random.choice(("xsave", "xsaveopt"))
        memory = image.fill(random, self._part.image_bytes)
        if random.random() < 0.3:
            memory = memory[:512] + bytes(64) + memory[EXTENDED_OFFSET:]
        return self._made(random, name, memory, self._rfbm(random))

    def _save_compacted(self, random: Random) -> BochsCase:
        name = random.choice(("xsavec", "xsaves", "xsaves"))
        memory = image.fill(random, self._part.image_bytes + 64)
        rfbm = self._rfbm(random)
        if random.random() < 0.7:
            rfbm &= ~(self._xcr0 | self._xss) | 0b11
        return self._made(random, name, memory, rfbm)

    def _restore(self, random: Random) -> BochsCase:
        xstate_bv = self._mask(random, self._xcr0)
        rfbm = self._rfbm(random)
        memory = self._area(random, xstate_bv, 0, self._xcr0)
        return self._made(random, "xrstor", memory, rfbm)

    def _restore_compacted(self, random: Random) -> BochsCase:
        xcomp_bv = self._mask(random, self._xcr0)
        xstate_bv = xcomp_bv & self._mask(random, self._xcr0)
        memory = self._area(random, xstate_bv, COMPACT | xcomp_bv, self._xcr0)
        return self._made(random, "xrstor", memory, self._wide_rfbm(random, xcomp_bv))

    def _restore_supervisor(self, random: Random) -> BochsCase:
        every = self._xcr0 | self._xss
        xcomp_bv = self._mask(random, every)
        if random.random() < 0.4:
            xcomp_bv = self._mask(random, CET) & self._xss
        xstate_bv = xcomp_bv & self._mask(random, every)
        legal = not self._xss or random.random() < 0.8
        memory = self._area(random, xstate_bv, COMPACT | xcomp_bv, every, legal=legal)
        case = self._made(random, "xrstors", memory, self._wide_rfbm(random, xcomp_bv))
        if random.random() < 0.7:
            case = dataclasses.replace(case, msrs=(*case.msrs[:-1], self._xss))
        return case

    def _area(
        self, random: Random, xstate_bv: int, xcomp_bv: int, features: int, *, legal: bool = True
    ) -> bytes:
        """Build a restore's area, and break its header at times."""
        flaw, rest, part = random.choice(FLAWS), bytearray(48), self._processor
        outside = [bit for bit in range(63) if not features >> bit & 1]
        if flaw == "xstate_bv":
            xstate_bv |= 1 << random.choice(outside)
        elif flaw == "xstate_bv 63":
            xstate_bv |= 1 << 63
        elif flaw == "xstate_bv outside xcomp_bv" and xcomp_bv:
            xcomp_bv &= ~(1 << random.choice(indices(xstate_bv & ~COMPACT) or (0,)))
        elif flaw == "xcomp_bv":
            xcomp_bv |= 1 << random.choice(outside if xcomp_bv else range(63))
        elif flaw == "format":
            xcomp_bv ^= COMPACT
        elif flaw == "bytes 16-23":
            rest[random.randrange(8)] = 1 << random.randrange(8)
        elif flaw == "bytes 24-63":
            rest[random.randrange(8, 48)] = 1 << random.randrange(8)
        header = struct.pack("<QQ", xstate_bv, xcomp_bv) + bytes(rest)
        compacted = part.compacted(xcomp_bv & ~COMPACT & features)
        layout = compacted if xcomp_bv & COMPACT else part.standard
        size = max(layout.size, part.standard.size) + 64
        built = image.area(random, part, layout, size, header, legal=legal)
        if flaw == "mxcsr":
            struct.pack_into("<I", built, 24, 0x1F80 | 1 << random.randrange(16, 32))
        return bytes(built)

    def _made(self, random: Random, name: str, memory: bytes, rfbm: int) -> BochsCase:
        name += random.choice(("", "64"))
        return BochsCase(name, memory=memory, rfbm=rfbm, **self._common(random))

    # Instructions without an area.

    def _xsetbv(self, random: Random) -> BochsCase:
        value = random.choice(
            (random.choice(self._legal_xcr0), random.getrandbits(10), random.getrandbits(64),
             self._xcr0 ^ 1 << random.randrange(64))
        )  # fmt: skip
        index = random.choice((0,) * 8 + (1, random.getrandbits(32)))
        return self._plain(random, "xsetbv", value, index)

    def _xgetbv(self, random: Random) -> BochsCase:
        index = random.choice((0, 1, 1, 1, 2, random.getrandbits(32)))
        return self._plain(random, "xgetbv", random.getrandbits(64), index)

    def _wrmsr(self, random: Random) -> BochsCase:
        index, part = self._msr(random), self._processor
        legal = random.random() < 0.6
        value = random.choice(
            (
                image.cet_value(random, part, legal=legal),
                image.ssp_value(random, part, legal=legal),
                random.getrandbits(13) & 0x1800,
                1 << random.randrange(64),
            )
        )
        return self._plain(random, "wrmsr", value, index)

    def _rdmsr(self, random: Random) -> BochsCase:
        return self._plain(random, "rdmsr", 0, self._msr(random))

    def _pkru(self, random: Random) -> BochsCase:
        index = random.choice((0, 0, 0, 1, random.getrandbits(32)))
        value = random.choice((random.getrandbits(32), random.getrandbits(64))) & ~image.KEY_0
        return self._plain(random, random.choice(("rdpkru", "wrpkru")), value, index)

    def _cr(self, random: Random) -> BochsCase:
        wp, cet = random.random() < 0.5, random.random() < 0.5
        if random.random() < 0.5:
            drawn = random.getrandbits(3)
            value = CR4 | (drawn & 1) * CR4_OSXSAVE | (drawn >> 1 & 1) * CR4_PKE
            value |= (drawn >> 2) * CR4_CET
            case = self._plain(random, "mov cr4,rax", value, 0)
            return dataclasses.replace(case, wp=wp, msrs=NO_MSRS)
        cet = cet and self._part.has_cet
        case = self._plain(random, "mov cr0,rax", CR0 & ~(0 if wp else CR0_WP), 0)
        return dataclasses.replace(case, cet=cet, msrs=NO_MSRS)

    def _plain(self, random: Random, name: str, value: int, index: int) -> BochsCase:
        return BochsCase(name, rfbm=value, index=index, **self._common(random))

    def _msr(self, random: Random) -> int:
        return random.choice((*MSR_NUMBERS, *MSR_NUMBERS, *OTHER_MSRS))

    # What every case has.

    def _common(self, random: Random) -> dict[str, Any]:
        """Draw the state to start from."""
        part = self._processor
        setup = image.standard(random, part, self._mask(random, self._xcr0))
        msrs = [0] * len(MSR_NUMBERS)
        if self._part.has_cet and random.random() < 0.7:
            for place, number in enumerate(MSR_NUMBERS[:-1]):
                if number in MSR_NUMBERS[:2]:
                    msrs[place] = image.cet_value(random, part)
                elif number != SSP_TABLE or random.random() < 0.5:
                    msrs[place] = image.ssp_value(random, part) & ~7
                if random.random() < 0.3:
                    msrs[place] = 0
        msrs[-1] = random.choice((self._xss, self._xss, random.getrandbits(13) & self._xss))
        xcr0 = self._xcr0 if random.random() < 0.85 else random.choice(self._legal_xcr0)
        return {"setup": setup, "msrs": tuple(msrs), "xcr0": xcr0}

    def _refused(self, random: Random, case: BochsCase) -> BochsCase:
        """Change one or two circumstances, most of which forbid the instruction."""
        changes: dict[str, Any] = {}
        for _ in range(random.choice((1, 1, 2))):
            changes |= random.choice(
                (
                    {"ts": True}, {"em": True}, {"osxsave": False}, {"pke": False}, {"cpl": 3},
                    {"cpl": 3}, *([self._misplaced(random, case)] * 4 if case.has_operand else []),
                )
            )  # fmt: skip
        return dataclasses.replace(case, **changes)

    def _misplaced(self, random: Random, case: BochsCase) -> dict[str, Any]:
        draw = random.random()
        if draw < 0.3:
            prefixes = ["lock", "f2", "f3", "66"]
            if case.instruction.startswith("xsaveopt"):
                prefixes.remove("66")  # that is CLWB
            return {"prefix": random.choice(prefixes)}
        room = SPACE - len(case.memory)
        offset = random.randrange(room // 64) * 64
        if draw < 0.5:
            return {"offset": offset + random.choice((1, 8, 16, 32, 63))}
        return {
            "offset": offset,
            "first": random.choice(PAGES),
            "second": random.choice(PAGES),
        }

    def _mask(self, random: Random, every: int) -> int:
        one = 1 << random.choice(indices(every) or (0,))
        return every & random.choice(
            (random.getrandbits(63), random.getrandbits(63), every, 0, one)
        )

    def _rfbm(self, random: Random) -> int:
        every = self._xcr0 | self._xss
        return random.choice(
            (
                random.getrandbits(64),
                (1 << 64) - 1,
                random.getrandbits(63) & every,
                every,
                1 << random.choice(indices(every)),
                every & ~(1 << random.choice(indices(every))),
                0,
            )
        )

    def _wide_rfbm(self, random: Random, xcomp_bv: int) -> int:
        """Request at least what XCOMP_BV has, mostly.

        Where Bochs takes PKRU from depends on the components below it (filter B2): a denial for key 0 from a wrong
        place would end the run, so those are requested as XCOMP_BV has them.
        """
        rfbm = self._rfbm(random)
        rfbm = rfbm | xcomp_bv if random.random() < 0.75 else rfbm
        if rfbm & xcomp_bv & PKRU:
            rfbm = rfbm & ~BELOW_PKRU | xcomp_bv & BELOW_PKRU
        return rfbm
