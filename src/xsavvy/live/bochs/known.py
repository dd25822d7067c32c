# SPDX-License-Identifier: Apache-2.0
"""What Bochs 2.7 is known to do otherwise than a processor: each a filter with a reason and a predicate.

A filter says for which cases the bug exists and exactly which differences it can cause; a difference that no filter
excuses stays unexplained. Two of them forget a check: there the prediction is made again for the case without what
should have been refused. Sources: differences found by running, each traced to a cause; where Bochs has repaired one
later, its change is named. The tests show that each bug still exists and that nothing else excuses it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from xsavvy.isa.components import AVX, CET, CET_S, CET_U, PKRU, SSE, ZMM_HI256, component, indices
from xsavvy.isa.system import XSS
from xsavvy.live.answer import PAGE_FAULT, Difference
from xsavvy.live.machine.operand import WRITABLE

from . import told
from .case import BochsCase
from .image import COMPACT
from .predict import IN_COMPONENT
from .situation import Situation

__all__ = ["FILTERS", "Filter"]

GENERAL: Final = 13
INITIAL_MXCSR: Final = 0x1F80
X87: Final = frozenset({"FCW", "FSW", "FTW", "FOP", "FIP", "FDP", "ST"})
REFUSED: Final = frozenset({"vector", "error"})
BEYOND: Final = frozenset(
    {"XMM", "legacy bytes 416-511", "header bytes 16-63", "outside of the area"}
)


Excuse = Callable[[Situation, str], bool]


@dataclass(frozen=True)
class Filter:
    """One thing that Bochs does otherwise.

    Attributes:
        name: short.
        why: what it does, one sentence.
        applies: whether the bug can show in a situation.
        excuses: whether it can be the cause of a difference, given by its name.
        told: whether the answer holds exactly what the bug makes of it.
        forgets: gives the case without what should have been refused.
    """

    name: str
    why: str
    applies: Callable[[Situation], bool]
    excuses: Excuse
    told: Callable[[Situation], bool] = lambda _: True
    forgets: Callable[[Situation], BochsCase] | None = None

    def covers(self, situation: Situation, difference: Difference) -> bool:
        """Tell whether it is the reason for a difference."""
        return self.excuses(situation, difference.what.partition(" (")[0]) and (
            situation.faulted or self.told(situation)
        )


def _memory(*names: str) -> frozenset[str]:
    return frozenset(f"memory {name}" for name in names)


def _state(components: int) -> frozenset[str]:
    """Name everything that shows a component's state afterwards."""
    found = {f"state {component(index).name}" for index in indices(components)}
    found |= {"PKRU"} if components & PKRU else set()
    for bit, numbers in IN_COMPONENT.items():
        found |= {f"MSR {number:#x}" for number in numbers} if components & bit else set()
    return frozenset(found | {"xinuse after"})


def _in_memory(situation: Situation, what: str) -> bool:
    """B1: nothing below byte 160 and not the two bitmaps."""
    extended = {component(index).name for index in indices(situation.rfbm & ~0b11)}
    names = BEYOND | extended - ({"XMM"} if situation.rfbm & SSE else set())
    return what in _memory(*names)


def _without_bit_63(situation: Situation) -> BochsCase:
    memory = bytearray(situation.case.memory)
    memory[519] &= 0x7F
    return dataclasses.replace(situation.case, memory=bytes(memory))


def _with_legal_cet(situation: Situation) -> BochsCase:
    """Put zeros where an illegal value is."""
    memory = bytearray(situation.case.memory)
    layout = situation.processor.compacted(situation.xcomp_bv)
    for bit in (CET_U, CET_S):
        if situation.xcomp_bv & bit:
            place = layout[bit.bit_length() - 1]
            memory[place.offset : place.end] = bytes(place.size)
    return dataclasses.replace(situation.case, memory=bytes(memory))


def _with_every_page(situation: Situation) -> BochsCase:
    return dataclasses.replace(situation.case, first=WRITABLE, second=WRITABLE)


def _moved(situation: Situation, what: str) -> bool:
    """B13: bytes of a save, registers of a restore."""
    if situation.saves:
        return what.startswith("memory ")
    return what.startswith(("state ", "MSR ")) or what in {"PKRU", "xinuse after"}


def _sets_cet_in_xss(situation: Situation) -> bool:
    case, part = situation.case, situation.processor
    unsupported = case.rfbm & ~part.xss_supported
    return (
        (case.instruction, case.index) == ("wrmsr", XSS)
        and unsupported != 0
        and not unsupported & ~CET
    )


def _refuses_mxcsr(situation: Situation) -> bool:
    """B5, where MXCSR is illegal, though nobody should look at it."""
    return situation.vectors == (None, GENERAL) and situation.mxcsr_illegal


