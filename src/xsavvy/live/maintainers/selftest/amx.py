# SPDX-License-Identifier: Apache-2.0
"""amx_test.c: tiles, IA32_XFD and #NM in a guest that is saved and restored at every turn."""

from __future__ import annotations

from collections.abc import Iterator

from xsavvy.isa.components import AMX as TILES
from xsavvy.isa.components import XTILEDATA
from xsavvy.kvm.rules import CR4_OSXSAVE
from xsavvy.live.maintainers.case import NM, OK, Case, Explored, Step, Table
from xsavvy.live.maintainers.features import Features

from .project import FOLDER, NAME

__all__ = ["AMX"]

XFD, XFD_ERR = 0x1C4, 0x1C5


def cases(features: Features) -> Iterator[Case]:
    """Give the cases for a guest with tiles."""
    supported = features.processor.xcr0_supported
    ready = (
        Step("KVM_SET_XCRS", (supported,), 0),
        Step("MOV CR4", (CR4_OSXSAVE, 0), OK),
    )
    yield Case("both components of AMX can be enabled", (Step("XCR0 supported", (TILES,), TILES),))
    yield Case(
        "the tiles have 8192 bytes, at 2816 on every processor that has them",
        (Step("offset", (18,), 2816), Step("size", (18,), 8192)),
    )
    yield Case(
        "IA32_XFD is read back as it is written, and tiles can be used while it is 0",
        (
            *ready,
            Step("WRMSR", (XFD, 0), OK),
            Step("RDMSR", (XFD,), 0),
            Step("TILELOADD", (), OK),
        ),
    )
    yield from _headers(ready)
    yield Case(
        "a tile under IA32_XFD faults, and both MSRs say why; with them cleared it works",
        (
            *ready,
            Step("WRMSR", (XFD, XTILEDATA), OK),
            Step("RDMSR", (XFD,), XTILEDATA),
            Step("TILELOADD", (), NM),
            Step("RDMSR", (XFD_ERR,), XTILEDATA),
            Step("RDMSR", (XFD,), XTILEDATA),
            Step("WRMSR", (XFD_ERR, 0), OK),
            Step("WRMSR", (XFD, 0), OK),
            Step("TILELOADD", (), OK),
        ),
    )
    yield Case(
        "KVM_SET_XSAVE takes an image with tiles while IA32_XFD disables them",
        (
            *ready,
            Step("TILELOADD", (), OK),
            Step("WRMSR", (XFD, XTILEDATA), OK),
            Step("KVM_SET_XSAVE", (supported,), 0),
        ),
    )


def _headers(ready: tuple[Step, ...]) -> Iterator[Case]:
    for xfd in (0, XTILEDATA):
        yield Case(
            f"XSAVEC of released tiles, IA32_XFD={xfd:#x}: not in XSTATE_BV, but in XCOMP_BV",
            (
                *ready,
                Step("TILELOADD", (), OK),
                Step("TILERELEASE", (), OK),
                Step("WRMSR", (XFD, xfd), OK),
                Step("XSAVEC", (XTILEDATA,), [0, XTILEDATA]),
            ),
        )


AMX = Table(
    NAME,
    FOLDER + "amx_test.c",
    "0383a8edef39",
    cases,
    rules=(
        "kvm.ioctls.set_xfd_accepted", "isa.masks.xfd_blocks", "isa.masks.xsavec_bv",
        "isa.masks.xsavec_xcomp_bv", "kvm.acceptance.set_xsave", "model: xfd-set-xsave",
    ),
    needs=("XSAVE", "XFD", "AMX"),
    left_out=(
        ("CPUID 0x1D: 8 tiles of 1024 bytes, 64 bytes a row, 16 rows", "palettes are not modelled"),
        ("CR0.TS is 0 in the handler of #NM", "the guest that runs here never sets it; nested-nm has CR0.TS"),
        ("the general registers are the same in the new VM", "the model's guest has none; `moves` has the state"),
    ),
    explored=(
        Explored(
            "the kernel survives KVM_SET_XSAVE of tiles under IA32_XFD, and the guest runs on",
            "xfd-set-xsave", "kernel_survives", "v6.18+b45f72177594", "sapphire-rapids", "v6.18",
        ),
        Explored(
            "the tiles are the ones that KVM_SET_XSAVE brought, or were before",
            "xfd-set-xsave", "kvm_image_is_kept", "v6.18+b45f72177594", "sapphire-rapids",
        ),
        Explored(
            "a guest that is saved and restored in a new VM finds its registers",
            "moves", "guest_finds_itself_after_a_move", "v7.3", "sapphire-rapids",
        ),
    ),
)  # fmt: skip
