# SPDX-License-Identifier: Apache-2.0
"""The same offer as bytes: leaf 0xD of KVM_GET_SUPPORTED_CPUID, the list of MSRs, KVM_CAP_XSAVE2.

Sizes are computed by KVM's rule and from the host's own subleaves. What a vCPU is told later follows its registers:
`at_runtime()`.

Source: arch/x86/kvm/cpuid.c __do_cpuid_func(), xstate_required_size(), kvm_update_cpuid_runtime();
arch/x86/kvm/msrs.c kvm_probe_msr_to_save() (x86.c up to v7.2), arch/x86/kvm/x86.c kvm_vm_ioctl_check_extension().
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from xsavvy.cpuid.feature import feature
from xsavvy.cpuid.processor import XSAVE_LEAF
from xsavvy.cpuid.table import ZERO, Leaf, Table
from xsavvy.isa.components import MPX, indices

from .capabilities import Capabilities
from .kernels import Kernel
from .ledger import Reason
from .migration import EXTENDED_OFFSET, KVM_XSAVE_BYTES, compacted_end, saved_xss

__all__ = [
    "MSRS",
    "Msr",
    "at_runtime",
    "cap_xsave2",
    "leaf_d",
    "listed_msrs",
    "msr_reasons",
    "required_size",
]

_HONOURS_ALIGNMENT: Final = "cc04b6a21d43"
_TILE_LEAVES: Final = ((0x1D, 0), (0x1D, 1), (0x1E, 0))
_AVX10_LEAF: Final = (0x24, 0)
_INSTRUCTIONS: Final = ("xsaveopt", "xsavec", "xgetbv1", "xsaves", "xfd")


@dataclass(frozen=True)
class Msr:
    """An MSR of a guest's extended state: which feature brings it, and what it is for."""

    number: int
    name: str
    needs: tuple[str, ...]
    source: str


_PROBE: Final = "linux:arch/x86/kvm/x86.c kvm_probe_msr_to_save()"
_CET_LIST: Final = f"{_PROBE}; commit 6a11c860d8a4"
MSRS: Final = (
    Msr(0x1C4, "IA32_XFD", ("xfd",), f"{_PROBE}; commit 820a6ee944e7"),
    Msr(0x1C5, "IA32_XFD_ERR", ("xfd",), f"{_PROBE}; commit 820a6ee944e7"),
    Msr(0x6A0, "IA32_U_CET", ("cet_ss", "cet_ibt"), _CET_LIST),
    Msr(0x6A2, "IA32_S_CET", ("cet_ss", "cet_ibt"), _CET_LIST),
    Msr(0x6A4, "IA32_PL0_SSP", ("cet_ss",), _CET_LIST),
    Msr(0x6A5, "IA32_PL1_SSP", ("cet_ss",), _CET_LIST),
    Msr(0x6A6, "IA32_PL2_SSP", ("cet_ss",), _CET_LIST),
    Msr(0x6A7, "IA32_PL3_SSP", ("cet_ss",), _CET_LIST),
    Msr(0x6A8, "IA32_INT_SSP_TAB", ("cet_ss",), _CET_LIST),
    Msr(0xD90, "IA32_BNDCFGS", ("mpx",), _PROBE),
    Msr(0xDA0, "IA32_XSS", (), f"{_PROBE}; commit c0a5f2989122"),
    Msr(0x570, "IA32_RTIT_CTL", ("pt",), _PROBE),
    Msr(0x571, "IA32_RTIT_STATUS", ("pt",), _PROBE),
    Msr(0x572, "IA32_RTIT_CR3_MATCH", ("pt",), _PROBE),
    Msr(0x560, "IA32_RTIT_OUTPUT_BASE", ("pt",), _PROBE),
    Msr(0x561, "IA32_RTIT_OUTPUT_MASK_PTRS", ("pt",), _PROBE),
)
"""MSRs that belong to extended state; of Processor Trace those that every such part has."""


def _is_listed(msr: Msr, caps: Capabilities, kernel: Kernel) -> bool:
    if msr.name == "IA32_XSS":
        return bool(saved_xss(int("c0a5f2989122" in kernel), caps.xss, 1))
    if msr.name == "IA32_BNDCFGS":
        return bool(caps.supported_xcr0 & MPX)
    return any(name in caps.features for name in msr.needs)


def listed_msrs(caps: Capabilities, kernel: Kernel) -> tuple[Msr, ...]:
    """Return the MSRs of extended state in KVM_GET_MSR_INDEX_LIST."""
    return tuple(msr for msr in MSRS if _is_listed(msr, caps, kernel))


