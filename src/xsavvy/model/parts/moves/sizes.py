# SPDX-License-Identifier: Apache-2.0
"""How large an image the guest is told of, and how large the processor makes it.

Source: arch/x86/kvm/cpuid.c xstate_required_size(); SDM "Compacted Format of an XSAVE Area".
"""

from xsavvy.isa.components import AVX, CET_S, CET_U, PKRU, XTILECFG, XTILEDATA
from xsavvy.kvm.migration import EXTENDED_OFFSET, compacted_end

from .constants import MoveConstants, at
from .machine import Moving
from .values import SizeAlign

__all__ = ["told_bytes", "told_size_suffices"]


def told_bytes(k: MoveConstants, h: int, features: int, honours: int) -> int:
    """Reckon the size of a compacted image, as CPUID (0xD,1).EBX tells the guest or as the processor does."""
    reach = EXTENDED_OFFSET
    if features & AVX:
        reach = compacted_end(reach, at(k.src_avx, k.dst_avx, h), 0, honours)
    if features & PKRU:
        reach = compacted_end(reach, at(k.src_pkru, k.dst_pkru, h), 0, honours)
    if features & CET_U:
        reach = compacted_end(reach, at(k.src_cet_u, k.dst_cet_u, h), 0, honours)
    if features & CET_S:
        reach = compacted_end(reach, at(k.src_cet_s, k.dst_cet_s, h), 0, honours)
    if features & XTILECFG:
        aligned = at(k.src_xtilecfg_aligned, k.dst_xtilecfg_aligned, h)
        reach = compacted_end(reach, at(k.src_xtilecfg, k.dst_xtilecfg, h), aligned, honours)
    if features & XTILEDATA:
        aligned = at(k.src_xtiledata_aligned, k.dst_xtiledata_aligned, h)
        reach = compacted_end(reach, at(k.src_xtiledata, k.dst_xtiledata, h), aligned, honours)
    return reach


def told_size_suffices(s: Moving, k: MoveConstants, h: int) -> bool:
    """A guest that allocates what CPUID tells it has room for what XSAVEC writes."""
    features = s.vcpu_xcr0[h] | s.vcpu_xss[h]
    honours = 1 if at(k.src_size_align, k.dst_size_align, h) == SizeAlign.HONOURED else 0
    return told_bytes(k, h, features, honours) >= told_bytes(k, h, features, 1)