FILTERS: Final = (
    Filter(
        "B1",
        "XSAVEC and XSAVES place components from byte 160 on instead of 576 (changed in 2024)",
        lambda s: s.compact_save and bool(s.rfbm & ~0b11),
        _in_memory,
        told.placed,
    ),
    Filter(
        "B2",
        "a compacted restore counts offsets by RFBM instead of XCOMP_BV, and 64 bytes for PKRU "
        "(changed in 2026)",
        lambda s: s.compact_restore and s.misplaced() != 0,
        lambda s, what: (
            what in _state(s.misplaced()) or (s.case.paged and s.vectors[1] == PAGE_FAULT)
        ),
        told.loaded,
    ),
    Filter(
        "B3",
        "XSAVES finds CET_U in use where it is not, and of CET_S looks at PL0_SSP alone",
        lambda s: s.compact_save and bool(s.rfbm & CET),
        lambda s, what: (
            what in _memory("CET_U", "CET_S")
            or (what == "memory XSTATE_BV" and not s.changed_bits() & ~(s.rfbm & CET))
        ),
        told.in_use,
    ),
    Filter(
        "B4",
        "XRSTORS drops an illegal CET value instead of refusing it (changed later)",
        lambda s: s.compact_restore and s.vectors == (GENERAL, None) and s.illegal_cet() != 0,
        lambda s, what: what in _state(s.rfbm & s.xstate_bv & CET),
        forgets=_with_legal_cet,
    ),
    Filter(
        "B5",
        "a compacted restore loads and checks MXCSR though XSTATE_BV[1] is 0",
        lambda s: s.compact_restore and not s.xstate_bv & SSE and bool(s.rfbm & (SSE | AVX)),
        lambda s, what: what in {"state MXCSR", "xinuse after"} or _refuses_mxcsr(s),
        told.mxcsr_loaded,
    ),
    Filter(
        "B6",
        "XSAVEC and XSAVES write MXCSR though they do not write the XMM registers",
        lambda s: s.compact_save and bool(s.rfbm & (SSE | AVX)),
        lambda _, what: what in _memory("MXCSR", "MXCSR_MASK"),
        told.mxcsr_kept,
    ),
    Filter(
        "B7",
        "a restore that initialises AVX also clears ZMM_Hi256",
        lambda s: s.restores and bool(s.rfbm & ~s.xstate_bv & AVX) and not s.rfbm & ZMM_HI256,
        lambda _, what: what in {"state ZMM_HI256", "xinuse after"},
        told.cleared,
    ),
    Filter(
        "B8",
        "MXCSR other than 1F80H makes XSAVE and XSAVEOPT count the XMM registers as in use",
        lambda s: (
            s.saves and not s.compact_save and bool(s.rfbm & SSE) and s.mxcsr != INITIAL_MXCSR
        ),
        lambda s, what: (
            what == "memory XMM" or (what == "memory XSTATE_BV" and s.changed_bits() == SSE)
        ),
        told.xmm,
    ),
    Filter(
        "B9",
        "a compacted restore accepts XSTATE_BV[63]",
        lambda s: (
            s.compact_restore
            and bool(s.xstate_bv & COMPACT)
            and s.vectors[0] == GENERAL != s.vectors[1]
        ),
        lambda *_: False,
        forgets=_without_bit_63,
    ),
    Filter(
        "B10",
        "a save writes 8 bytes of PKRU, of which processors write 4 (changed later, by what "
        "hardware does)",
        lambda s: s.saves and not s.compact_save and bool(s.rfbm & PKRU),
        lambda _, what: what == "memory PKRU",
        told.pkru_whole,
    ),
    Filter(
        "B11",
        "a restore that refuses MXCSR has loaded the x87 registers by then",
        lambda s: s.restores and s.mxcsr_illegal and s.vectors == (GENERAL, GENERAL),
        lambda _, what: what == "xinuse after" or what.removeprefix("state ") in X87,
    ),
    Filter(
        "B12",
        "IA32_XSS accepts the bits of CET on a processor without CET",
        lambda s: s.vectors == (GENERAL, None) and _sets_cet_in_xss(s),
        lambda _, what: what in REFUSED or what == f"MSR {XSS:#x}",
    ),
    Filter(
        "B13",
        "a save or restore that meets a page fault has moved what lies before it",
        lambda s: s.vectors == (PAGE_FAULT, PAGE_FAULT),
        _moved,
    ),
    Filter(
        "B14",
        "memory of a requested component that is not moved need not be there",
        lambda s: s.case.paged and s.vectors[0] == PAGE_FAULT and s.vectors[1] != PAGE_FAULT,
        lambda *_: False,
        forgets=_with_every_page,
    ),
    Filter(
        "P1",
        "no manual says which byte of an area that is not there CR2 names, and whether a save "
        "reads its header before it writes",
        lambda s: s.vectors == (PAGE_FAULT, PAGE_FAULT),
        lambda _, what: what in {"cr2", "error"},
    ),
)
"""B: a bug; P: the processor's choice."""
