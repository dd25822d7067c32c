# SPDX-License-Identifier: Apache-2.0
"""What is found about a move, and the verdict that findings add up to."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Literal

__all__ = ["EFFECTS", "Effect", "Finding", "Move", "verdict_of"]

Effect = Literal["loads", "loses", "refused", "unknown"]
EFFECTS: Final[tuple[Effect, ...]] = ("loads", "unknown", "loses", "refused")
"""Verdicts, the gravest last: a refusal is certain whatever else is; a loss outweighs what nobody knows."""


@dataclass(frozen=True)
class Finding:
    """One thing that happens on the way; `effect` is loads for a remark.

    Attributes:
        component: the component, feature or register that it is about.
        rule: a stable short name; for a refusal the call that refuses.
        effect: what it makes of the move.
        why: a sentence.
        source: where the rule stands.
        commit: which commit decides it, if kernels differ.
    """

    component: str
    rule: str
    effect: Effect
    why: str
    source: str
    commit: str = ""


@dataclass(frozen=True)
class Move:
    """The verdict on one guest between two hosts."""

    source: str
    destination: str
    guest: str
    verdict: Effect
    findings: tuple[Finding, ...]


def verdict_of(findings: Iterable[Finding]) -> Effect:
    """Return the gravest effect.

    >>> verdict_of([])
    'loads'
    """
    return max((each.effect for each in findings), key=EFFECTS.index, default="loads")
