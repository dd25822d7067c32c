# SPDX-License-Identifier: Apache-2.0
"""KVM_SET_FPU beside KVM_GET_XSAVE and KVM_GET_XSAVE2, and MSRs that no guest has."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from xsavvy.isa.components import SSE, X87
from xsavvy.kvm import Kernel, registers
from xsavvy.live.kvm.facts import Facts
from xsavvy.live.kvm.question import Claim, Question
from xsavvy.live.maintainers.msr import NAMES, SSPS, listed

from .guestcpuid import features_of, leaf_d, spans

__all__ = ["absent_msrs", "legacy_images"]

INITIAL_MXCSR, INITIAL_FCW, OTHER_FCW = 0x1F80, 0x37F, 0x27F
U_CET, S_CET, XFD, XFD_ERR, XSS = 0x6A0, 0x6A2, 0x1C4, 0x1C5, 0xDA0
EXTENDED = (U_CET, S_CET, *SSPS, XFD, XFD_ERR, XSS)


def legacy_images(facts: Facts) -> Iterator[Question]:
    """Ask what KVM_SET_FPU leaves in the image, and whether both calls read the same one."""
    yield _after_set_fpu(facts, 0)
    yield _after_set_fpu(facts, X87 | SSE)
    where = list(spans(facts).values())
    for xstate_bv in (0, X87, X87 | SSE, facts.supported_xcr0):
        header = (xstate_bv.to_bytes(8, "little") + bytes(56)).hex()
        calls: list[list[Any]] = [
            ["set_cpuid", leaf_d(facts.supported_xcr0)],
            ["set_xsave", header, INITIAL_MXCSR, OTHER_FCW, 11],
            ["get_xsave", where],
            ["get_xsave", where, True],
        ]

        def judge(
            answers: Sequence[Any], _facts: Facts, _kernel: Kernel, bv: int = xstate_bv
        ) -> list[Claim]:
            return [
                Claim(f"KVM_GET_XSAVE2 after XSTATE_BV={bv:#x} was set", answers[2], answers[3])
            ]

        yield Question("fpu", calls, judge)


def _after_set_fpu(facts: Facts, xstate_bv: int) -> Question:
    """KVM_SET_FPU writes registers, and no header: x87 that is initial stays so for the next reader."""
    header = (xstate_bv.to_bytes(8, "little") + bytes(56)).hex()
    calls: list[list[Any]] = [
        ["set_cpuid", leaf_d(facts.supported_xcr0)],
        ["set_xsave", header, INITIAL_MXCSR, INITIAL_FCW, 0],
        ["set_fpu", OTHER_FCW, 7],
        ["get_xsave", []],
    ]

    def judge(answers: Sequence[Any], _facts: Facts, _kernel: Kernel) -> list[Claim]:
        bv = registers.set_fpu_bv(xstate_bv)
        fcw = OTHER_FCW if bv & X87 else INITIAL_FCW
        seen = answers[3]
        what = f"KVM_SET_FPU over an image with XSTATE_BV={xstate_bv:#x}"
        return [
            Claim(f"{what}: accepted", 0, answers[2]),
            Claim(f"{what}: the header", header, seen[0]),
            Claim(f"{what}: FCW", fcw, seen[1]),
        ]

    return Question("fpu", calls, judge)


def absent_msrs(facts: Facts) -> Iterator[Question]:
    """Ask for MSRs of features that this KVM does not offer, and for the list of feature MSRs."""
    features = features_of(facts)
    absent = [index for index in (U_CET, S_CET, *SSPS) if not listed(index, features, facts.rules)]
    calls: list[list[Any]] = [["feature_msr_list"]]
    for index in absent:
        calls += [["get_msr", index], ["set_msr", index, 0]]

    def judge(answers: Sequence[Any], _facts: Facts, _kernel: Kernel) -> list[Claim]:
        held = [NAMES[index] for index in EXTENDED if index in answers[0]]
        claims = [Claim("KVM_GET_MSR_FEATURE_INDEX_LIST has MSRs of extended state", [], held)]
        for place, index in enumerate(absent):
            read, written = answers[1 + 2 * place], answers[2 + 2 * place]
            claims.append(Claim(f"KVM_GET_MSRS {NAMES[index]} without CET", 0, read[0]))
            claims.append(Claim(f"KVM_SET_MSRS {NAMES[index]}=0x0 without CET", 0, written))
        return claims

    yield Question("msrs", calls, judge)
