# SPDX-License-Identifier: Apache-2.0
"""Facts about saves: functions that make cases, each followed by one that tells the answers."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from typing import Final

from xsavvy.isa.components import AVX, SSE, X87, indices
from xsavvy.isa.layout import HEADER_OFFSET
from xsavvy.live.answer import Answer
from xsavvy.live.case import Case
from xsavvy.live.fact.probe import COMPACT, fault, filled, image, saves, word
from xsavvy.live.host import Host

_POINTERS: Final = {"fop": 0x123, "fip": 0x1234_5678_9ABC, "fdp": 0x7654_3210_FEDC}


def mxcsr_cases(host: Host) -> list[Case]:
    """Save each way with few requests; restore an illegal MXCSR each way."""
    setup = image(host, mxcsr=0x1FA0)
    clear = bytes(host.image_bytes)
    asked = [
        Case(name, setup, clear, rfbm & host.reachable)
        for name in saves(host)
        for rfbm in (X87, SSE, AVX, SSE | AVX)
    ]
    for rfbm in (X87, SSE, AVX, SSE | AVX):
        formats = [0, COMPACT | (rfbm | SSE) & host.reachable]
        for xstate_bv, xcomp_bv in product((0, rfbm & host.reachable), formats):
            if xcomp_bv and not host.processor.xsavec:
                continue
            refused = image(host, xstate_bv, xcomp_bv, mxcsr=1 << 16)
            asked.append(Case("xrstor64", setup, refused, rfbm))
    return asked


def mxcsr_told(host: Host, cases: Sequence[Case], answers: Sequence[Answer]) -> str:
    """Tell what each save wrote and what each restore refused."""
    del host
    told = []
    for case, answer in zip(cases, answers, strict=True):
        if case.instruction == "xrstor64":
            form = "compacted" if case.memory[HEADER_OFFSET + 15] else "standard"
            bits = case.memory[HEADER_OFFSET]
            told.append(f"{form} rfbm={case.rfbm:x} bv={bits:x} {fault(answer)}")
        else:
            written = "written" if word(answer, case, 24, 4) else "untouched"
            told.append(f"{case.instruction} rfbm={case.rfbm:x} {written}")
    return "; ".join(told)


def mxcsr_alone(host: Host) -> list[Case]:
    """Save a state in which MXCSR alone is not initial."""
    setup = image(host, mxcsr=0x1FA0)
    return [Case(name, setup, bytes(host.image_bytes), host.reachable) for name in saves(host)]


def in_use_told(host: Host, cases: Sequence[Case], answers: Sequence[Answer]) -> str:
    """Tell XGETBV(1) and the XSTATE_BV that was written."""
    del host
    return "; ".join(
        f"{case.instruction}: XGETBV(1)={answer.xinuse_before:#x}"
        f" XSTATE_BV={word(answer, case, HEADER_OFFSET):#x}"
        for case, answer in zip(cases, answers, strict=True)
    )


def over_garbage(host: Host) -> list[Case]:
    """Save one component over a header of ones."""
    memory = b"\xff" * host.image_bytes
    return [Case(name, image(host), memory, X87) for name in saves(host)]


def header_told(host: Host, cases: Sequence[Case], answers: Sequence[Answer]) -> str:
    """Tell both bitmaps as written."""
    del host
    return "; ".join(
        f"{case.instruction}: XSTATE_BV={word(answer, case, HEADER_OFFSET):#x}"
        f" XCOMP_BV={word(answer, case, HEADER_OFFSET + 8):#x}"
        for case, answer in zip(cases, answers, strict=True)
    )


def last_only(host: Host) -> list[Case]:
    """Save everything in compacted format while only the last component is in use."""
    if not host.processor.xsavec:
        return []
    last = 1 << max(indices(host.reachable))
    setup = filled(host, image(host, last), last)
    return [Case("xsavec64", setup, bytes(host.image_bytes), host.reachable)]


def hole_told(host: Host, cases: Sequence[Case], answers: Sequence[Answer]) -> str:
    """Tell both bitmaps and where the last component's data begins."""
    data = bytes([0x10 + max(indices(host.reachable))]) * 8
    place = answers[0].memory[cases[0].offset :].find(data)
    return f"{header_told(host, cases, answers)}; data from byte {place}"


