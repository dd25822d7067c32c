# SPDX-License-Identifier: Apache-2.0
"""What becomes of a guest that moves: one word for an explored world, so that pairs of kernels make a table.

Explore a `moves-to-...` or `moves-from-...` with one `guest_model`, and ask here. A source whose host cannot have such
a guest has no fate to tell.
"""

from enum import Enum

from xsavvy.checker import Outcome

__all__ = ["Fate", "fate", "refusing_call"]

REFUSALS = "destination_refuses_nothing"
IDENTITY = "guest_finds_itself_after_a_move"
FAULTS = "no_image_makes_the_kernel_fault"


class Fate(Enum):
    """The worst that can happen to the guest."""

    MOVES = "moves"
    REFUSED = "refused"
    """The destination refuses a call; the guest stays where it was."""
    LOSES = "loses"
    """The guest runs at the destination and does not find what it left."""
    FAULTS = "faults"
    """A kernel faults on the guest's image."""
    NOT_THERE = "-"
    """The source cannot have such a guest."""


def fate(outcome: Outcome) -> Fate:
    """Return the worst that can happen to the guest of a move; a loss counts for more than a refusal."""
    if outcome.witness("source_is_in_use").verdict != "seen":
        return Fate.NOT_THERE
    for name, meaning in ((FAULTS, Fate.FAULTS), (IDENTITY, Fate.LOSES), (REFUSALS, Fate.REFUSED)):
        if outcome.verdict(name).verdict == "violated":
            return meaning
    return Fate.MOVES


def refusing_call(outcome: Outcome) -> str:
    """Name the call that the destination refuses first, in lower case; empty if it refuses nothing."""
    trace = outcome.verdict(REFUSALS).trace
    return trace.end["uapi_refused"] if trace is not None else ""
