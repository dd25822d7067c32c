# SPDX-License-Identifier: Apache-2.0
"""The CPUID bits that decide about extended state: where each one stands and what it says.

A feature is one bit of one register. `FEATURES` is the only place that knows the position;
`xsavvy cpu`, `processor()` and the lint read it. Which *components* exist is not here: that is
leaf 0xD itself.

Sources: SDM "CPUID Instruction"; APM "Obtaining Processor Information Via the CPUID Instruction";
linux arch/x86/include/asm/cpufeatures.h (names).
"""

from __future__ import annotations

from typing import Final, NamedTuple

from xsavvy.cpuid.table import Leaf, Table

__all__ = ["FEATURES", "Feature", "feature", "has", "tell"]


class Feature(NamedTuple):
    """One bit of CPUID; `register` is one of eax, ebx, ecx, edx."""

    name: str
    leaf: int
    subleaf: int
    register: str
    bit: int
    title: str

    @property
    def place(self) -> str:
        """Spell where the bit stands, as the manuals do.

        >>> feature("pku").place
        'CPUID.(07H,0):ECX[3]'
        """
        return f"CPUID.({self.leaf:02X}H,{self.subleaf}):{self.register.upper()}[{self.bit}]"


FEATURES: Final[tuple[Feature, ...]] = (
    Feature("xsave", 0x1, 0, "ecx", 26, "XSAVE, XRSTOR, XSETBV, XGETBV and XCR0"),
    Feature("osxsave", 0x1, 0, "ecx", 27, "CR4.OSXSAVE was set when CPUID ran"),
    Feature("xsaveopt", 0xD, 1, "eax", 0, "XSAVEOPT"),
    Feature("xsavec", 0xD, 1, "eax", 1, "XSAVEC and the compacted form of XRSTOR"),
    Feature("xgetbv1", 0xD, 1, "eax", 2, "XGETBV with ECX=1 returns XCR0 & XINUSE"),
    Feature("xsaves", 0xD, 1, "eax", 3, "XSAVES, XRSTORS and IA32_XSS"),
    Feature("xfd", 0xD, 1, "eax", 4, "IA32_XFD and IA32_XFD_ERR"),
    Feature("avx", 0x1, 0, "ecx", 28, "AVX"),
    Feature("mpx", 0x7, 0, "ebx", 14, "MPX"),
    Feature("avx512f", 0x7, 0, "ebx", 16, "AVX-512 foundation"),
    Feature("pt", 0x7, 0, "ebx", 25, "Intel Processor Trace"),
    Feature("pku", 0x7, 0, "ecx", 3, "protection keys for user pages"),
    Feature("ospke", 0x7, 0, "ecx", 4, "CR4.PKE was set when CPUID ran"),
    Feature("pks", 0x7, 0, "ecx", 31, "protection keys for supervisor pages"),
    Feature("cet_ss", 0x7, 0, "ecx", 7, "CET shadow stacks"),
    Feature("cet_ibt", 0x7, 0, "edx", 20, "CET indirect branch tracking"),
    Feature("enqcmd", 0x7, 0, "ecx", 29, "ENQCMD and IA32_PASID"),
    Feature("uintr", 0x7, 0, "edx", 5, "user interrupts"),
    Feature("arch_lbr", 0x7, 0, "edx", 19, "architectural last branch records"),
    Feature("amx_tile", 0x7, 0, "edx", 24, "AMX tiles"),
    Feature("apx", 0x7, 1, "edx", 21, "APX"),
    Feature("la57", 0x7, 0, "ecx", 16, "57-bit linear addresses"),
    Feature("fdp_exception_only", 0x7, 0, "ebx", 6, "FDP is updated by unmasked exceptions only"),
    Feature("fcs_fds_deprecated", 0x7, 0, "ebx", 13, "FCS and FDS are saved as 0"),
    Feature("hwp", 0x6, 0, "eax", 7, "hardware P-states"),
    Feature("hdc", 0x6, 0, "eax", 13, "hardware duty cycling"),
    Feature("vmx", 0x1, 0, "ecx", 5, "Intel virtualization"),
    Feature("svm", 0x80000001, 0, "ecx", 2, "AMD virtualization"),
    Feature("hypervisor", 0x1, 0, "ecx", 31, "a hypervisor is present"),
    Feature("misalignsse", 0x80000001, 0, "ecx", 7, "MXCSR.MM, bit 17"),
    Feature("lwp", 0x80000001, 0, "ecx", 15, "AMD lightweight profiling"),
    Feature("xsaveerptr", 0x80000008, 0, "ebx", 2, "AMD always saves the x87 error pointers"),
)

_BY_NAME: Final = {each.name: each for each in FEATURES}


def feature(name: str) -> Feature:
    """Find a feature by name; raises KeyError for a name that is not in `FEATURES`."""
    return _BY_NAME[name]


def _register(leaf: Leaf, name: str) -> int:
    return leaf[Leaf._fields.index(name)]


def has(table: Table, name: str) -> bool:
    """Tell whether a table has a feature's bit set; a missing leaf counts as clear.

    >>> has(Table({(7, 0): Leaf(0, 0, 1 << 3, 0)}), "pku")
    True
    """
    at = feature(name)
    return bool(_register(table.read(at.leaf, at.subleaf), at.register) >> at.bit & 1)


def tell(table: Table, name: str) -> bool | None:
    """Tell whether a feature's bit is set, or None where the table does not know it.

    >>> tell(Table(), "pku"), tell(Table({(7, 0): Leaf(0, 0, 8, 0)}), "pku")
    (None, True)
    """
    at = feature(name)
    return table.bit(at.leaf, at.subleaf, at.register, at.bit)
