# SPDX-License-Identifier: Apache-2.0
"""sync_regs_test.c: registers in struct kvm_run are taken if dirty and given if valid."""

from __future__ import annotations

from collections.abc import Iterator

from xsavvy.kvm import registers
from xsavvy.live.maintainers.case import Case, Step, Table
from xsavvy.live.maintainers.features import Features

from .project import FOLDER, NAME

__all__ = ["SYNC_REGS"]

ALL = registers.SYNC_ALL
GENERAL_AND_SYSTEM = registers.SYNC_REGS | registers.SYNC_SREGS
INVALID = 1 << 31
EINVAL = -22
RUN = "KVM_RUN with registers"


def cases(_features: Features) -> Iterator[Case]:
    """Give the cases: a guest adds 1 to RBX in every KVM_RUN."""
    for name, masks in (
        ("kvm_valid_regs", lambda each: (each, 0)),
        ("kvm_dirty_regs", lambda each: (0, each)),
    ):
        for value in (INVALID, INVALID | ALL):
            yield Case(
                f"{name}={value:#x} is refused", (Step(RUN, (*masks(value), 0, None), EINVAL),)
            )
    yield Case("all sets are given", (Step(RUN, (ALL, 0, 0, 0x55), [0x56, 0x56]),))
    yield Case(
        "what is marked as dirty is taken, and given back as the guest changed it",
        (
            Step(RUN, (ALL, 0, 0, 0)),
            Step(RUN, (ALL, GENERAL_AND_SYSTEM, 0xBAD1DEA, None), [0xBAD1DEB, 0xBAD1DEB]),
        ),
    )
    yield Case(
        "what is not marked as dirty is not taken, and overwritten",
        (Step(RUN, (ALL, 0, 0xDEAD_BEEF, 0), [1, 1]),),
    )
    yield Case(
        "with both masks 0 neither side sees the other's",
        (Step(RUN, (ALL, 0, 0, 0)), Step(RUN, (0, 0, 0xAAAA, 0xBAC0), [0xAAAA, 0xBAC1])),
    )
    yield Case(
        "what is not asked for is not given, and taken all the same",
        (Step(RUN, (ALL, 0, 0, 0)), Step(RUN, (0, ALL, 0xBBBB, None), [0xBBBB, 0xBBBC])),
    )

    for vector in (2, 32, 255):
        yield Case(
            f"vector {vector} is no exception, also where a second thread slips it in",
            (Step("KVM_SET_VCPU_EVENTS", (vector,), EINVAL),),
        )


SYNC_REGS = Table(
    NAME,
    FOLDER + "sync_regs_test.c",
    "3d5e48944e82",
    cases,
    rules=(
        "kvm.registers.run_errno", "kvm.registers.taken_register", "kvm.registers.shown_register",
        "kvm.registers.exception_errno",
        "model: ioctls-cpuid",
    ),
    left_out=(
        ("a second thread rewrites CR4.PAE in struct kvm_run during KVM_RUN", "the shared page is read in one step"),
        ("a second thread rewrites the exception that is pending or injected", "as before; the vectors are asked"),
        ("IA32_APIC_BASE is given back as it was set", "the APIC is not modelled"),
    ),
)  # fmt: skip