def msr_reasons(caps: Capabilities, kernel: Kernel) -> tuple[Reason, ...]:
    """Say of each MSR why it is in the list or not."""
    found = []
    for msr in MSRS:
        shown = _is_listed(msr, caps, kernel)
        commit = "c0a5f2989122" if msr.name == "IA32_XSS" else ""
        if commit and commit not in kernel:
            why = "this KVM does not report it as to be saved"
        elif commit:
            why = f"KVM supports {'a component' if shown else 'no component'} of IA32_XSS"
        else:
            words = " or ".join(msr.needs)
            why = f"guests {'have' if shown else 'do not have'} {words}"
        found.append(Reason(f"MSR {msr.name}", shown, why, msr.source, commit))
    return tuple(found)


def required_size(table: Table, mask: int, kernel: Kernel, *, compacted: bool) -> int:
    """Return the bytes of an area with the components of a mask, as KVM reckons.

    >>> from xsavvy.cpuid.presets import PRESETS
    >>> from .kernels import kernel
    >>> spr = PRESETS["sapphire-rapids"].table
    >>> [hex(required_size(spr, 0x602E7, kernel("v6.18"), compacted=how)) for how in (False, True)]
    ['0x2b00', '0x2a00']
    """
    reach = EXTENDED_OFFSET
    honours = int(_HONOURS_ALIGNMENT in kernel)
    for index in indices(mask & ~3):
        leaf = table.read(XSAVE_LEAF, index)
        if compacted:
            reach = compacted_end(reach, leaf.eax, leaf.ecx >> 1 & 1, honours)
        else:
            reach = max(reach, leaf.ebx + leaf.eax)
    return reach & 0xFFFFFFFF


def cap_xsave2(table: Table, caps: Capabilities, kernel: Kernel) -> int:
    """Return KVM_CHECK_EXTENSION(KVM_CAP_XSAVE2), 0 where the kernel does not know it."""
    if "be50b2065dfa" not in kernel:
        return 0
    return max(KVM_XSAVE_BYTES, required_size(table, caps.xcr0, kernel, compacted=False))


def leaf_d(table: Table, caps: Capabilities, kernel: Kernel) -> Table:
    """Return what KVM_GET_SUPPORTED_CPUID says in leaf 0xD, and in the leaves of the tiles and of AVX10."""
    size = required_size(table, caps.xcr0, kernel, compacted=False)
    found = {(XSAVE_LEAF, 0): Leaf(caps.xcr0 & 0xFFFFFFFF, size, size, caps.xcr0 >> 32)}
    if caps.xcr0:
        bits = sum(1 << feature(name).bit for name in _INSTRUCTIONS if name in caps.features)
        packed = (
            required_size(table, caps.xcr0 | caps.xss, kernel, compacted=True)
            if bits & 0b1010
            else 0
        )
        found[XSAVE_LEAF, 1] = Leaf(bits, packed, caps.xss & 0xFFFFFFFF, caps.xss >> 32)
        for index in indices((caps.xcr0 | caps.xss) & ~3):
            found[XSAVE_LEAF, index] = _subleaf(table, index, caps)
    for key in _TILE_LEAVES:
        if table.find(*key) is not None and (key[1] == 0 or "amx_tile" in caps.features):
            found[key] = table.read(*key) if "amx_tile" in caps.features else ZERO
    if table.find(*_AVX10_LEAF) is not None and "1c450ffef589" in kernel:
        found[_AVX10_LEAF] = _avx10(table, caps)
    return Table({key: leaf for key, leaf in found.items() if key[1] < 2 or leaf.eax})


def _avx10(table: Table, caps: Capabilities) -> Leaf:
    """Return leaf 0x24: version 1 and three widths; of AVX10.2, which newer kernels let through, nothing."""
    told = table.bit(7, 1, "edx", 19) and "avx512f" in caps.features
    ebx = table.read(*_AVX10_LEAF).ebx
    return Leaf(0, min(ebx & 0xFF, 1) | (ebx & 0x70000), 0, 0) if told else ZERO


def _subleaf(table: Table, index: int, caps: Capabilities) -> Leaf:
    leaf = table.read(XSAVE_LEAF, index)
    ecx = leaf.ecx if "xfd" in caps.features else leaf.ecx & ~4
    return leaf._replace(ecx=ecx, edx=0)


def at_runtime(offered: Table, table: Table, kernel: Kernel, xcr0: int = 1, xss: int = 0) -> Table:
    """Return leaf 0xD as a vCPU reads it whose registers have these values: sizes follow them.

    IA32_XSS counts since v6.18. Source: arch/x86/kvm/cpuid.c kvm_update_cpuid_runtime(); commit 9622e116d0d2.
    """
    changes: dict[tuple[int, int], Leaf | None] = {}
    first, second = offered.read(XSAVE_LEAF, 0), offered.read(XSAVE_LEAF, 1)
    size = required_size(table, xcr0, kernel, compacted=False)
    changes[XSAVE_LEAF, 0] = first._replace(ebx=size)
    if second.eax & 0b1010:
        mask = xcr0 | xss if "9622e116d0d2" in kernel else xcr0
        packed = required_size(table, mask, kernel, compacted=True)
        changes[XSAVE_LEAF, 1] = second._replace(ebx=packed)
    return offered.replaced(changes)
