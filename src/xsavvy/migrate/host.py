# SPDX-License-Identifier: Apache-2.0
"""One end of a move: a CPU under a kernel with a configuration, and what its KVM makes of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from xsavvy.cpuid.processor import missing_subleaves, subleaf, xcr0_supported
from xsavvy.cpuid.table import Table
from xsavvy.isa.components import PKRU, indices
from xsavvy.isa.layout import LEGACY_COMPONENTS
from xsavvy.kvm import Kernel, acceptance, ioctls
from xsavvy.kvm.capabilities import Capabilities, capabilities
from xsavvy.kvm.configuration import PLAIN, Configuration

__all__ = ["Host"]


@dataclass(frozen=True)
class Host:
    """A host; everything else follows from these four."""

    name: str
    table: Table
    kernel: Kernel
    configuration: Configuration = PLAIN

    @cached_property
    def caps(self) -> Capabilities:
        """What KVM offers here."""
        return capabilities(self.table, self.kernel, self.configuration)

    @cached_property
    def missing(self) -> int:
        """Components whose size the dump does not say."""
        return missing_subleaves(self.table)

    @property
    def unknown(self) -> frozenset[str]:
        """Features of which the dump says nothing."""
        return frozenset(each.bit for each in self.caps.reasons if each.shown is None)

    @property
    def supported(self) -> int:
        """What KVM supports of XCR0, whatever the process may use."""
        return self.caps.supported_xcr0

    @property
    def has_xsave(self) -> bool:
        """Whether the host's kernel uses XSAVE."""
        return self.caps.host_xcr0 != 0

    @property
    def compacts(self) -> bool:
        """Whether the host keeps images in the compacted format. Source: commit f31a9f7c7169."""
        return self.caps.host_xsaves and "f31a9f7c7169" in self.kernel

    @property
    def converts(self) -> bool:
        """Whether KVM converts between the host's format and the standard one. Source: commit df1daba7d1cb."""
        return "df1daba7d1cb" in self.kernel

    @property
    def leaks(self) -> int:
        """Components that an image may name because the host itself uses them: PKRU.

        Inferred from arch/x86/kernel/fpu/core.c fpu_swap_kvm_fpstate() and arch/x86/kvm/x86.c
        kvm_load_host_xsave_state(): the host's PKRU is in the register when the guest's image is saved.
        """
        return self.caps.host_xcr0 & PKRU

    @property
    def narrows(self) -> bool:
        """Whether the guest's CPUID bounds what KVM_SET_XSAVE accepts."""
        return acceptance.narrows(self.kernel)

    def user_xfeatures(self, guest_xcr0: int) -> int:
        """Return fpstate.user_xfeatures of a guest with this XCR0 in its CPUID: what its image may name."""
        guest = ioctls.guest_supported(guest_xcr0, self.supported)
        return acceptance.user_xfeatures(self.kernel, self.caps.host_xcr0, guest)

    @cached_property
    def places(self) -> Mapping[int, tuple[int, int]]:
        """Where user components beyond SSE lie in the standard format: offset and size by number."""
        found = {}
        for index in indices(xcr0_supported(self.table) & ~LEGACY_COMPONENTS & ~self.missing):
            leaf = subleaf(self.table.read(0xD, index))
            found[index] = (leaf.offset, leaf.size)
        return found
