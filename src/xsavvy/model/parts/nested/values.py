# SPDX-License-Identifier: Apache-2.0
"""The words of nesting: whose value a field of a VMCS holds, why the guest exits, what was decided."""

from enum import IntEnum
from typing import Final

__all__ = [
    "MSRS",
    "NESTED_STATE",
    "BndcfgsAtExit",
    "Checks",
    "Field",
    "FpuLoad",
    "NestedExit",
    "NestedFault",
    "NmRoute",
    "Route",
    "Snapshot",
    "XsavesExits",
]


class Field(IntEnum):
    """Whose value a field holds: IA32_BNDCFGS, or S_CET with SSP and the SSP table."""

    INIT = 0
    L1 = 1
    L2 = 2
    L1_FOR_L2 = 3
    """What L1 has put into the guest-state area of its VMCS."""
    L1_HOST = 4
    """What L1 has put into the host-state area of its VMCS."""
    REFUSED = 5
    """A value that no VM entry accepts."""


class NestedExit(IntEnum):
    """Why the guest leaves guest mode besides the run loop's reasons."""

    VMLAUNCH = 11
    L1_INTERCEPT = 12
    XSAVES = 13


class NestedFault(IntEnum):
    """What the run ends with."""

    NONE = 0
    ENTRY_FAILS = 1


class Route(IntEnum):
    """Whether an exit of L2 went to whom it belongs."""

    RIGHT = 0
    SWALLOWED = 1
    """It was L1's, and L0 went on with L2."""
    INVENTED = 2
    """It was L0's, and L1 got it."""


MSRS: Final = 1
NESTED_STATE: Final = 2


class Snapshot(IntEnum):
    """When KVM remembers a field of vmcs01 before a nested entry."""

    IF_NOT_LOADED = 0
    ALSO_IF_NO_RUN_PENDING = 1


class BndcfgsAtExit(IntEnum):
    """What L1 finds in IA32_BNDCFGS after an exit of L2 that does not clear it."""

    L1S = 0
    L2S = 1


class XsavesExits(IntEnum):
    """Who gets the exit of L2's XSAVES or XRSTORS."""

    L1_IF_ENABLED = 0
    L1 = 1
    L0 = 2


class Checks(IntEnum):
    """Whether a nested entry checks L1's values."""

    UNCHECKED = 0
    CHECKED = 1


class NmRoute(IntEnum):
    """What decides whether L1 gets an exit of L2's #NM."""

    BITMAP = 0
    VMCS12_CR0 = 1
    READ_CR0 = 2


class FpuLoad(IntEnum):
    """When L0 loads the guest's FPU registers."""

    EAGER = 0
    LAZY = 1
