# SPDX-License-Identifier: Apache-2.0
"""The machine that a check is about, as far as the model distinguishes machines."""

from dataclasses import dataclass

from xsavvy.cpuid import Table
from xsavvy.cpuid.presets import PRESETS
from xsavvy.cpuid.processor import processor
from xsavvy.isa.components import AVX, PKRU, SSE, X87, XTILECFG, XTILEDATA, names
from xsavvy.isa.processor import Processor, Vendor

__all__ = ["MODELLED_XCR0", "Platform", "from_table", "preset"]

MODELLED_XCR0 = X87 | SSE | AVX | PKRU | XTILECFG | XTILEDATA
"""Bits of XCR0 that the model tells apart; others behave as AVX does."""


@dataclass(frozen=True)
class Platform:
    """A processor and whose virtualization it has; `title` is for people."""

    name: str
    title: str
    processor: Processor
    vmx: bool

    @property
    def xcr0(self) -> int:
        """The modelled bits of the host's XCR0; a component without PKU in CPUID is not enabled."""
        supported = self.processor.xcr0_supported & MODELLED_XCR0
        return supported if self.processor.pku else supported & ~PKRU

    @property
    def xfd_capable(self) -> int:
        """TILEDATA if XFD can disable it."""
        return self.processor.xfd_capable & self.xcr0 & XTILEDATA

    @property
    def pkru_inuse_by_value(self) -> bool:
        """Whether XINUSE[PKRU] follows the value: seen on AMD; inferred for the model of others that it does not."""
        return self.processor.vendor is Vendor.AMD

    def lacks(self, xcr0: int, xss: int) -> str:
        """Name what of the needed components this platform has not; empty if it has all."""
        missing = (xcr0 & ~self.xcr0) | (xss & ~self.processor.xss_supported)
        return ", ".join(names(missing))


def from_table(table: Table, name: str, title: str) -> Platform:
    """Describe the machine that a CPUID table is of; its vendor says whose virtualization it has."""
    cpu = processor(table)
    return Platform(name, title, cpu, vmx=cpu.vendor is not Vendor.AMD)


def preset(name: str) -> Platform:
    """Return a named platform. Raises cpuid.presets.UnknownPreset."""
    found = PRESETS[name]
    return Platform(
        found.name, found.title, processor(found.table), vmx=found.virtualization == "vmx"
    )
