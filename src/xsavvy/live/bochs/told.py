# SPDX-License-Identifier: Apache-2.0
"""What exactly an answer holds where a bug of Bochs shows: a filter excuses these bytes and no others.

Each function answers whether a situation is told to the last byte by one bug; the places are those that Bochs counts.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from xsavvy.isa.components import AVX, CET, CET_S, CET_U, PKRU, SSE, indices
from xsavvy.isa.layout import EXTENDED_OFFSET
from xsavvy.isa.system import PL0_SSP, PL3_SSP, U_CET

from .case import MSR_NUMBERS
from .situation import PKRU_ROOM, Situation

__all__ = [
    "cleared",
    "in_use",
    "loaded",
    "mxcsr_kept",
    "mxcsr_loaded",
    "pkru_whole",
    "placed",
    "xmm",
]

LEGACY_PAYLOAD: Final = 160
MXCSR: Final = slice(24, 28)
MXCSR_AND_MASK: Final = slice(24, 32)
XMM: Final = slice(160, 416)
BITMAPS: Final = range(512, 528)


def placed(situation: Situation) -> bool:
    """B1: what is written stands at its other place, the bitmaps are written last."""
    written, seen = situation.predicted.answer.memory, situation.seen.answer.memory
    layout = situation.processor.compacted(situation.rfbm)
    kept = int.from_bytes(written[512:520], "little") & ~CET
    for index, place, size in _walk(situation, LEGACY_PAYLOAD, situation.rfbm & ~1):
        if index > 1 and kept >> index & 1:
            right = layout[index].offset
            if not _same(seen, place, written[right : right + size]):
                return False
    return True


def loaded(situation: Situation) -> bool:
    """B2: what is loaded comes from its other place."""
    memory, after = situation.seen.answer.memory, situation.seen.answer.after
    if situation.vectors[1] is not None:
        return True
    for index, place, size in _walk(situation, EXTENDED_OFFSET, situation.rfbm & ~0b11):
        if situation.misplaced() >> index & 1 and not 1 << index & CET:
            right = situation.processor.standard[index].offset
            taken = memory[place : place + size]
            if after[right : right + len(taken)] != taken:
                return False
    return True


def in_use(situation: Situation) -> bool:
    """B3: CET_U counts where it is initial, CET_S where PL0_SSP is not 0."""
    msrs = dict(zip(MSR_NUMBERS, situation.case.msrs, strict=True))
    bits = (CET_U if not (msrs[U_CET] or msrs[PL3_SSP]) else 0) | (CET_S if msrs[PL0_SSP] else 0)
    written = int.from_bytes(situation.seen.answer.memory[512:520], "little")
    return written & CET == bits & situation.rfbm


def mxcsr_loaded(situation: Situation) -> bool:
    """B5: MXCSR is what stands in memory."""
    if situation.vectors[1] is not None or not situation.rfbm & (SSE | AVX):
        return True
    return situation.seen.answer.after[MXCSR] == situation.case.memory[MXCSR]


def mxcsr_kept(situation: Situation) -> bool:
    """B6: MXCSR and its mask are those of the processor."""
    held = situation.predicted.answer.after[MXCSR_AND_MASK]
    return situation.seen.answer.memory[MXCSR_AND_MASK] == held


def cleared(situation: Situation) -> bool:
    """B7: ZMM_Hi256 is 0."""
    offset, size = situation.processor.standard[6]
    return situation.seen.answer.after[offset : offset + size] == bytes(size)


def xmm(situation: Situation) -> bool:
    """B8: the XMM registers are what was written."""
    return situation.seen.answer.memory[XMM] == situation.predicted.answer.after[XMM]


def pkru_whole(situation: Situation) -> bool:
    """B10: PKRU's 8 bytes are the register and zeros."""
    offset, size = situation.processor.standard[9]
    place = slice(offset, offset + size)
    return situation.seen.answer.memory[place] == situation.predicted.answer.after[place]


def _walk(situation: Situation, start: int, mask: int) -> Iterator[tuple[int, int, int]]:
    """Give each component, its place as Bochs counts it, and how many bytes of it are moved."""
    for index in indices(mask):
        if index == 1:
            start += XMM.stop - XMM.start
            continue
        size = situation.processor.subleaves[index].size
        yield index, start, 4 if 1 << index == PKRU else size
        start += PKRU_ROOM if 1 << index == PKRU else size


def _same(memory: bytes, place: int, wanted: bytes) -> bool:
    """Compare but for the two bitmaps."""
    return all(
        memory[place + number] == byte
        for number, byte in enumerate(wanted)
        if place + number not in BITMAPS
    )
