# SPDX-License-Identifier: Apache-2.0
"""state_test.c: a saved image is accepted by vCPUs with another CPUID, with an empty one, and with none."""

from __future__ import annotations

from collections.abc import Iterator

from xsavvy.isa.components import AMX, BNDREGS, MPX
from xsavvy.live.maintainers.case import Case, Explored, Step, Table
from xsavvy.live.maintainers.features import Features

from .project import FOLDER, NAME

__all__ = ["STATE"]


def cases(features: Features) -> Iterator[Case]:
    """Give the cases of the vCPU that is given nothing but an image.

    The guest has dirtied every component that is not off by default but BNDCSR.
    """
    supported = features.processor.xcr0_supported & ~AMX
    saved = supported & ~MPX | supported & BNDREGS
    images = (Step("KVM_SET_XSAVE", (saved,), 0), Step("KVM_SET_XSAVE", (supported,), 0))
    yield Case("a vCPU without CPUID takes what was saved, and all components", images, cpuid=False)
    yield Case(
        "a vCPU with an empty CPUID takes what was saved, and all components", images, entries=False
    )
    yield Case("a vCPU with the same CPUID takes both", images)


STATE = Table(
    NAME,
    FOLDER + "state_test.c",
    "2303ca26fbb0",
    cases,
    rules=("kvm.acceptance.set_xsave", "kvm.ioctls.guest_user_xfeatures", "model: moves, nested-migration"),
    needs=("XSAVE",),
    left_out=(
        ("the general registers are the same in the new VM", "the model's guest has none"),
        ("stages inside VMX and SVM: VMCS fields, V_GIF", "`nested-migration` has the extended state alone"),
    ),
    explored=(
        Explored(
            "a guest that is saved and restored in a new VM finds its registers",
            "moves", "guest_finds_itself_after_a_move", "v7.3", "sapphire-rapids",
        ),
        Explored(
            "an image of what is supported is accepted",
            "moves", "image_of_a_supported_guest_is_accepted", "v7.3", "sapphire-rapids",
        ),
        Explored(
            "a guest and its own guest go on where they were saved",
            "nested-migration", "nested_state_survives_a_restore", "v7.3", "sapphire-rapids",
        ),
    ),
)  # fmt: skip
