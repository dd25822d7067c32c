# SPDX-License-Identifier: Apache-2.0
"""A small model that the tests share: a lamp that is switched, and a hand that interrupts."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Annotated

from xsavvy.checker import (
    REST,
    Actor,
    Below,
    Choice,
    Context,
    Each,
    Event,
    Flag,
    Init,
    Location,
    Mask,
    Path,
    Program,
    Property,
    Record,
    Step,
    Witness,
)

LOCKED, DARK = 1, 2
BROKEN = 7


class Colour(IntEnum):
    RED = 0
    GREEN = 1
    AMBER = 4


class Lamp(Record):
    where: Annotated[int, Location("lamp"), "where the lamp is in its cycle"]
    context: Annotated[int, Context("lamp"), "what holds there"]
    colour: Annotated[int, Choice(Colour), Init(Colour.RED), "what is seen"]
    count: Annotated[int, Below(3), "how often it was green"]
    wires: Annotated[int, Mask(0x206, always=0x10), "which wires are live"]
    bulbs: Annotated[list[int], Each(2, Flag()), Init([1, 0]), "which bulbs work"]
    label: Annotated[int, Below(9), Init(5), "never written"]


@dataclass(frozen=True)
class Constants:
    most: int = 2
    broken: bool = False


def runs(s, k):
    return 1


def to_green(s, k):
    s.colour = Colour.GREEN
    s.wires |= 0x204


def to_red(s, k):
    s.colour = Colour.RED
    s.wires &= ~4
    if k.broken:
        return BROKEN
    return None


def may_count(s, k):
    return s.count < k.most


def count(s, k):
    s.count += 1


def touch(s, k, bulb):
    s.bulbs[bulb] ^= 1


def nothing(s, k):
    pass


def counts_within_reason(s, k):
    return s.count < 2


def has_a_bulb(s, k):
    return s.bulbs[0] or s.bulbs[1]


def is_green(s, k):
    return s.colour == Colour.GREEN


def program(**changes) -> Program:
    """The lamp, or a lamp with other parts."""
    cycle = Path(
        "cycle",
        (
            Step("green", to_green, source="manual", summary="Go green.", enters=LOCKED),
            Step("count", count, source="manual", when=may_count, needs=LOCKED),
            Step("red", to_red, source="manual", to={BROKEN: REST}, leaves=LOCKED),
        ),
        then="cycle",
        source="manual",
    )
    parts = {
        "record": Lamp,
        "actors": (Actor("lamp", "where", runs, (cycle,), start="cycle"),),
        "events": (
            Event(
                "touch",
                "hand",
                touch,
                source="experience",
                interrupts=("lamp",),
                masked_by=LOCKED,
                choose={"bulb": (0, 1)},
                inferred=True,
            ),
        ),
        "properties": (
            Property(
                "counts_within_reason",
                "It is not green twice.",
                counts_within_reason,
                source="wish",
                witness="green",
            ),
        ),
        "witnesses": (Witness("green", "It is green once.", is_green),),
        "context_names": {LOCKED: "locked", DARK: "dark"},
    }
    return Program(**{**parts, **changes})
