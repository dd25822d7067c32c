# SPDX-License-Identifier: Apache-2.0
"""Fields that only old kernels have; a delta adds them to the record of the program that it edits.

A kernel that lacks none of these commits has none of these fields, and pays nothing for them.
"""

from dataclasses import replace
from typing import Annotated, cast

from xsavvy.checker import Choice, Each, Flag, Init, Program, Record
from xsavvy.model.machine import BUFFERS, Machine
from xsavvy.model.values import Buffer, Value

__all__ = [
    "KeepsXcr0",
    "LazyFpu",
    "PkruImages",
    "PkruMachine",
    "PkruValid",
    "TsMachine",
    "ValidMachine",
    "Xcr0Machine",
    "with_fields",
]


class KeepsXcr0(Record):
    """What KVM remembers of XCR0 where it does not switch it at every entry."""

    vcpu_xcr0_loaded: Annotated[int, Flag(), "vcpu->guest_xcr0_loaded: XCR0 is the guest's"]


class LazyFpu(Record):
    """What KVM remembers of a guest whose FPU is loaded on demand."""

    vcpu_fpu_active: Annotated[
        int, Flag(), Init(1), "vcpu->fpu_active: the guest runs with CR0.TS clear"
    ]


class PkruImages(Record):
    """PKRU's slot in the images that KVM itself saves and restores."""

    fp_pkru: Annotated[list[int], Each(BUFFERS, Choice(Value), Buffer), "PKRU in the image"]


class PkruValid(Record):
    """What VMX remembered of PKRU between two entries."""

    vcpu_pkru_valid: Annotated[
        int, Flag(), "vmx->guest_pkru_valid: the last exit found another PKRU than the host's"
    ]


class Xcr0Machine(Machine, KeepsXcr0):
    """The run loop's machine with these fields, as step functions see it."""


class TsMachine(Machine, LazyFpu):
    """The run loop's machine with these fields, as step functions see it."""


class PkruMachine(Machine, PkruImages):
    """The run loop's machine with these fields, as step functions see it."""


class ValidMachine(Machine, PkruValid):
    """The run loop's machine with these fields, as step functions see it."""


def with_fields(program: Program, more: type[Record]) -> Program:
    """Return the program with more fields in its record; fields that it has already stay as they are."""
    if issubclass(program.record, more):
        return program
    return replace(program, record=_joined(program.record, more))


def _joined(record: type[Record], more: type[Record]) -> type[Record]:
    """Make one class of two, and the same one whenever it is asked for: programs compare by it."""
    known = _classes.get((record, more))
    if known is None:
        name = f"{record.__name__}{more.__name__}"
        known = cast(type[Record], type(name, (record, more), {"__module__": __name__}))
        _classes[record, more] = known
    return known


_classes: dict[tuple[type[Record], type[Record]], type[Record]] = {}
