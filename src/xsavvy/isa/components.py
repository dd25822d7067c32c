# SPDX-License-Identifier: Apache-2.0
"""State components: what each bit of XCR0, IA32_XSS, RFBM, XSTATE_BV and XCOMP_BV stands for.

One table, `COMPONENTS`, and one mask constant per component (`AVX == 1 << 2`).  A size given here
is what the architecture fixes; the size and offset that a given processor uses always come from
CPUID leaf 0xD (`xsavvy.isa.layout`).  Bits 20 to 61 have no meaning yet; bit 63 is never a
component (in XCOMP_BV it selects the compacted format).

Sources: SDM "XSAVE-Supported Features and State-Component Bitmaps" and the "... State" sections
that follow it; APM "XSAVE/XRSTOR Instructions" (LWP); linux arch/x86/include/asm/fpu/types.h
enum xfeature (kernel names) and arch/x86/include/asm/msr-index.h (MSR numbers).
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import Final, NamedTuple


class Kind(enum.Enum):
    """Which register enables a component: XCR0 (user) or IA32_XSS (supervisor)."""

    USER = "user"
    SUPERVISOR = "supervisor"


class Msr(NamedTuple):
    """An MSR whose value is part of a component."""

    name: str
    number: int


@dataclass(frozen=True, slots=True)
class Component:
    """One state component.

    Attributes:
        index: bit number in XCR0 or IA32_XSS.
        name: the manual's short name in capitals, as the mask constant.
        title: the manual's name of the state.
        kernel: Linux' name (``XFEATURE_<kernel>``), empty when Linux has none.
        kind: user (XCR0) or supervisor (IA32_XSS).
        xfd_capable: the architecture lets IA32_XFD name it (a processor says so in leaf 0xD).
        msrs: the MSRs the component holds, in the order of the saved image.
        size: bytes of the saved image where the architecture fixes it, else None.
        source: section of a manual, by name.
        note: what is easy to get wrong about it.
        initial: initial configuration as one little-endian number (x87 and MXCSR: see `image`).
    """

    index: int
    name: str
    title: str
    kernel: str
    kind: Kind
    xfd_capable: bool
    msrs: tuple[Msr, ...]
    size: int | None
    source: str
    note: str = ""
    initial: int = 0

    @property
    def mask(self) -> int:
        """Give the component's bit."""
        return 1 << self.index


def _user(
    index: int,
    name: str,
    title: str,
    kernel: str,
    size: int,
    source: str,
    note: str = "",
    xfd_capable: bool = False,
) -> Component:
    return Component(index, name, title, kernel, Kind.USER, xfd_capable, (), size, source, note)


def _supervisor(
    index: int,
    name: str,
    title: str,
    kernel: str,
    msrs: tuple[Msr, ...],
    size: int | None,
    source: str,
    note: str = "",
    initial: int = 0,
) -> Component:
    return Component(
        index, name, title, kernel, Kind.SUPERVISOR, False, msrs, size, source, note, initial
    )


_RTIT_MSRS: Final = (
    Msr("IA32_RTIT_CTL", 0x570),
    Msr("IA32_RTIT_OUTPUT_BASE", 0x560),
    Msr("IA32_RTIT_OUTPUT_MASK_PTRS", 0x561),
    Msr("IA32_RTIT_STATUS", 0x571),
    Msr("IA32_RTIT_CR3_MATCH", 0x572),
    Msr("IA32_RTIT_ADDR0_A", 0x580),
    Msr("IA32_RTIT_ADDR0_B", 0x581),
    Msr("IA32_RTIT_ADDR1_A", 0x582),
    Msr("IA32_RTIT_ADDR1_B", 0x583),
)
_UINTR_MSRS: Final = (
    Msr("IA32_UINTR_HANDLER", 0x986),
    Msr("IA32_UINTR_STACKADJUST", 0x987),
    Msr("IA32_UINTR_MISC", 0x988),
    Msr("IA32_UINTR_PD", 0x989),
    Msr("IA32_UINTR_RR", 0x985),
    Msr("IA32_UINTR_TT", 0x98A),
)
_LBR_MSRS: Final = (
    Msr("IA32_LBR_CTL", 0x14CE),
    Msr("IA32_LBR_DEPTH", 0x14CF),
    Msr("IA32_LER_FROM_IP", 0x1DD),
    Msr("IA32_LER_TO_IP", 0x1DE),
    Msr("IA32_LER_INFO", 0x1E0),
    *(
        Msr(f"IA32_LBR_{entry}_{part}", base + entry)
        for entry in range(32)
        for part, base in (("FROM_IP", 0x1500), ("TO_IP", 0x1600), ("INFO", 0x1200))
    ),
)

