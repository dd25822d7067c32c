# SPDX-License-Identifier: Apache-2.0
"""KVM_SET_MSRS and KVM_SET_SREGS: what is accepted."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from xsavvy.isa.components import SSE, X87
from xsavvy.kvm import Kernel
from xsavvy.kvm.rules import CR4_OSXSAVE, CR4_PKE
from xsavvy.live.kvm import rules
from xsavvy.live.kvm.facts import Facts
from xsavvy.live.kvm.question import Claim, Question

from .capability import MSRS
from .guestcpuid import leaf_d, shown_xcr0

__all__ = ["control_registers", "msrs"]


def msrs(facts: Facts) -> Iterator[Question]:
    """Ask which values of IA32_XSS, IA32_XFD and IA32_XFD_ERR the VMM may set."""
    own = facts.supported_xcr0
    for guest, features, xss in ((own, 0, 0), (own, 0xF, facts.supported_xss), (X87 | SSE, 0, 0)):
        calls: list[list[Any]] = [
            ["set_cpuid", leaf_d(guest, xss=xss, features=features)],
            ["get_cpuid"],
        ]
        values = (0, 1, 0x100, 0x800, 0x1800, 1 << 18, 1 << 63)
        for name in ("IA32_XSS", "IA32_XFD", "IA32_XFD_ERR"):
            calls += [["set_msr", MSRS[name], value] for value in values]

        def judge(
            answers: Sequence[Any],
            facts: Facts,
            kernel: Kernel,
            values: tuple[int, ...] = values,
        ) -> list[Claim]:
            given = shown_xcr0(answers[1])
            d1 = (
                [e for e in answers[1] if (e[0], e[1]) == (0xD, 1)]
                if isinstance(answers[1], list)
                else []
            )
            xsaves = int(bool(d1 and d1[0][3] & 8))
            mask = (d1[0][6] << 32 | d1[0][5]) if d1 else 0
            seen = iter(answers[2:])
            claims = [
                Claim(
                    f"KVM_SET_MSRS IA32_XSS={value:#x}, CPUID {given:#x}",
                    rules.set_xss_count(value, xsaves, mask, facts, kernel),
                    next(seen),
                )
                for value in values
            ]
            for name in ("IA32_XFD", "IA32_XFD_ERR"):
                claims += [
                    Claim(
                        f"KVM_SET_MSRS {name}={value:#x}, CPUID {given:#x}",
                        rules.set_xfd_count(value, given, facts),
                        next(seen),
                    )
                    for value in values
                ]
            return claims

        yield Question("msrs", calls, judge)


def control_registers(facts: Facts) -> Iterator[Question]:
    """Ask whether KVM_SET_SREGS lets CR4 have bits that the guest's CPUID has no feature for."""
    own = facts.supported_xcr0
    for xsave in (True, False):
        for cr4 in (0, CR4_OSXSAVE, CR4_PKE):
            expected = 0
            if cr4 == CR4_OSXSAVE and not xsave:
                expected = -22
            if cr4 == CR4_PKE:  # the guest's CPUID here has no protection keys
                expected = -22
            what = f"KVM_SET_SREGS CR4={cr4:#x}, guest {'with' if xsave else 'without'} XSAVE"

            def judge(
                answers: Sequence[Any],
                _facts: Facts,
                _kernel: Kernel,
                what: str = what,
                expected: int = expected,
            ) -> list[Claim]:
                return [Claim(what, expected, answers[1])]

            yield Question(
                "sregs", [["set_cpuid", leaf_d(own, xsave=xsave)], ["set_cr4", cr4]], judge
            )
