# SPDX-License-Identifier: Apache-2.0
"""msrs_test.c and xss_msr_test.c: reset values, what is written and read by guest and VMM, what is refused."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from xsavvy.kvm.cet import ENDBR_EN, RESERVED_BITS, SHSTK_EN
from xsavvy.live.maintainers.case import FAILS, GP, OK, Case, Explored, OneOf, Step, Table
from xsavvy.live.maintainers.features import Features
from xsavvy.live.maintainers.msr import ADDRESSES, GUEST_SSP, NAMES, SSPS

from .project import FOLDER, NAME

__all__ = ["MSRS", "XSS_MSR"]

CANONICAL = 0x1234_5678_9000
NONCANONICAL = 0xAAAA_AAAA_AAAA_AAAA
U_CET, S_CET, XSS = 0x6A0, 0x6A2, 0xDA0
ELSE = "nothing of extended state, and no rule of ours"


class Row(NamedTuple):
    """An MSR: what is written, what is refused, the feature it needs, and another that lets it exist too."""

    msr: int
    written: int
    reserved: int
    feature: str
    also: str = ""


ROWS = (
    *(Row(index, CANONICAL, NONCANONICAL, "LM") for index in ADDRESSES.values()),
    Row(S_CET, SHSTK_EN, RESERVED_BITS, "SHSTK", "IBT"),
    Row(S_CET, ENDBR_EN, RESERVED_BITS, "IBT", "SHSTK"),
    Row(U_CET, SHSTK_EN, RESERVED_BITS, "SHSTK", "IBT"),
    Row(U_CET, ENDBR_EN, RESERVED_BITS, "IBT", "SHSTK"),
    *(Row(index, CANONICAL, NONCANONICAL, "SHSTK") for index in SSPS),
    *(Row(index, CANONICAL, CANONICAL | 1, "SHSTK") for index in SSPS),
)


def cases(features: Features) -> Iterator[Case]:
    """Give the cases of each row: the feature there, the feature withheld, and the lists."""
    for row in ROWS:
        yield _listed(row, features)
        if features.has(row.feature):
            yield _supported(row)
        yield from _unsupported(row, features)
    yield from _register(features)


def _title(row: Row) -> str:
    return f"{NAMES[row.msr]} ({row.feature})"


def _listed(row: Row, features: Features) -> Case:
    there = int(features.has(row.feature) or (row.also != "" and features.has(row.also)))
    if NAMES[row.msr] in ("FS_BASE", "GS_BASE"):
        there = 0  # part of KVM_GET_SREGS; the test asserts nothing
    what = f"{_title(row)} is in KVM_GET_MSR_INDEX_LIST as CPUID says"
    asserted = None if NAMES[row.msr] in ("FS_BASE", "GS_BASE") else there
    return Case(what, (Step("KVM_GET_MSR_INDEX_LIST", (row.msr,), asserted),))


def _supported(row: Row) -> Case:
    msr = row.msr
    steps = (
        Step("RDMSR", (msr,), 0),
        Step("WRMSR", (msr, row.written), OK),
        Step("RDMSR", (msr,), row.written),
        Step("KVM_GET_MSRS", (msr,), row.written),
        Step("KVM_SET_MSRS", (msr, 0), 1),
        Step("KVM_GET_MSRS", (msr,), 0),
        Step("RDMSR", (msr,), 0),
        Step("WRMSR", (msr, row.reserved), GP),
    )
    return Case(
        f"{_title(row)} is 0, keeps what guest and VMM write, refuses {row.reserved:#x}", steps
    )


def _unsupported(row: Row, features: Features) -> Iterator[Case]:
    """A withheld feature's MSR does not exist, unless another feature has it too; the value is refused all the same."""
    if row.feature == "LM":
        return
    steps = [
        Step("WRMSR", (row.msr, row.written), GP),
        Step("WRMSR", (row.msr, row.reserved), GP),
    ]
    if not (row.also and features.has(row.also)):
        steps.insert(0, Step("RDMSR", (row.msr,), GP))
    yield Case(
        f"{_title(row)} refuses {row.written:#x} without its feature",
        tuple(steps),
        without=(row.feature,),
    )
    if row.also:
        steps = [Step("RDMSR", (row.msr,), GP), Step("WRMSR", (row.msr, row.written), GP)]
        yield Case(
            f"{_title(row)} is not there without both",
            tuple(steps),
            without=(row.feature, row.also),
        )


def _register(features: Features) -> Iterator[Case]:
    """The guest's SSP, a register of KVM_GET_ONE_REG."""
    if features.has("SHSTK"):
        yield Case(
            "the guest's SSP is listed, 0, keeps what is written, and refuses what is not canonical",
            (
                Step("KVM_GET_REG_LIST", (), 1),
                Step("KVM_GET_ONE_REG", (GUEST_SSP,), 0),
                Step("KVM_SET_ONE_REG", (GUEST_SSP, CANONICAL), 0),
                Step("KVM_GET_ONE_REG", (GUEST_SSP,), CANONICAL),
                Step("KVM_SET_ONE_REG", (GUEST_SSP, NONCANONICAL), FAILS),
            ),
        )
    yield Case(
        "without shadow stacks the guest's SSP is not listed, not read, not written",
        (
            Step("KVM_GET_REG_LIST", (), 0),
            Step("KVM_GET_ONE_REG", (GUEST_SSP,), -22),
            Step("KVM_SET_ONE_REG", (GUEST_SSP, 0), FAILS),
        ),
        without=("SHSTK",),
    )


def xss_cases(features: Features) -> Iterator[Case]:
    """Give the cases of IA32_XSS: what can be set is saved and restored, too."""
    yield Case(
        "IA32_XSS is 0 and may be set to that",
        (Step("KVM_GET_MSRS", (XSS,), 0), Step("KVM_SET_MSRS", (XSS, 0), 1)),
    )
    listed = features.processor.xss_supported != 0
    for bit in range(64):
        asserted = OneOf((0, 1)) if listed else 0
        yield Case(
            f"IA32_XSS takes bit {bit} only if it is in KVM_GET_MSR_INDEX_LIST",
            (Step("KVM_SET_MSRS", (XSS, 1 << bit), asserted),),
        )


MSRS = Table(
    NAME,
    FOLDER + "msrs_test.c",
    "cb9f145f638d",
    cases,
    rules=(
        "kvm.cet.u_s_cet_ok", "kvm.cet.ssp_ok", "isa.registers.canonical_ok", "kvm.registers.enumerated_registers",
        "model: cet-two-cpus",
    ),
    left_out=(
        ("MISC_ENABLE, CR_PAT, TSC_AUX, SYSENTER_*, SYSCALL_MASK", ELSE),
        ("the same once more with KVM_SET_ONE_REG of the MSRs", "it is the same function of KVM"),
    ),
    explored=(
        Explored(
            "each of two vCPUs on one task finds its own values, wherever it is scheduled",
            "cet-two-cpus", "guest_finds_its_cet_state", "v7.3", "sapphire-rapids",
        ),
    ),
)  # fmt: skip
XSS_MSR = Table(
    NAME,
    FOLDER + "xss_msr_test.c",
    "b2128290c299",
    xss_cases,
    rules=("kvm.ioctls.set_xss_accepted", "kvm.ioctls.set_xss_bound"),
    needs=("XSAVES",),
)
