# SPDX-License-Identifier: Apache-2.0
"""x86/cet.c: branches that KVM must not emulate under CET, and what the MSRs refuse."""

from __future__ import annotations

from collections.abc import Iterator

from xsavvy.kvm.cet import CR4_CET, ENDBR_EN, SHSTK_EN
from xsavvy.live.maintainers.case import GP, OK, UD, Case, Step, Table
from xsavvy.live.maintainers.features import Features

from .project import NAME, REVISION

__all__ = ["CET"]

U_CET, PL3_SSP = 0x6A0, 0x6A7
NO_TRACK_EN = 1 << 4
BOTH = SHSTK_EN | ENDBR_EN

# The instruction; what it touches; whether it is far; whether KVM emulates it in 64-bit mode at all.
# Source of the middle two: arch/x86/kvm/emulate.c, commit 57c3db7e2e26. IRET is emulated in real mode only.
BRANCHES = {
    "CALL register": (BOTH, 0, 1),
    "far CALL": (BOTH, 1, 1),
    "SYSCALL": (BOTH, 1, 1),
    "SYSENTER": (BOTH, 1, 1),
    "IRET": (SHSTK_EN, 1, 0),
    "CALL": (SHSTK_EN, 0, 1),
    "RET": (SHSTK_EN, 0, 1),
    "RET with an operand": (SHSTK_EN, 0, 1),
    "far RET": (SHSTK_EN, 1, 1),
    "far RET with an operand": (SHSTK_EN, 1, 1),
    "JMP": (0, 0, 1),
    "JMP register": (ENDBR_EN, 0, 1),
    "far JMP": (ENDBR_EN, 1, 1),
}
REFUSED_UNDER_SHSTK = (
    "CALL register", "far CALL", "SYSCALL", "SYSENTER", "IRET", "CALL", "RET", "RET with an operand",
    "far RET", "far RET with an operand",
)  # fmt: skip
ALLOWED_UNDER_SHSTK = ("JMP", "JMP register", "far JMP")
REFUSED_UNDER_IBT = (
    "CALL register", "far CALL", "SYSCALL", "SYSENTER", "IRET", "JMP register", "far JMP",
)  # fmt: skip
ALLOWED_UNDER_IBT = ("JMP", "CALL", "RET", "far RET", "far RET with an operand")


def cases(features: Features) -> Iterator[Case]:
    """Give the cases of what the guest has: shadow stacks, branch tracking, or both."""
    if features.has("SHSTK"):
        yield from _emulated("SHSTK", SHSTK_EN, REFUSED_UNDER_SHSTK, UD)
        yield from _emulated("SHSTK", SHSTK_EN, ALLOWED_UNDER_SHSTK, OK)
        yield Case("a shadow stack pointer is a multiple of 4", (Step("WRMSR", (PL3_SSP, 1), GP),))
    if features.has("IBT"):
        yield from _emulated("IBT", ENDBR_EN | NO_TRACK_EN, REFUSED_UNDER_IBT, UD)
        yield from _emulated("IBT", ENDBR_EN | NO_TRACK_EN, ALLOWED_UNDER_IBT, OK)


def _emulated(feature: str, u_cet: int, names: tuple[str, ...], found: str) -> Iterator[Case]:
    for name in names:
        verb = "is not emulated" if found == UD else "is emulated"
        steps = (
            Step("CR0.WP", (1,)),
            Step("MOV CR4", (CR4_CET, 0), OK),
            Step("WRMSR", (U_CET, u_cet), OK),
            Step("emulated", BRANCHES[name], found),
        )
        yield Case(f"with {feature} on, {name} {verb}", steps)


CET = Table(
    NAME,
    "x86/cet.c",
    REVISION,
    cases,
    rules=("kvm.cet.emulation_refused", "kvm.cet.u_s_cet_ok", "kvm.cet.ssp_ok", "kvm.cet.cr_pair_ok"),
    needs=("CET",),
    left_out=(
        (
            "#CP with error codes 1, 2 and 3: a near RET, a far RET, a target without ENDBR64",
            "what lies on a shadow stack and in the code is not modelled: the part `cet` asks who owns the registers",
        ),
    ),
)  # fmt: skip
