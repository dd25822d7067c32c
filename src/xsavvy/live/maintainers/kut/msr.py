# SPDX-License-Identifier: Apache-2.0
"""x86/msr.c: MSRs that hold addresses take canonical ones alone; no MSR of extended state is in it."""

from __future__ import annotations

from collections.abc import Iterator

from xsavvy.live.maintainers.case import GP, OK, Case, Step, Table
from xsavvy.live.maintainers.features import Features
from xsavvy.live.maintainers.msr import ADDRESSES

from .project import NAME, REVISION

__all__ = ["MSR", "NONCANONICAL"]

ADDRESS = 0x1234_5678_9ABC
NONCANONICAL = 0xAAAA_AAAA_AAAA_AAAA
ELSE = "nothing of extended state, and no rule of ours"


def cases(_features: Features) -> Iterator[Case]:
    """Give the cases of the MSRs with addresses, for a guest in 64-bit mode."""
    for name, index in ADDRESSES.items():
        yield Case(
            f"{name} keeps a canonical address and refuses another",
            (
                Step("WRMSR", (index, ADDRESS), OK),
                Step("RDMSR", (index,), ADDRESS),
                Step("WRMSR", (index, NONCANONICAL), GP),
            ),
        )


MSR = Table(
    NAME,
    "x86/msr.c",
    REVISION,
    cases,
    rules=("isa.registers.canonical_ok",),
    needs=("LM",),
    left_out=(
        ("SYSENTER_*, MISC_ENABLE, CR_PAT, EFER, SYSCALL_MASK are read back", ELSE),
        ("machine check banks: CTL, STATUS, ADDR, MISC, and banks that are not there", ELSE),
        ("x2APIC registers, enabled and disabled", ELSE),
        ("SPEC_CTRL, PRED_CMD, FLUSH_CMD, also emulated", ELSE),
        ("32-bit guests: the MSRs of 64-bit mode are not there", "no guest of 32 bits is modelled"),
    ),
)
