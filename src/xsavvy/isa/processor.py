# SPDX-License-Identifier: Apache-2.0
"""What a processor supports, as the instructions of the XSAVE family need to know it.

A `Processor` says what the part *supports*.  What is *enabled* now (XCR0, CR4, ...) is
`xsavvy.isa.control.Control`; what a guest is *told* is the `cpuid` room's business.

Sources: SDM "Enumeration of CPU Support for XSAVE Instructions and XSAVE-Supported Features";
APM "CPUID Fn8000_0008" (XSAVEERPTR); measured vendor deviations in `xsavvy.isa.sources`.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

from xsavvy.isa import layout
from xsavvy.isa.components import SSE, X87
from xsavvy.isa.layout import Layout, SubLeaf


class Vendor(enum.Enum):
    """Who made the processor, as far as behaviour differs."""

    INTEL = "Intel"
    AMD = "AMD"
    OTHER = "other"


@dataclass(frozen=True)
class Processor:
    """An x86-64 processor's XSAVE features.

    Attributes:
        vendor: decides the deviations listed as properties below.
        xcr0_supported: bits that XCR0 may have (CPUID 0xD.0 EDX:EAX).
        xss_supported: bits that IA32_XSS may have (CPUID 0xD.1 EDX:ECX).
        subleaves: CPUID (0xD, i) of every component i > 1; do not change it.
        xsave, xsaveopt, xsavec, xgetbv1, xsaves, xfd: CPUID 1 ECX[26] and 0xD.1 EAX[0..4].
        pku, pks, cet_ss, cet_ibt: CPUID 7.0.
        mxcsr_mask: bits that MXCSR may have (AMD adds bit 17).
        xsaveerptr: AMD: error pointers are always saved and restored (8000_0008 EBX[2]).
        fdp_exception_only: CPUID 7.0 EBX[6]: FDP is updated by unmasked exceptions only.
        fcs_fds_deprecated: CPUID 7.0 EBX[13]: FCS and FDS are saved as 0.
        linear_address_bits: width that the part implements (48 or 57); FIP and FDP are
            sign-extended from it.  A virtual machine may be told less than the part has.

    >>> part = Processor(Vendor.AMD, xcr0_supported=7, subleaves={2: SubLeaf(256, 576)})
    >>> part.standard[2].offset, part.features, part.error_pointers_only_with_exception
    (576, 7, True)
    """

    vendor: Vendor = Vendor.INTEL
    xcr0_supported: int = X87 | SSE
    xss_supported: int = 0
    subleaves: Mapping[int, SubLeaf] = field(default_factory=dict, hash=False)
    xsave: bool = True
    xsaveopt: bool = True
    xsavec: bool = True
    xgetbv1: bool = True
    xsaves: bool = True
    xfd: bool = False
    pku: bool = False
    pks: bool = False
    cet_ss: bool = False
    cet_ibt: bool = False
    mxcsr_mask: int = 0xFFFF
    xsaveerptr: bool = False
    fdp_exception_only: bool = False
    fcs_fds_deprecated: bool = False
    linear_address_bits: int = 48

    @cached_property
    def features(self) -> int:
        """Give every supported component, user and supervisor."""
        return self.xcr0_supported | self.xss_supported

    @cached_property
    def xfd_capable(self) -> int:
        """Give the components that IA32_XFD may name (CPUID (0xD, i) ECX[2])."""
        if not self.xfd:
            return 0
        return sum(1 << index for index, leaf in self.subleaves.items() if leaf.xfd)

    @cached_property
    def standard(self) -> Layout:
        """Give the standard layout of all user components."""
        return layout.standard(self.subleaves, self.xcr0_supported)

    def compacted(self, xcomp_bv: int) -> Layout:
        """Give the compacted layout for an XCOMP_BV (without bit 63); computed once per value."""
        return self._compacted[xcomp_bv]

    @cached_property
    def _compacted(self) -> _Compacted:
        return _Compacted(self.subleaves)

    @property
    def is_amd(self) -> bool:
        """Tell whether AMD's rules for the x87 error pointers apply."""
        return self.vendor is Vendor.AMD

    @property
    def error_pointers_only_with_exception(self) -> bool:
        """Tell whether FOP, FIP and FDP are left alone unless FSW.ES=1 (AMD before Zen 2).

        Neither written by a save nor loaded by a restore then, so they leak between owners.
        """
        return self.is_amd and not self.xsaveerptr

    @property
    def error_pointers_zeroed_without_exception(self) -> bool:
        """Tell whether a save writes FOP, FIP and FDP as 0 unless FSW.ES=1 (AMD, XSAVEERPTR).

        The registers keep their values all the same.
        """
        return self.is_amd and self.xsaveerptr

    @property
    def xinuse_by_value(self) -> bool:
        """Tell whether loading a component's initial configuration clears its XINUSE bit.

        The manual lets a restore leave the bit set; Zen 4 looks at the data.
        """
        return self.is_amd

    @property
    def xsaves_can_exit(self) -> bool:
        """Tell whether a hypervisor may intercept XSAVES and XRSTORS (AMD: no)."""
        return not self.is_amd


class _Compacted(dict[int, Layout]):
    """Compacted layouts of one processor, each computed on first use."""

    def __init__(self, subleaves: Mapping[int, SubLeaf]) -> None:
        super().__init__()
        self._subleaves = subleaves

    def __missing__(self, xcomp_bv: int) -> Layout:
        made = self[xcomp_bv] = layout.compacted(self._subleaves, xcomp_bv)
        return made
