# SPDX-License-Identifier: Apache-2.0
"""Features and the state that they need: a feature bit without its component, and the other way round.

Only pairs that hold on every public dump of silicon are rules. Left out on that ground: Processor Trace,
PASID, HDC and HWP come without a component on some parts; an early Ice Lake has MPX's bit and no component
for it; PKRU's component comes without PKU on AMD's second Zen, CET's without IBT on its later ones.

Sources: SDM "XSAVE-Supported Features and State-Component Bitmaps"; for CET also KVM, which offers both
components or no CET at all.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

from xsavvy.cpuid.feature import feature, tell
from xsavvy.cpuid.finding import Finding, finding
from xsavvy.cpuid.processor import XSAVE_LEAF, xcr0_supported, xss_supported
from xsavvy.cpuid.table import Table
from xsavvy.isa.components import (
    AMX,
    APX,
    AVX,
    AVX512,
    CET,
    LBR,
    LWP,
    MPX,
    PKRU,
    UINTR,
    names,
)

__all__ = ["PAIRS", "Pair", "counterpart_findings"]


class Pair(NamedTuple):
    """A feature, the components with its state, and why they belong together.

    `there`: the feature needs the components. `back`: a component needs the feature.
    """

    feature: str
    components: int
    supervisor: bool
    there: bool
    back: bool
    why: str
    source: str

    @property
    def register(self) -> str:
        """Name the register that enables the components."""
        return "IA32_XSS" if self.supervisor else "XCR0"


_STATE: Final = "SDM XSAVE-Supported Features and State-Component Bitmaps"
_CET: Final = (
    "SDM CET State; linux:arch/x86/kvm/x86.c kvm_setup_xss_caps(): without both components"
    " KVM clears SHSTK and IBT"
)
PAIRS: Final[tuple[Pair, ...]] = (
    Pair("avx", AVX, False, True, True, "the upper halves of YMM have no other home", _STATE),
    Pair(
        "mpx", MPX, False, False, True, "bounds and their configuration are two components", _STATE
    ),
    Pair(
        "avx512f",
        AVX512,
        False,
        True,
        True,
        "masks, upper halves and ZMM16-31 come together",
        _STATE,
    ),
    Pair("pku", PKRU, False, True, False, "PKRU is saved with XSAVE", _STATE),
    Pair("amx_tile", AMX, False, True, True, "configuration and tiles are two components", _STATE),
    Pair("apx", APX, False, True, True, "R16-31 have no other home", _STATE),
    Pair(
        "lwp",
        LWP,
        False,
        True,
        False,
        "lightweight profiling is XSAVE state",
        "APM Lightweight Profiling",
    ),
    Pair("cet_ss", CET, True, True, False, "shadow stack pointers of every privilege level", _CET),
    Pair(
        "cet_ibt",
        CET,
        True,
        True,
        False,
        "U_CET is in CET_U, and neither component comes alone",
        _CET,
    ),
    Pair("uintr", UINTR, True, True, True, "user interrupts are switched with XSAVES", _STATE),
    Pair("arch_lbr", LBR, True, True, True, "the branch records are switched with XSAVES", _STATE),
)


def counterpart_findings(table: Table) -> Iterator[Finding]:
    """Judge every pair of which both sides are known."""
    for pair in PAIRS:
        present = tell(table, pair.feature)
        subleaf = 1 if pair.supervisor else 0
        known = table.knows(XSAVE_LEAF, subleaf, "ecx" if subleaf else "eax", "edx")
        if present is None or not known:
            continue
        there = xss_supported(table) if pair.supervisor else xcr0_supported(table)
        if present and pair.there and there & pair.components != pair.components:
            yield _without_component(table, pair, there)
        elif not present and pair.back and there & pair.components:
            yield _without_feature(table, pair, there)


def _without_component(table: Table, pair: Pair, there: int) -> Finding:
    missing = " and ".join(names(pair.components & ~there))
    register = "ecx" if pair.supervisor else "eax"
    found = table.read(XSAVE_LEAF, int(pair.supervisor))[2 if pair.supervisor else 0]
    word = feature(pair.feature)
    return finding(
        "component-missing", (XSAVE_LEAF, int(pair.supervisor), register), found,
        f"{found | pair.components & 0xFFFFFFFF:#x}, or {word.place} = 0",
        f"{pair.feature} ({word.place}) is set, but {pair.register} has no {missing}: {pair.why}",
        pair.source,
    )  # fmt: skip


def _without_feature(table: Table, pair: Pair, there: int) -> Finding:
    word = feature(pair.feature)
    extra = " and ".join(names(pair.components & there))
    found = table.read(word.leaf, word.subleaf)[("eax", "ebx", "ecx", "edx").index(word.register)]
    return finding(
        "feature-missing", (word.leaf, word.subleaf, word.register), found,
        f"bit {word.bit} = 1, or no {extra} in {pair.register}",
        f"{pair.register} has {extra}, but {pair.feature} is clear: {pair.why}",
        pair.source,
    )  # fmt: skip
