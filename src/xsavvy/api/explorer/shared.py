# SPDX-License-Identifier: Apache-2.0
"""The fields that two worlds have in common, and where their values differ."""

from dataclasses import dataclass

import msgspec

from xsavvy.api.walking import Walk
from xsavvy.checker.field import Kind, Place
from xsavvy.checker.record import State

__all__ = ["Difference", "SharedField", "differences", "shared_fields"]


class Difference(msgspec.Struct, frozen=True):
    """A field that both sides have, with another value on each."""

    field: str
    left: str
    right: str


@dataclass(frozen=True)
class SharedField:
    """A field that both worlds have, and where and as what each of them keeps it."""

    name: str
    here: int
    there: int
    left: Kind
    right: Kind
    alike: bool

    def differs(self, one: State, other: State) -> bool:
        """Tell whether people read different values; equal numbers may mean different things."""
        mine, theirs = one[self.here], other[self.there]
        if self.alike:
            return mine != theirs
        return self.left.show(mine) != self.right.show(theirs)


def differences(left: Walk, right: Walk, one: State, other: State) -> list[Difference]:
    """Return the fields that differ; where actors stand is not among them."""
    return [
        Difference(each.name, each.left.show(one[each.here]), each.right.show(other[each.there]))
        for each in shared_fields(left, right)
        if each.differs(one, other)
    ]


def shared_fields(left: Walk, right: Walk) -> list[SharedField]:
    """Return the fields that both worlds have; where actors stand is not among them."""
    ours, theirs = left.system.shape.slots, right.system.shape.slots
    pairs = [(at, right.slots[name]) for name, at in left.slots.items() if name in right.slots]
    return [
        SharedField(
            ours[i].name, i, j, ours[i].kind, theirs[j].kind, ours[i].kind == theirs[j].kind
        )
        for i, j in pairs
        if not isinstance(ours[i].kind, Place)
    ]
