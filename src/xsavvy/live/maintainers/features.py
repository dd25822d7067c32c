# SPDX-License-Identifier: Apache-2.0
"""What a KVM offers its guests, as the suites ask for it by the names of features."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from xsavvy.cpuid.processor import processor
from xsavvy.cpuid.table import Table
from xsavvy.isa.components import AMX
from xsavvy.isa.processor import Processor
from xsavvy.kvm import Kernel, cet
from xsavvy.kvm.capabilities import capabilities
from xsavvy.kvm.registers import CR4_OF_FEATURE

__all__ = ["Features", "offered"]

USUAL = frozenset(("UMIP", "FSGSBASE", "PCID", "SMEP", "SMAP", "LM"))
"""Features beside extended state that every processor of the presets since Ice Lake and Milan has."""
OF_PROCESSOR = {
    "XSAVE": "xsave",
    "XSAVES": "xsaves",
    "XSAVEC": "xsavec",
    "XGETBV1": "xgetbv1",
    "XFD": "xfd",
    "PKU": "pku",
    "PKS": "pks",
    "SHSTK": "cet_ss",
    "IBT": "cet_ibt",
}


@dataclass(frozen=True)
class Features:
    """What a guest may have: the processor that KVM shows it, and the `others` by name."""

    processor: Processor
    others: frozenset[str] = USUAL

    def has(self, name: str) -> bool:
        """Say whether a feature is there."""
        if name in OF_PROCESSOR:
            return bool(getattr(self.processor, OF_PROCESSOR[name]))
        if name == "AMX":
            return self.processor.xcr0_supported & AMX == AMX
        if name == "CET":
            return self.processor.cet_ss or self.processor.cet_ibt
        return name in self.others

    def without(self, names: tuple[str, ...]) -> Features:
        """Return what is left if some are withheld."""
        gone: dict[str, Any] = {OF_PROCESSOR[name]: False for name in names if name in OF_PROCESSOR}
        return Features(replace(self.processor, **gone), self.others - set(names))

    def having(self, names: tuple[str, ...]) -> Features:
        """Return these with more, of a processor that nobody has."""
        more: dict[str, Any] = {OF_PROCESSOR[name]: True for name in names if name in OF_PROCESSOR}
        if "CET" in names:
            more["cet_ss"] = more["cet_ibt"] = True
        part = self.processor
        if "AMX" in names:
            more["xcr0_supported"] = part.xcr0_supported | AMX
        return Features(replace(part, **more), self.others | set(names))

    @property
    def cr4(self) -> int:
        """The bits of CR4 whose feature is there."""
        return sum(bit for name, bit in CR4_OF_FEATURE.items() if self.has(name))

    @property
    def cet(self) -> int:
        """Shadow stacks and branch tracking as the mask that `kvm.cet` takes."""
        return cet.SHSTK * self.processor.cet_ss | cet.IBT * self.processor.cet_ibt


def offered(kernel: Kernel, table: Table, others: frozenset[str] = USUAL) -> Features:
    """Return what a kernel's KVM offers its guests on a processor; tiles are permitted.

    >>> from xsavvy.cpuid.presets import PRESETS
    >>> from xsavvy.kvm import kernel
    >>> found = offered(kernel("v7.3"), PRESETS["sapphire-rapids"].table)
    >>> hex(found.processor.xcr0_supported), hex(found.processor.xss_supported), found.has("PKS")
    ('0x602e7', '0x1800', False)
    >>> offered(kernel("v6.12"), PRESETS["sapphire-rapids"].table).has("SHSTK")
    False
    """
    caps = capabilities(table, kernel)
    told: dict[str, Any] = {
        name: name in caps.features for name in OF_PROCESSOR.values() if name != "xsave"
    }
    guest = replace(processor(table), xcr0_supported=caps.xcr0, xss_supported=caps.xss, **told)
    return Features(guest, others)
