# SPDX-License-Identifier: Apache-2.0
"""Random cases: reproducible from a seed and a number, and aimed at where rules meet.

Case `number` of a seed is always the same on the same processor, whatever was asked before it, so
the two numbers are a complete record. Uniform noise would only find #GP: headers are mostly legal
and broken in one place, requests are often one component or all but one, data is often initial.
"""

from __future__ import annotations

import struct
from random import Random
from typing import Final

from xsavvy.isa.components import indices
from xsavvy.isa.layout import EXTENDED_OFFSET, HEADER_OFFSET
from xsavvy.live.case import Case
from xsavvy.live.host import INITIAL_FCW, INITIAL_MXCSR, Host
from xsavvy.live.machine.instruction import PREFIXES
from xsavvy.live.machine.operand import ABSENT, READ_ONLY, SPACE, WRITABLE

__all__ = ["GENERATION", "Generator"]

GENERATION: Final = 1
"""Raise it with any change that makes a seed draw other cases; records name it."""
COMPACT: Final = 1 << 63
LINE: Final = 64
_SAVES: Final[tuple[str, ...]] = ("xsave", "xsave64")
_RESTORES: Final = ("xrstor", "xrstor64")
_PRIVILEGED: Final = ("xsaves", "xsaves64", "xrstors", "xrstors64")
# How a restore's header is broken, if it is: most are not.
_FLAWS: Final = (None,) * 8 + (
    "xstate_bv",
    "xstate_bv outside xcomp_bv",
    "xcomp_bv",
    "bytes 16-23",
    "bytes 24-63",
    "mxcsr",
)
_PAGES: Final = (WRITABLE, READ_ONLY, ABSENT)


