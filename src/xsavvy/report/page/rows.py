# SPDX-License-Identifier: Apache-2.0
"""A story as the rows of a page: in which lane each step stands, which bars pass it, what it breaks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

from xsavvy.api.lanes import LANES

if TYPE_CHECKING:
    from xsavvy.api import Story, Taken

__all__ = ["MASKS", "Bar", "Lane", "Mask", "Row", "Track", "lanes_of", "masks_of", "rows_of"]

MASKS = {
    "bottom halves off": "BH",
    "preemption off": "PRE",
    "interrupts off": "IRQ",
    "NMIs held": "NMI",
}
"""What a place can mask, from the mask that keeps out least on, and the heading of its bar."""

MODES = ("user mode", "guest mode")
"""What a context says of the processor's mode; no bar, as the lane tells it."""


class Lane(NamedTuple):
    """A lane that the story uses; `place` counts from the left."""

    name: str
    title: str
    place: int


class Mask(NamedTuple):
    """A mask that holds somewhere: its short name, the place of its bar, and the number of its color."""

    name: str
    short: str
    place: int
    color: int


class Bar(NamedTuple):
    """A piece of a mask's bar beside one row; it has an end where the mask begins or is lifted."""

    mask: Mask
    begins: bool
    ends: bool


class Track(NamedTuple):
    """A piece of a lane's line beside one row: who acts there, or waits in the middle of what it does."""

    lane: str
    place: int
    acts: bool


class Row(NamedTuple):
    """One step as a page shows it.

    `prefix` is the function of the kernel, `name` the step in it. `came_from` is the lane of the step before, where it
    is another. `risky` says that the step happens in a state at risk, `opens` and `closes` that it begins or ends that.
    """

    number: int
    taken: Taken
    prefix: str
    name: str
    place: int
    came_from: int | None
    bars: list[Bar]
    tracks: list[Track]
    modes: list[str]
    risky: bool
    opens: bool
    closes: bool
    repeats: bool


def lanes_of(story: Story) -> list[Lane]:
    """Return the lanes in which something happens, in the usual order."""
    used = {step.taken.move.lane for step in story.steps}
    return [Lane(name, LANES[name], at) for at, name in enumerate(n for n in LANES if n in used)]


def masks_of(story: Story) -> list[Mask]:
    """Return the masks that hold somewhere; those that only a patch knows come last."""
    held = {name for step in story.steps for name in step.taken.move.context}
    colors = {name: color for color, name in enumerate(MASKS)}
    known = [name for name in MASKS if name in held] + sorted(held - set(MASKS) - set(MODES))
    return [
        Mask(name, MASKS.get(name, name[:3]), place, colors.get(name, len(MASKS) - 1))
        for place, name in enumerate(known)
    ]


def rows_of(story: Story) -> Iterator[Row]:
    """Give the rows of a story from its first step on."""
    lanes = {lane.name: lane.place for lane in lanes_of(story)}
    masks = masks_of(story)
    acting = [step.taken.move.lane for step in story.steps]
    contexts = [step.taken.move.context for step in story.steps]
    risk = story.risk
    spans = {name: (acting.index(name), _last(acting, name)) for name in lanes}
    loop = story.result.loop
    for at, step in enumerate(story.steps):
        move = step.taken.move
        # Events have names of several words, steps of the host are `function.step`.
        prefix, dot, name = ("", "", move.step) if move.event else move.step.partition(".")
        came_from = lanes[acting[at - 1]] if at and acting[at - 1] != acting[at] else None
        yield Row(
            number=at + 1,
            taken=step.taken,
            prefix=prefix + dot if name else "",
            name=name or prefix,
            place=lanes[move.lane],
            came_from=came_from,
            bars=list(_bars(masks, contexts, at)),
            tracks=[
                Track(lane, place, lane == move.lane)
                for lane, place in lanes.items()
                # To the right of the step's own lane are its words.
                if spans[lane][0] <= at <= spans[lane][1] and place <= lanes[move.lane]
            ],
            modes=[mode for mode in move.context if mode in MODES],
            risky=risk[at],
            opens=risk[at + 1] and not risk[at],
            closes=risk[at] and not risk[at + 1],
            repeats=loop is not None and at >= loop,
        )


def _bars(masks: Sequence[Mask], contexts: Sequence[list[str]], at: int) -> Iterator[Bar]:
    before, here, after = [[], *contexts, []][at : at + 3]
    for mask in masks:
        if mask.name in here:
            yield Bar(mask, mask.name not in before, mask.name not in after)


def _last(names: Sequence[str], name: str) -> int:
    return max(at for at, each in enumerate(names) if each == name)