# fmt: off
COMPONENTS: Final[tuple[Component, ...]] = (
    _user(
        0, "X87", "x87 state", "FP", 160, "SDM x87 State",
        "always enabled in XCR0; bytes 0-23 and 32-159 of the legacy region, MXCSR not included",
    ),
    _user(
        1, "SSE", "SSE state", "SSE", 256, "SDM SSE State",
        "the XMM registers; MXCSR and its mask (bytes 24-31) follow four rules of their own",
    ),
    _user(
        2, "AVX", "AVX state", "YMM", 256, "SDM AVX State",
        "upper halves of YMM0-15; RFBM[2] alone also touches MXCSR in the standard format",
    ),
    _user(3, "BNDREGS", "BNDREG state", "BNDREGS", 64, "SDM MPX State"),
    _user(4, "BNDCSR", "BNDCSR state", "BNDCSR", 64, "SDM MPX State"),
    _user(
        5, "OPMASK", "opmask state", "OPMASK", 64, "SDM AVX-512 State",
        "standard offsets of 5, 6 and 7 differ between Intel and AMD",
    ),
    _user(6, "ZMM_HI256", "ZMM_Hi256 state", "ZMM_Hi256", 512, "SDM AVX-512 State"),
    _user(7, "HI16_ZMM", "Hi16_ZMM state", "Hi16_ZMM", 1024, "SDM AVX-512 State"),
    _supervisor(
        8, "PT", "PT state", "PT", _RTIT_MSRS, 128, "SDM PT State",
        "nine MSRs of 8 bytes; the rest of the 128 bytes is reserved",
    ),
    _user(
        9, "PKRU", "PKRU state", "PKRU", 8, "SDM PKRU State",
        "32 bits of register in 8 bytes; the initial value is 0, which denies nothing",
    ),
    _supervisor(
        10, "PASID", "PASID state", "PASID", (Msr("IA32_PASID", 0xD93),), 8, "SDM PASID State"
    ),
    _supervisor(
        11, "CET_U", "CET_U state", "CET_USER",
        (Msr("IA32_U_CET", 0x6A0), Msr("IA32_PL3_SSP", 0x6A7)), 16, "SDM CET State",
    ),
    _supervisor(
        12, "CET_S", "CET_S state", "CET_KERNEL",
        (Msr("IA32_PL0_SSP", 0x6A4), Msr("IA32_PL1_SSP", 0x6A5), Msr("IA32_PL2_SSP", 0x6A6)),
        24, "SDM CET State",
        "IA32_S_CET, SSP and the interrupt SSP table address are not part of it",
    ),
    _supervisor(
        13, "HDC", "HDC state", "", (Msr("IA32_PM_CTL1", 0xDB1),), 8, "SDM HDC State",
        "the initial configuration allows duty cycling; its value is inferred", initial=1,
    ),
    _supervisor(
        14, "UINTR", "UINTR state", "", _UINTR_MSRS, 48, "SDM UINTR State",
        "also holds UIF, in the same 8 bytes as IA32_UINTR_MISC",
    ),
    _supervisor(
        15, "LBR", "LBR state", "LBR", _LBR_MSRS, None, "SDM LBR State",
        "size follows the number of entries; Linux handles it apart from task state",
    ),
    _supervisor(
        16, "HWP", "HWP state", "", (Msr("IA32_HWP_REQUEST", 0x774),), 8, "SDM HWP State",
        "the initial configuration is the value after reset; inferred", initial=0x8000_FF01,
    ),
    _user(17, "XTILECFG", "XTILECFG state", "XTILE_CFG", 64, "SDM AMX State"),
    _user(
        18, "XTILEDATA", "XTILEDATA state", "XTILE_DATA", 8192, "SDM AMX State",
        "the one component that IA32_XFD can disable today", xfd_capable=True,
    ),
    _user(
        19, "APX", "APX state", "APX", 128, "Intel APX Architecture Specification, XSAVE",
        "in the standard format it takes the place of MPX",
    ),
    _user(
        62, "LWP", "LWP state", "", 128, "APM Lightweight Profiling",
        "AMD only; no processor since family 15h has it",
    ),
)
# fmt: on

X87: Final = 1 << 0
SSE: Final = 1 << 1
AVX: Final = 1 << 2
BNDREGS: Final = 1 << 3
BNDCSR: Final = 1 << 4
OPMASK: Final = 1 << 5
ZMM_HI256: Final = 1 << 6
HI16_ZMM: Final = 1 << 7
PT: Final = 1 << 8
PKRU: Final = 1 << 9
PASID: Final = 1 << 10
CET_U: Final = 1 << 11
CET_S: Final = 1 << 12
HDC: Final = 1 << 13
UINTR: Final = 1 << 14
LBR: Final = 1 << 15
HWP: Final = 1 << 16
XTILECFG: Final = 1 << 17
XTILEDATA: Final = 1 << 18
APX: Final = 1 << 19
LWP: Final = 1 << 62

MPX: Final = BNDREGS | BNDCSR
AVX512: Final = OPMASK | ZMM_HI256 | HI16_ZMM
AMX: Final = XTILECFG | XTILEDATA
CET: Final = CET_U | CET_S
ALL: Final = (1 << 63) - 1
"""Every mask bit but 63."""

_BY_INDEX: Final = {each.index: each for each in COMPONENTS}
USER: Final = sum(each.mask for each in COMPONENTS if each.kind is Kind.USER)
SUPERVISOR: Final = sum(each.mask for each in COMPONENTS if each.kind is Kind.SUPERVISOR)


def component(index: int) -> Component:
    """Find a state component by its bit number.

    Raises KeyError when the bit has no meaning.

    >>> component(9).title, component(9).kernel, component(9).mask == PKRU
    ('PKRU state', 'PKRU', True)
    """
    try:
        return _BY_INDEX[index]
    except KeyError:
        known = ", ".join(str(each) for each in _BY_INDEX)
        raise KeyError(f"no state component {index}; there are {known}") from None


def indices(mask: int) -> tuple[int, ...]:
    """List the bit numbers of a mask, lowest first.

    >>> indices(XTILEDATA | SSE)
    (1, 18)
    """
    found = []
    while mask:
        lowest = mask & -mask
        found.append(lowest.bit_length() - 1)
        mask ^= lowest
    return tuple(found)


def names(mask: int) -> tuple[str, ...]:
    """Name the components of a mask, lowest first; a bit without meaning is ``bit N``.

    >>> names(PKRU | AVX | 1 << 40)
    ('AVX', 'PKRU', 'bit 40')
    """
    return tuple(
        _BY_INDEX[index].name if index in _BY_INDEX else f"bit {index}" for index in indices(mask)
    )
