# SPDX-License-Identifier: Apache-2.0
"""Two worlds on the same events: where do they part?

The left world follows a path. Whatever somebody else does (the guest, hardware, userspace: every event) happens on the
right too, at the same place of the run. The host's own steps go by themselves on each side: equal steps pair up, also
where one kernel takes them in another function; a step that one side lacks stands alone. The worlds part where the
right side cannot take an event; before that, or without it, values may differ where both have just taken the same step.
"""

import msgspec

__all__ = ["Lockstep", "Pair", "Parting", "SoftParting", "soft_parting"]


class Pair(msgspec.Struct, frozen=True):
    """A row of both walks: the index of a step of each, None where that side takes none.

    `differs` names the fields that differ afterwards, where both took a step.
    """

    left: int | None
    right: int | None
    differs: list[str] = msgspec.field(default_factory=list)


class Parting(msgspec.Struct, frozen=True):
    """The pair whose event the right side cannot take, and why."""

    at: int
    why: str


class SoftParting(msgspec.Struct, frozen=True):
    """The first pair after which fields differ though both took the same step, and did not differ at the start."""

    at: int
    fields: list[str]


class Lockstep(msgspec.Struct, frozen=True):
    """Both walks row by row, the path that the right side took, and where they part."""

    pairs: list[Pair]
    path: list[int]
    parted: Parting | None
    softly: SoftParting | None


def soft_parting(pairs: list[Pair], at_start: list[str]) -> SoftParting | None:
    """Return where values began to differ that did not at the start.

    >>> soft_parting([Pair(0, 0, ["hw_xcr0[0]"]), Pair(1, 1, ["hw_pkru[0]", "hw_xcr0[0]"])], ["hw_xcr0[0]"])
    SoftParting(at=1, fields=['hw_pkru[0]'])
    """
    for at, pair in enumerate(pairs):
        new = [name for name in pair.differs if name not in at_start]
        if new:
            return SoftParting(at, new)
    return None
