# SPDX-License-Identifier: Apache-2.0
"""x86/pku.c and x86/pks.c: which accesses of supervisor mode the protection keys refuse; every page has key 2."""

from __future__ import annotations

from collections.abc import Iterator

from xsavvy.kvm.rules import CR4_PKE
from xsavvy.live.maintainers.case import OK, PF, Case, Step, Table
from xsavvy.live.maintainers.features import Features

from .project import NAME, REVISION

__all__ = ["PKS", "PKU"]

AD, WD = 0x10, 0x20
"""Access-disable and write-disable of key 2."""
IA32_PKRS = 0x6E1

# register, CR0.WP, user page, writes, what happens
OF_PKU = (
    (AD, 1, 0, 1, OK),
    (AD, 0, 0, 1, OK),
    (WD, 1, 0, 1, OK),
    (WD, 0, 0, 1, OK),
    (WD, 0, 1, 1, OK),
    (WD, 1, 1, 1, PF),
    (AD, 0, 1, 0, PF),
)
OF_PKS = (
    (AD, 1, 0, 1, PF),
    (AD, 0, 0, 1, PF),
    (WD, 1, 0, 1, PF),
    (WD, 0, 0, 1, OK),
    (WD, 0, 1, 1, OK),
    (WD, 1, 1, 1, OK),
    (AD, 0, 1, 0, OK),
)


def _what(name: str, row: tuple[int, int, int, int, str]) -> str:
    register, wp, user, writes, found = row
    right = "access-disable" if register == AD else "write-disable"
    access = f"a {'write to' if writes else 'read from'} a {'user' if user else 'supervisor'} page"
    return (
        f"{access} under {name}'s {right}, CR0.WP={wp}: {'refused' if found == PF else 'allowed'}"
    )


def pku_cases(_features: Features) -> Iterator[Case]:
    """Give the cases of PKRU."""
    for row in OF_PKU:
        register, wp, user, writes, found = row
        steps = (
            Step("MOV CR4", (CR4_PKE, 0), OK),
            Step("CR0.WP", (wp,)),
            Step("WRPKRU", (register,), OK),
            Step("access", (user, writes), found),
        )
        yield Case(_what("PKRU", row), steps)


def pks_cases(_features: Features) -> Iterator[Case]:
    """Give the cases of IA32_PKRS."""
    for row in OF_PKS:
        register, wp, user, writes, found = row
        steps = (
            Step("CR0.WP", (wp,)),
            Step("WRMSR", (IA32_PKRS, register), OK),
            Step("access", (user, writes), found),
        )
        yield Case(_what("IA32_PKRS", row), steps)


PKU = Table(
    NAME, "x86/pku.c", REVISION, pku_cases,
    rules=("isa.keys.pkru_refuses", "isa.access.plan_wrpkru", "kvm.registers.cr4_errno"),
    needs=("PKU",),
)  # fmt: skip
PKS = Table(
    NAME, "x86/pks.c", REVISION, pks_cases,
    rules=("isa.keys.pkrs_refuses", "isa.registers.pkrs_ok"),
    needs=("PKS",),
    left_out=(
        ("CR4.PKS is set", "KVM of Linux accepts it of no guest, so that the test skips itself on every release"),
    ),
)  # fmt: skip
