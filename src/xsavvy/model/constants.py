# SPDX-License-Identifier: Apache-2.0
"""What is fixed while one check runs: the platform's features, the kernel's rules, the chosen design.

A choice is an enumeration of the designs that people argued for; `choices` gives each value its text and source.
Every attribute is a small integer, so that a compiled search can take them at run time.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum

__all__ = [
    "AfterFailure",
    "Allocation",
    "Constants",
    "NmiWindow",
    "PkruCompare",
    "PkruHome",
    "PkruOrder",
    "PkruSample",
    "PkruSwitch",
    "PkruWrite",
    "SaveMask",
    "UserRegisters",
    "XfdAllocate",
    "XfdErr",
    "XfdHeader",
    "XfdIntercept",
    "XfdSync",
    "XfeaturesHome",
]


class XfeaturesHome(IntEnum):
    """Where in the run loop XCR0 and IA32_XSS are switched."""

    VENDOR_RUN = 0
    OUTSIDE_LOOP = 1
    WHILE_LOADED = 2


class UserRegisters(IntEnum):
    """Where the VMM's registers are kept while the guest's are loaded."""

    OWN_BUFFER = 0
    THREAD_FPU = 1


class NmiWindow(IntEnum):
    """Whether an NMI may arrive while the guest's PKRU is loaded."""

    OPEN = 0
    MASKED = 1


class Allocation(IntEnum):
    """Whether the growth of the fpstate can fail."""

    SUCCEEDS = 0
    MAY_FAIL = 1


class AfterFailure(IntEnum):
    """What the VMM does after KVM_RUN has told it that the growth failed."""

    STOPS = 0
    REENTERS = 1


class PkruSwitch(IntEnum):
    """When the guest's PKRU is put into the register."""

    XCR0_OR_PKE = 0
    PKE = 1
    XCR0 = 2
    ALWAYS = 3
    NEVER = 4


class PkruHome(IntEnum):
    """Where in the run loop it is switched."""

    VENDOR_RUN = 0
    OUTSIDE_LOOP = 1
    VMCS_FIELD = 2
    WITH_XSTATE = 3


class PkruOrder(IntEnum):
    """Whether it is switched before or after XCR0 on the way in."""

    AFTER_XCR0 = 0
    BEFORE_XCR0 = 1


class PkruWrite(IntEnum):
    """With which instruction."""

    WRPKRU = 0
    XRSTOR = 1


class PkruCompare(IntEnum):
    """Whether the write is skipped when the register has the value already."""

    RDPKRU = 0
    HINT = 1
    NONE = 2


class PkruSample(IntEnum):
    """When the host's PKRU is remembered."""

    VCPU_LOAD = 0
    ENTRY = 1


class XfdAllocate(IntEnum):
    """When the guest's fpstate gets room for TILEDATA."""

    SET_CPUID = 0
    FIRST_ENABLE = 1


class XfdIntercept(IntEnum):
    """When WRMSR of IA32_XFD stops exiting."""

    FIRST_NONZERO = 0
    ALWAYS = 1
    OPTION_1 = 2
    OPTION_2 = 3
    OPTION_3 = 4


class XfdSync(IntEnum):
    """When software learns the guest's IA32_XFD after an exit."""

    IRQS_OFF = 0
    IRQS_ON = 1
    NEVER = 2


class XfdErr(IntEnum):
    """What becomes of IA32_XFD_ERR at an exit."""

    SWITCHED = 0
    NOT_CLEARED = 1
    NOT_SAVED = 2


class XfdHeader(IntEnum):
    """What becomes of XSTATE_BV[i] in memory when XFD[i] is set."""

    KEPT = 0
    CLEARED = 1


class SaveMask(IntEnum):
    """Which components the kernel asks XSAVES to write."""

    FPSTATE = 0
    ALL = 1


@dataclass(frozen=True, slots=True)
class Constants:
    """Everything that steps read as `k`.

    `extra` holds the choices that a patch file adds; they are read as attributes too.
    """

    # Platform.
    cpus: int
    host_xcr0: int
    host_xss: int
    xfd_capable: int
    pkru_inuse_by_value: int
    pkru_inuse_tracked: int

    # What KVM offers this guest.
    guest_xcr0: int
    guest_xcr0_kept: int
    guest_tries_illegal: int
    guest_xss: int
    guest_pku: int

    # Design choices, by kernel or by --set.
    xfeatures_home: int
    pkru_switch: int
    pkru_home: int
    pkru_order: int
    pkru_write: int
    pkru_compare: int
    pkru_sample: int
    nmi_window: int
    xfd_allocate: int
    xfd_intercept: int
    xfd_sync: int
    xfd_err: int
    xfd_header: int
    save_mask: int
    user_registers: int
    allocation: int
    after_failure: int

    extra: Mapping[str, int] = field(default_factory=dict)

    def __getattr__(self, name: str) -> int:
        if name in Constants.__slots__ or name not in self.extra:
            raise AttributeError(f"no constant {name!r}")
        return self.extra[name]