class Generator:
    """Cases for one processor.

    Args:
        host: decides what may be requested, the offsets, and which instructions there are.
        seed: any integer; the same seed gives the same cases on the same processor.
    """

    def __init__(self, host: Host, seed: int) -> None:
        self.seed = seed
        self._host = host
        self._size = host.image_bytes
        self._bits = tuple(indices(host.reachable))
        self._forbidden = host.xcr0 & ~host.reachable
        self._illegal = tuple(bit for bit in range(63) if not host.xcr0 >> bit & 1)
        part = host.processor
        self._saves = _SAVES
        self._saves += ("xsaveopt", "xsaveopt64") if part.xsaveopt else ()
        self._saves += ("xsavec", "xsavec64") if part.xsavec else ()
        self._compacts = part.xsavec
        self._others = host.other_instructions
        self._legal_mxcsr = part.mxcsr_mask
        self._wide_pointers = part.is_amd

    def case(self, number: int) -> Case:
        """Return case `number` of this seed."""
        random = Random(f"{self.seed}/{number}")
        draw = random.random()
        if draw < 0.44:
            return self._save(random)
        if draw < 0.92:
            return self._restore(random)
        if draw < 0.95:
            return self._access(random)
        return self._refused(random)

    def _save(self, random: Random) -> Case:
        instruction = random.choice(self._saves)
        rfbm, setup = self._rfbm(random), self._setup(random)
        if instruction.startswith("xsaveopt") and random.random() < 0.1:
            return Case(instruction, setup, b"", rfbm, in_place=True)
        memory = bytearray(random.randbytes(self._size))
        if random.random() < 0.3:
            memory[HEADER_OFFSET:EXTENDED_OFFSET] = bytes(EXTENDED_OFFSET - HEADER_OFFSET)
        return self._placed(random, instruction, setup, bytes(memory), rfbm)

    def _restore(self, random: Random) -> Case:
        compact = self._compacts and random.random() < 0.5
        memory = bytearray(random.randbytes(self._size))
        self._legacy(random, memory)
        flaw = random.choice(_FLAWS)
        header = self._header(random, compact, flaw)
        memory[HEADER_OFFSET:EXTENDED_OFFSET] = header
        if flaw == "mxcsr":
            wrong = 1 << random.choice([b for b in range(32) if not self._legal_mxcsr >> b & 1])
            struct.pack_into("<I", memory, 24, INITIAL_MXCSR | wrong)
        self._clear_some(random, memory, EXTENDED_OFFSET)
        instruction = random.choice(_RESTORES)
        setup = self._setup(random)
        return self._placed(random, instruction, setup, bytes(memory), self._rfbm(random))

    def _header(self, random: Random, compact: bool, flaw: str | None) -> bytes:
        """Build a header that is legal but for the flaw (some flaws fit only one format)."""
        xstate_bv, xcomp_bv, rest = self._mask(random), 0, bytearray(48)
        if compact:
            xcomp_bv = COMPACT | xstate_bv | self._mask(random)
        if flaw == "xstate_bv":
            xstate_bv |= 1 << random.choice((*self._illegal, 63))
        elif flaw == "xstate_bv outside xcomp_bv" and compact:
            xcomp_bv = COMPACT | xstate_bv & random.getrandbits(62)
        elif flaw == "xcomp_bv":
            xcomp_bv |= 1 << random.choice(self._illegal if compact else range(63))
        elif flaw == "bytes 16-23":
            rest[random.randrange(8)] = 1 << random.randrange(8)
        elif flaw == "bytes 24-63":
            rest[random.randrange(8, 48)] = 1 << random.randrange(8)
        return struct.pack("<QQ", xstate_bv, xcomp_bv) + bytes(rest)

    def _access(self, random: Random) -> Case:
        instruction = random.choice(("xgetbv", "xsetbv", "rdpkru", "wrpkru"))
        setup = self._setup(random)
        index = random.choice((0, 1, 2, random.getrandbits(32)))
        rfbm = random.choice((0, self._host.xcr0, random.getrandbits(64)))
        if instruction == "xgetbv":
            index = random.choice((0, 1, 1, 2, random.getrandbits(32)))
        elif instruction != "xsetbv" and self._host.processor.pku:
            index = index or 1  # what would read or write PKRU is left out
        return Case(instruction, setup, b"", rfbm, index)

    def _refused(self, random: Random) -> Case:
        """Make an instruction that this privilege level or this prefix forbids."""
        setup, rfbm = self._setup(random), self._rfbm(random)
        memory = random.randbytes(self._size)
        if random.random() < 0.5:
            return self._placed(random, random.choice(_PRIVILEGED), setup, memory, rfbm)
        instruction, prefix = "", ""
        while not prefix or (prefix, instruction.removesuffix("64")) in self._others:
            instruction = random.choice((*self._saves, *_RESTORES, *_PRIVILEGED))
            prefix = random.choice([name for name in PREFIXES if name])
        return Case(instruction, setup, memory, rfbm, prefix=prefix)

    def _placed(
        self, random: Random, instruction: str, setup: bytes, memory: bytes, rfbm: int
    ) -> Case:
        """Put the operand somewhere: mostly aligned and mapped, sometimes neither."""
        room = SPACE - len(memory)
        offset = random.randrange(0, room // LINE + 1) * LINE
        first = second = WRITABLE
        draw = random.random()
        if draw < 0.15:
            first, second = random.choice(_PAGES), random.choice(_PAGES)
        elif draw < 0.17:
            first = second = ABSENT
        if random.random() < 0.05:
            offset = min(offset + random.choice((1, 2, 4, 8, 16, 32, random.randrange(64))), room)
        align_check = random.random() < 0.02
        return Case(
            instruction,
            setup,
            memory,
            rfbm,
            offset=offset,
            first=first,
            second=second,
            align_check=align_check,
        )

    def _setup(self, random: Random) -> bytes:
        """Build a state to start from: a legal standard image of some components."""
        xstate_bv = self._mask(random)
        if not xstate_bv:
            image = bytearray(self._size)
        else:
            image = bytearray(random.randbytes(self._size))
        self._legacy(random, image)
        image[HEADER_OFFSET:EXTENDED_OFFSET] = struct.pack("<Q", xstate_bv) + bytes(56)
        self._clear_some(random, image, 0)
        return bytes(image)

    def _legacy(self, random: Random, image: bytearray) -> None:
        """Make the control words plausible; reserved bits and bytes stay random."""
        if random.random() < 0.5:
            struct.pack_into("<H", image, 0, INITIAL_FCW)
        if random.random() < 0.5:
            struct.pack_into("<H", image, 2, 0)
        if not self._wide_pointers:
            for offset in (8, 16):
                struct.pack_into("<Q", image, offset, random.getrandbits(47))
        mxcsr = random.getrandbits(32) & self._legal_mxcsr
        if random.random() < 0.4:
            mxcsr = INITIAL_MXCSR
        struct.pack_into("<I", image, 24, mxcsr)

    def _clear_some(self, random: Random, image: bytearray, start: int) -> None:
        """Give some components data that is their initial value, or one bit away from it."""
        draw = random.random()
        if draw > 0.25:
            return
        for index in self._bits:
            place = self._host.processor.standard[index]
            if place.offset < start or random.random() < 0.5:
                continue
            if index == 0:
                image[:24] = struct.pack("<H", INITIAL_FCW) + bytes(22)
                image[32:160] = bytes(128)
                continue
            image[place.offset : place.end] = bytes(place.size)
            if random.random() < 0.3:
                image[place.offset + random.randrange(place.size)] = 1 << random.randrange(8)

    def _mask(self, random: Random) -> int:
        reachable = self._host.reachable
        return random.choice(
            (
                random.getrandbits(63) & reachable,
                random.getrandbits(63) & reachable,
                reachable,
                0,
                1 << random.choice(self._bits),
            )
        )

    def _rfbm(self, random: Random) -> int:
        reachable = self._host.reachable
        rfbm = random.choice(
            (
                random.getrandbits(64),
                (1 << 64) - 1,
                random.getrandbits(63) & reachable,
                reachable,
                1 << random.choice(self._bits),
                reachable & ~(1 << random.choice(self._bits)),
                0,
            )
        )
        return rfbm & ~self._forbidden
