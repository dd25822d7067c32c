# SPDX-License-Identifier: Apache-2.0
"""Changes that must break a property of a move, each with the world in which it holds."""

from xsavvy.checker import Program
from xsavvy.isa.components import XTILECFG
from xsavvy.kvm.ioctls import EINVAL
from xsavvy.model.mutant import Mutant

from .constants import MoveConstants
from .journey import refused
from .machine import Moving
from .source import get_supported_cpuid, give_image
from .values import Host, Ioctl

__all__ = ["MUTANTS"]

INTEL = "sapphire-rapids"
NEW = "v7.3"


def refuse_image(s: Moving, k: MoveConstants) -> int:
    """Refuse every image."""
    return refused(s, k, EINVAL, Ioctl.SET_XSAVE)


def store_reserved_mxcsr(s: Moving, k: MoveConstants, xstate_bv: int, mxcsr_legal: int) -> None:
    """Store an image whatever its MXCSR is."""
    give_image(s, k, xstate_bv, 1)
    s.fp_mxcsr_reserved[Host.SOURCE] = 1 - mxcsr_legal


def advertise_half(s: Moving, k: MoveConstants) -> None:
    """Tell of TILECFG even if TILEDATA is not permitted."""
    get_supported_cpuid(s, k)
    s.uapi_advertised |= XTILECFG


def _refuse(program: Program) -> Program:
    return program.replaced("restore.KVM_SET_XSAVE", effect=refuse_image)


def _store_any(program: Program) -> Program:
    return program.replaced_event("KVM_SET_XSAVE at the source", effect=store_reserved_mxcsr)


def _half(program: Program) -> Program:
    return program.replaced_event("KVM_GET_SUPPORTED_CPUID", effect=advertise_half)


MUTANTS = (
    Mutant(
        "the image loses x87 and SSE",
        "moves-to-fewer",
        INTEL,
        changed={"image_scope": "guest"},
        kernel=NEW,
    ),
    Mutant(
        "an image without PKRU clears PKRU",
        "moves",
        INTEL,
        changed={"absent_pkru": "initial"},
        kernel=NEW,
    ),
    Mutant(
        "the image is not bounded",
        "moves-to-fewer",
        INTEL,
        changed={"image_scope": "host"},
        kernel=NEW,
    ),
    Mutant("every image is refused", "moves-without-xsave", INTEL, _refuse, kernel=NEW),
    Mutant(
        "images are copied as they are",
        "moves-to-fewer",
        INTEL,
        changed={"host_format": "copied"},
        kernel=NEW,
    ),
    Mutant(
        "the guest's fpstate is too small",
        "moves-without-xsave",
        "genoa",
        changed={"fpstate_size": "user"},
        kernel=NEW,
    ),
    Mutant("tiles are advertised by halves", "moves-advertised", INTEL, _half, kernel=NEW),
    Mutant("MXCSR is not checked", "moves", INTEL, _store_any, kernel=NEW),
)
