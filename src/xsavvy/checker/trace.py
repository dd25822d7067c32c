# SPDX-License-Identifier: Apache-2.0
"""Turn a chain of states into a trace that names rules and values.

Each hop is found by applying the rules to an ordinary record, so a trace is also a proof
that the packed engine and the model's own functions agree on it.
"""

from __future__ import annotations

import enum
import itertools
from collections.abc import Sequence

from xsavvy.checker.bind import System
from xsavvy.checker.error import EngineError
from xsavvy.checker.outcome import Hop, Trace
from xsavvy.checker.record import State
from xsavvy.checker.rule import Rule, successor

PLAIN = 10  # greater values that an event chooses are masks, and shown in hex


def replay(system: System, chain: Sequence[State]) -> Trace:
    """Replay a chain of states through the reference functions.

    Raises EngineError when no rule leads from one state to the next.
    """
    hops = [hop(system, old, new) for old, new in itertools.pairwise(chain)]
    return Trace(values(system, chain[0]), tuple(hops))


def values(system: System, state: State) -> dict[str, str]:
    """Show every field of a state."""
    return {
        slot.name: slot.kind.show(value)
        for slot, value in zip(system.shape.slots, state, strict=True)
    }


def hop(system: System, old: State, new: State) -> Hop:
    """Find the first rule that leads from one state to another."""
    for rule in system.rules:
        if successor(system.shape, rule, old, system.constants) == new:
            return hop_by(system, rule, old, new)
    raise EngineError(
        f"no rule leads from {values(system, old)} to {values(system, new)}: the engines disagree"
    )


def hop_by(system: System, rule: Rule, old: State, new: State) -> Hop:
    """Describe what a rule changes on its way from one state to another."""
    changes = {
        slot.name: (slot.kind.show(before), slot.kind.show(after))
        for slot, before, after in zip(system.shape.slots, old, new, strict=True)
        if before != after
    }
    arguments = {name: shown(value) for name, value in rule.arguments}
    return Hop(
        rule.actor,
        rule.name,
        rule.source,
        rule.summary,
        arguments,
        changes,
        rule.interrupted,
        rule.inferred,
        rule.index,
    )


def shown(value: int) -> str:
    """Show a chosen value: by its name if it has one."""
    if isinstance(value, enum.IntEnum):
        return value.name.lower()
    return str(value) if value < PLAIN else hex(value)
