# SPDX-License-Identifier: Apache-2.0
"""cpuid_test.c: CPUID is frozen by the first KVM_RUN, and lists say how long they are."""

from __future__ import annotations

from collections.abc import Iterator

from xsavvy.kvm.rules import CR4_OSXSAVE, CR4_PKE
from xsavvy.live.maintainers.case import FAILS, Case, Explored, Step, Table
from xsavvy.live.maintainers.features import Features

from .project import FOLDER, NAME

__all__ = ["CPUID"]

E2BIG = -7


def cases(features: Features) -> Iterator[Case]:
    """Give the cases after a guest has run."""
    toggled = CR4_OSXSAVE * features.has("XSAVE") | CR4_PKE * features.has("PKU")
    ran = (Step("KVM_RUN"),)
    yield Case(
        "the same CPUID is accepted after KVM_RUN, also when CR4 has changed what it shows",
        (
            *ran,
            Step("KVM_SET_CPUID2", ("same",), 0),
            Step("KVM_SET_SREGS CR4", (toggled,), 0),
            Step("KVM_SET_CPUID2", ("same",), 0),
        ),
    )
    yield Case(
        "other features are refused after KVM_RUN",
        (*ran, Step("KVM_SET_CPUID2", ("another feature",), FAILS)),
    )
    yield Case(
        "another MAXPHYADDR is refused after KVM_RUN",
        (*ran, Step("KVM_SET_CPUID2", ("another MAXPHYADDR",), FAILS)),
    )
    for lacks in (1, 2, 3):
        yield Case(
            f"KVM_GET_CPUID2 with {lacks} too few entries fails and leaves their number alone",
            (Step("KVM_GET_CPUID2", (lacks,), E2BIG),),
        )
    yield Case("KVM_GET_CPUID2 with room for all succeeds", (Step("KVM_GET_CPUID2", (0,), 0),))


CPUID = Table(
    NAME,
    FOLDER + "cpuid_test.c",
    "6574f01ef95d",
    cases,
    rules=("kvm.ioctls.set_cpuid2_errno", "kvm.registers.get_cpuid2_errno", "model: ioctls-cpuid"),
    left_out=(
        ("the guest sees every entry that was set", "the model has the bits that follow CR4, XCR0 and IA32_XSS alone"),
        ("the largest leaf of KVM's own is 0x40000001", "paravirtual features are not modelled"),
        ("every length from 0 to the number of entries", "one rule; three lengths are asked"),
    ),
    explored=(
        Explored(
            "what CPUID shows a guest follows CR4 and XCR0, whoever writes them",
            "ioctls-cpuid", "guest_cpuid_tells_the_truth", "v7.3", "sapphire-rapids",
        ),
        Explored(
            "the CPUID that was set is accepted again",
            "ioctls-cpuid", "own_cpuid_is_accepted", "v7.3", "sapphire-rapids",
        ),
    ),
)  # fmt: skip
