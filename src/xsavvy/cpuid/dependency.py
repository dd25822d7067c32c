# SPDX-License-Identifier: Apache-2.0
"""Features that need other features, each pair with its reason and its source.

A bit that is set though a bit that it needs is clear is what a careless mask makes. Linux turns such a
feature off; other systems may use it and fault. The pairs are those of Linux' table and some of the
manuals'; the reasons are the manuals'. Two of Linux' pairs are left out, as processors before 1999 break
them: MMX and CMOV without FXSR.

Sources: linux 7.3 arch/x86/kernel/cpu/cpuid-deps.c cpuid_deps[]; SDM "CPUID Instruction"; APM volume 3,
"Obtaining Processor Information Via the CPUID Instruction".
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Final, NamedTuple

from xsavvy.cpuid.finding import Finding, Unknown, finding, unknown
from xsavvy.cpuid.names import Place, place_of
from xsavvy.cpuid.table import Leaf, Table

__all__ = ["DEPENDENCIES", "Dependency", "dependency_findings", "dependency_unknowns"]


class Dependency(NamedTuple):
    """One feature that needs another, by libvirt's names."""

    feature: str
    needs: str
    why: str
    source: str


_LINUX: Final = "linux:arch/x86/kernel/cpu/cpuid-deps.c"
_INTEL: Final = "SDM CPUID; SDM Checking for Intel AVX-512 support"
_SSE2: Final = "it works on XMM registers and integers in them"
_AVX: Final = "its instructions are VEX-encoded and work on YMM"
_512: Final = "it extends AVX-512 foundation"
_VL: Final = "its short forms are those of AVX512VL"

_GROUPS: Final = (
    (_LINUX, "the environment of x87 is part of what FXSAVE saves", "fpu", "fxsr"),
    (_LINUX, "XSAVE's legacy region is FXSAVE's", "fxsr", "xsave"),
    (_LINUX, "XMM is saved with FXSAVE", "fxsr", "sse"),
    (_LINUX, "it changes what FXSAVE and FXRSTOR save", "fxsr", "fxsr_opt"),
    (_LINUX, "it extends MMX", "mmx", "mmxext"),
    (_LINUX, "it extends SSE", "sse", "sse2"),
    (_LINUX, _SSE2, "sse2", "pni ssse3 sse4.1 sse4.2 pclmuldq aes sha-ni gfni f16c"),
    (_LINUX, "it is a form or a part of XSAVE", "xsave", "xsaveopt xsavec xsaves xgetbv1"),
    (_LINUX, "its registers are enabled in XCR0", "xsave", "avx mpx pku apx"),
    (_LINUX, _AVX, "avx", "fma avx2 vaes vpclmulqdq avx-vnni"),
    (_LINUX, "ZMM's lower halves are AVX state", "avx", "avx512f"),
    (_LINUX, _512, "avx512f", "avx512ifma avx512pf avx512er avx512cd avx512dq avx512bw avx512vl"),
    (_LINUX, _512, "avx512f", "avx512vbmi avx512-4vnniw avx512-4fmaps avx512-vpopcntdq"),
    (_LINUX, _VL, "avx512vl", "avx512vbmi2 avx512vnni avx512bitalg avx512-vp2intersect"),
    (_LINUX, _VL, "avx512vl", "avx512-bf16"),
    (_LINUX, "masks of 32 elements are AVX512BW's", "avx512bw", "avx512-fp16"),
    (_LINUX, "IA32_PASID is switched with XSAVES", "xsaves", "enqcmd"),
    (_LINUX, "Linux switches XFD with compacted images alone", "xsaves", "xfd"),
    (_LINUX, "XINUSE tells whether there are tiles to save", "xgetbv1", "xfd"),
    (_LINUX, "8 KB of tiles are allocated when IA32_XFD catches their first use", "xfd", "amx-tile"),
    (_LINUX, "it multiplies tiles", "amx-tile", "amx-bf16 amx-int8 amx-fp16"),
    (_LINUX, "shadow stack pointers are switched with XSAVES", "xsaves", "shstk"),
    (_LINUX, "without LKGS the kernel's GS base cannot be loaded under FRED", "lkgs", "fred"),
    (_LINUX, "it controls how SGX is launched", "sgx", "sgxlc sgx1"),
    (_LINUX, "it extends SGX1", "sgx1", "sgx2 sgx-edeccssa"),
    (_LINUX, "it is one of the events that are monitored", "cqm-llc", "cqm-occup-llc mbm_total mbm_local"),
    (_INTEL, "CR4.OSXSAVE can be set only with XSAVE", "xsave", "osxsave"),
    (_INTEL, "CR4.PKE can be set only with PKU", "pku", "ospke"),
    (_INTEL, "it multiplies tiles", "amx-tile", "amx-complex"),
    (_INTEL, _AVX, "avx2", "avx-ifma avx-vnni-int8 avx-vnni-int16 avx-ne-convert"),
    ("APM CPUID Fn8000_0001_ECX", _AVX, "avx", "fma4 xop"),
    ("APM CPUID Fn8000_0001_EDX", "it extends 3DNow!", "3dnow", "3dnowext"),
)  # fmt: skip
DEPENDENCIES: Final = tuple(
    Dependency(name, needs, why, source)
    for source, why, needs, words in _GROUPS
    for name in words.split()
)
"""Every pair, in the order of what is needed."""


@cache
def _placed() -> tuple[tuple[Dependency, Place, Place], ...]:
    found = []
    for each in DEPENDENCIES:
        place, needs = place_of(each.feature), place_of(each.needs)
        assert place is not None
        assert needs is not None
        found.append((each, place, needs))
    return tuple(found)


def dependency_findings(table: Table) -> Iterator[Finding]:
    """Find each feature that is set though what it needs is clear."""
    for each, place, needs in _placed():
        if table.bit(*place) and table.bit(*needs) is False:
            found = table.read(place.leaf, place.subleaf)[Leaf._fields.index(place.register)]
            yield finding(
                "dependency", (place.leaf, place.subleaf, place.register), found,
                f"{needs} = 1, or bit {place.bit} = 0",
                f"{each.feature} is set and {each.needs} ({needs}) is clear: {each.why}",
                each.source,
            )  # fmt: skip


def dependency_unknowns(table: Table) -> Iterator[Unknown]:
    """Name each place that a feature which is set would need and the table does not know."""
    waiting: dict[tuple[int, int, str], list[str]] = {}
    for each, place, needs in _placed():
        if table.bit(*place) and table.bit(*needs) is None:
            waiting.setdefault(needs[:3], []).append(f"{each.feature} needs {each.needs}")
    for (leaf, subleaf, register), pairs in waiting.items():
        yield unknown(table, leaf, subleaf, register, ", ".join(pairs))
