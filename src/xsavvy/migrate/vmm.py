# SPDX-License-Identifier: Apache-2.0
"""What a VMM does of its own: which MSRs it saves, and with which ioctl it gets the image."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["CAREFUL", "Vmm"]


@dataclass(frozen=True)
class Vmm:
    """A VMM.

    Attributes:
        msrs: numbers of the MSRs that it saves, of those that KVM lists; None for all.
        xsave2: it uses KVM_GET_XSAVE2 where there is one.
    """

    msrs: frozenset[int] | None = None
    xsave2: bool = True

    def saves(self, number: int) -> bool:
        """Tell whether the VMM saves an MSR that KVM lists."""
        return self.msrs is None or number in self.msrs


CAREFUL = Vmm()
"""One that saves all that KVM tells it to."""