def pointer_cases(host: Host) -> list[Case]:
    """Save x87 pointers without and with a pending exception."""
    setups = [
        image(host, X87, **_POINTERS, fcw=fcw, fsw=fsw)
        for fcw, fsw in ((0x37F, 0), (0x37F, 1), (0x37E, 1), (0x37F, 0x8080), (0x33F, 0))
    ]
    return [Case("xsave64", setup, bytes(host.image_bytes), X87) for setup in setups]


def pointers_told(host: Host, cases: Sequence[Case], answers: Sequence[Answer]) -> str:
    """Tell FCW, FSW, FOP, FIP and FDP as stored."""
    del host
    return "; ".join(
        " ".join(f"{word(a, case, at, size):x}" for at, size in ((0, 2), (2, 2), (6, 2), (8, 8)))
        for case, a in zip(cases, answers, strict=True)
    )


def held_pointers(host: Host) -> list[Case]:
    """Load x87 pointers with a masked exception, then unmask it: now they can be stored."""
    setup = image(host, X87, **_POINTERS, fcw=0x37F, fsw=1)
    memory = bytearray(host.image_bytes)
    memory[0:2] = (0x37E).to_bytes(2, "little")
    return [Case("fldcw", setup, bytes(memory))]


def held_told(host: Host, cases: Sequence[Case], answers: Sequence[Answer]) -> str:
    """Tell FSW, FOP and FIP of the state afterwards."""
    del host, cases
    after = answers[0].after
    parts = (
        int.from_bytes(after[at : at + size], "little") for at, size in ((2, 2), (6, 2), (8, 8))
    )
    return " ".join(f"{part:x}" for part in parts)


def wide_pointers(host: Host) -> list[Case]:
    """Save FIP and FDP whose upper bits are not a sign extension, an exception being pending."""
    if not host.processor.is_amd:
        return []
    setup = image(host, X87, fcw=0x37E, fsw=1, fip=0xDEAD_8000_0000_0000, fdp=0x0123_4567_89AB_CDEF)
    return [Case("xsave64", setup, bytes(host.image_bytes), X87)]


def wide_told(host: Host, cases: Sequence[Case], answers: Sequence[Answer]) -> str:
    """Tell FIP and FDP as stored."""
    del host
    return f"{word(answers[0], cases[0], 8):#x} {word(answers[0], cases[0], 16):#x}"


def unmodified(host: Host) -> list[Case]:
    """Save with XSAVEOPT into the area just restored, whose MXCSR_MASK is not the processor's."""
    if not host.processor.xsaveopt:
        return []
    return [Case("xsaveopt64", image(host, SSE), b"", host.reachable, in_place=True)]


def mask_told(host: Host, cases: Sequence[Case], answers: Sequence[Answer]) -> str:
    """Tell MXCSR and its mask as stored."""
    del host
    mxcsr, mask = (word(answers[0], cases[0], place, 4) for place in (24, 28))
    return f"MXCSR={mxcsr:#x} mask={mask:#x}"


def offsets(host: Host) -> list[Case]:
    """Save every component with data that tells it apart."""
    setup = filled(host, image(host, host.reachable), host.reachable)
    return [Case("xsave64", setup, bytes(host.image_bytes), host.reachable)]


def offsets_told(host: Host, cases: Sequence[Case], answers: Sequence[Answer]) -> str:
    """Tell where each component's data begins."""
    memory = answers[0].memory[cases[0].offset :]
    return ", ".join(
        f"{index} at {memory.find(bytes([0x10 + index]) * 8)}"
        for index in indices(host.reachable & ~X87)
    )
