# SPDX-License-Identifier: Apache-2.0
"""How long a window stays open: what the host would have done, had nothing come in while a property was at risk."""

from collections.abc import Sequence
from typing import Literal

import msgspec

from xsavvy.checker.record import State

from .walking import Taken, Walk

__all__ = ["Window", "window_of"]

MOST_STEPS = 200
"""Steps of the host that are followed."""


class Window(msgspec.Struct, frozen=True):
    """The window of a trace that ends inside it.

    `at` is the index of the step that came in: the last interruption in a state at risk. `rest` holds the host's own
    steps from there without it. After the last of them the property is no longer at risk ("closes"), or the guest has
    the word ("guest": how long the window stays open is up to it), or there are more than anybody reads ("long").
    """

    at: int
    rest: list[Taken]
    ends: Literal["closes", "guest", "long"]


def window_of(
    walk: Walk, path: Sequence[int], states: Sequence[State], risk: Sequence[bool], name: str
) -> Window | None:
    """Return the window in which a trace ends; None where no interruption came in a state at risk, to stay to the end.

    `states` and `risk` belong to the states along the path, one more than it has rules.
    """
    at = next(
        (at for at in reversed(range(len(path))) if _came_in(walk, path, at) and risk[at]), None
    )
    if at is None:
        return None
    state = states[at]
    rest: list[Taken] = []
    while len(rest) < MOST_STEPS:
        step = walk.next_step(state)
        if step is None:
            return Window(at, rest, "guest")
        rest.append(walk.taken(state, *step))
        state = step[1]
        if not walk.at_risk(state, name):
            return Window(at, rest, "closes")
    return Window(at, rest, "long")


def _came_in(walk: Walk, path: Sequence[int], at: int) -> bool:
    """Tell whether a step comes upon an actor that does not go on any more."""
    rules = walk.system.rules
    actor = rules[path[at]].interrupted
    return bool(actor) and all(rules[index].actor != actor for index in path[at + 1 :])
