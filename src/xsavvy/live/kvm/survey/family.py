# SPDX-License-Identifier: Apache-2.0
"""The XSAVE family in a guest at CPL 3: an image is restored, saved again, and read out of the guest's memory.

KVM has loaded the guest's XCR0 by then, and its CPUID decides what XSETBV may have put there.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from typing import Any

from xsavvy.isa.components import AVX, SSE, X87
from xsavvy.kvm import Kernel
from xsavvy.kvm.rules import CR4_OSXSAVE
from xsavvy.live.kvm.asker import digest, filler
from xsavvy.live.kvm.facts import Facts
from xsavvy.live.kvm.longmode import ALIAS, DATA, enter
from xsavvy.live.kvm.question import Claim, Question

from .guestcpuid import shown_xcr0, spans, suite_entries

__all__ = ["family"]

IN, OUT = 0x3000, 0x4000
CR4_OSFXSR = 1 << 9
GP, HLT = 13, 5
MXCSR = 0x1F80
SAVES = {"XSAVE64": b"\x48\x0f\xae\x27", "XSAVEOPT64": b"\x48\x0f\xae\x37"}
XRSTOR64 = b"\x48\x0f\xae\x2f"
XGETBV = b"\x0f\x01\xd0"
OPTIONAL = {"XSAVEOPT64": 1}
"""Bits of CPUID (0xD,1).EAX without which an instruction is not there."""


def family(facts: Facts) -> Iterator[Question]:
    """Ask guests for what they restore and save, for an image that must fault, and for XGETBV."""
    own = facts.supported_xcr0 or X87 | SSE
    features = facts.supported.get((0xD, 1), (0, 0, 0, 0))[0]
    masks = [mask for mask in (own, X87 | SSE, X87 | SSE | AVX) if mask & ~own == 0]
    for xcr0 in dict.fromkeys(masks):
        for name in SAVES:
            if name not in OPTIONAL or features & OPTIONAL[name]:
                yield _there_and_back(xcr0, xcr0, name, facts)
        yield _there_and_back(xcr0, SSE, "XSAVE64", facts)
        yield _refused(xcr0, facts)


def _image(xstate_bv: int, fill: int) -> bytes:
    """Return an image whose components are not in their initial state; x87 is."""
    image = bytearray(filler(fill))
    image[:160] = struct.pack("<HHBBHQQII", 0x37F, 0, 0, 0, 0, 0, 0, MXCSR, 0xFFFF).ljust(
        160, b"\0"
    )
    image[512:576] = struct.pack("<Q", xstate_bv).ljust(64, b"\0")
    return bytes(image[:0xFC0])


def _code(save: str, mask: int) -> str:
    """Return user code: XRSTOR64 of all, the save with a mask, XGETBV, each after a mark; HLT faults at CPL 3."""
    return b"".join(
        (
            _mark(1), _address(IN), _mask((1 << 64) - 1), XRSTOR64,
            _mark(2), _address(OUT), _mask(mask), SAVES[save],
            _mark(3), b"\x31\xc9", XGETBV, b"\x48\xa3", struct.pack("<Q", ALIAS + DATA + 4), b"\xf4",
        )
    ).hex()  # fmt: skip


def _mark(stage: int) -> bytes:
    """MOV byte [DATA], stage."""
    return b"\xc6\x04\x25" + struct.pack("<IB", ALIAS + DATA, stage)


def _address(place: int) -> bytes:
    """MOV RDI, place in the user pages."""
    return b"\x48\xbf" + struct.pack("<Q", ALIAS + place)


def _mask(mask: int) -> bytes:
    """MOV EAX and EDX, a mask."""
    return b"\xb8" + struct.pack("<I", mask & 0xFFFFFFFF) + b"\xba" + struct.pack("<I", mask >> 32)


def _calls(
    facts: Facts, xcr0: int, image: bytes, code: str, read: list[list[int]]
) -> list[list[Any]]:
    enters = enter(cpl=3, cr4=CR4_OSXSAVE | CR4_OSFXSR)
    enters[1].append([IN, image.hex()])
    return [
        ["set_cpuid", suite_entries(facts, ())],
        ["get_cpuid"],
        enters,
        ["set_xcrs", [[0, xcr0]], 0, 1],
        ["run", code, ALIAS],
        ["peek", read],
    ]


def _there_and_back(xcr0: int, mask: int, save: str, facts: Facts) -> Question:
    image = _image(xcr0 & ~X87, 11)
    places = {
        # PKRU's other four bytes are reserved.
        index: [place[0], 4] if index == 9 else place
        for index, place in spans(facts).items()
        if index and xcr0 >> index & 1
    }
    read = [[DATA, 1], [DATA + 4, 4], [OUT + 512, 8]]
    read += [[OUT + start, size] for start, size in places.values()]
    saved = xcr0 & mask & ~X87

    def judge(answers: Sequence[Any], _facts: Facts, _kernel: Kernel) -> list[Claim]:
        reason, vector, _ = answers[4]
        what = f"guest XRSTOR64, {save}({mask:#x}) at CPL 3, XCR0={xcr0:#x}, CPUID {shown_xcr0(answers[1]):#x}"
        stage, xgetbv, header, *digests = answers[5]
        claims = [
            Claim(what, [HLT, GP, "03"], [reason, vector, stage]),
            Claim(f"guest XGETBV at CPL 3, XCR0={xcr0:#x}", struct.pack("<I", xcr0).hex(), xgetbv),
            Claim(f"XSTATE_BV of {what}", hex(saved), hex(_without_x87(header))),
        ]
        expected = [_piece(image, saved, index, place) for index, place in places.items()]
        return [*claims, Claim(f"components of {what}", expected, digests)]

    return Question("family", _calls(facts, xcr0, image, _code(save, mask), read), judge)


def _without_x87(header: str) -> int:
    """Return XSTATE_BV without x87, which was in its initial state: XINUSE[0] may be 0 or 1 then."""
    return int.from_bytes(bytes.fromhex(header), "little") & ~X87


def _piece(image: bytes, saved: int, index: int, place: list[int]) -> str:
    """Return what a component looks like in memory that was zero before the save."""
    start, size = place
    data = image[start : start + size] if saved >> index & 1 else bytes(size)
    return data.hex() if size <= 16 else digest(data)


def _refused(xcr0: int, facts: Facts) -> Question:
    """An image that names a component outside XCR0 is a #GP for XRSTOR."""
    outside = 1 << 62
    image = _image(xcr0 | outside, 11)

    def judge(answers: Sequence[Any], _facts: Facts, _kernel: Kernel) -> list[Claim]:
        reason, vector, _ = answers[4]
        what = f"guest XRSTOR64 of a component outside XCR0={xcr0:#x}"
        return [Claim(what, [HLT, GP, "01"], [reason, vector, answers[5][0]])]

    return Question(
        "family",
        _calls(facts, xcr0, image, _code("XSAVE64", xcr0), [[DATA, 1]]),
        judge,
    )
