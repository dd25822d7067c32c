# SPDX-License-Identifier: Apache-2.0
"""Would a system do the same with other constants? Asked of the code that is generated from it.

What generated code says is exact: if the text of every rule, guard and judgement is the same with
one set of constants as with the other, then so is everything that a search finds. The text is
folded: a field that no taken rule writes has one value, and what that value rules out leaves no
trace in the text.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from xsavvy.checker.bind import System
from xsavvy.checker.dialect import footprint, writes
from xsavvy.checker.effect import Parts
from xsavvy.checker.outcome import Outcome
from xsavvy.checker.program import Guard
from xsavvy.checker.rule import Rule
from xsavvy.checker.source import Constant
from xsavvy.checker.word import Word


def same_with(system: System, outcome: Outcome, values: Mapping[str, Constant]) -> bool:
    """Tell whether a search that was complete would have found the same with other constants.

    `values` maps names of constants to their other values. False also where it is not certain.
    """
    changed = {name for name, value in values.items() if system.values.get(name, value) != value}
    if not outcome.complete:
        return False
    word = Word(system.shape, _constant(system, outcome), system.indexes)
    other = replace(system, values={**system.values, **values})
    return all(
        write(Parts(system, word)) == write(Parts(other, word))
        for write in _pieces(system, outcome, changed)
    )


def _never(outcome: Outcome) -> set[str]:
    return {*outcome.unreached.steps, *outcome.unreached.events}


def _constant(system: System, outcome: Outcome) -> dict[int, int]:
    """Find the slots that have one value in every state that was reached, and which."""
    taken = [rule for rule in system.rules if rule.name not in _never(outcome)]
    written = frozenset[str]().union(*(writes(rule.effect) for rule in taken))
    moved = {rule.slot for rule in taken if rule.otherwise is not None or rule.to}
    moved |= {move.slot for rule in taken for move in rule.moves}
    first = system.starts[0]
    return {
        i: first[i]
        for i, slot in enumerate(system.shape.slots)
        if slot.field not in written
        and i not in moved
        and all(state[i] == first[i] for state in system.starts)
    }


def _pieces(
    system: System, outcome: Outcome, changed: set[str]
) -> Iterator[Callable[[Parts], object]]:
    """Give what writes each piece of code that reads one of some constants, and was run."""
    never = _never(outcome)

    def reads(function: Callable[..., Any] | None) -> bool:
        return function is not None and bool(footprint(function).constants & changed)

    for rule in system.rules:
        if rule.name not in never and reads(rule.effect):
            yield _effect(rule)
        for guard in (rule.runs, rule.when):
            if reads(guard):
                takes = guard is rule.when and rule.when_takes_values
                yield _guard(guard, rule.values if takes else ())
    program = system.program
    judged = [program.terminal, *(item.holds for item in program.properties)]
    judged += [item.seen for item in program.witnesses]
    for item in program.eventualities:
        judged += [item.when, item.goal]
    yield from (_guard(guard, ()) for guard in judged if reads(guard))


def _effect(rule: Rule) -> Callable[[Parts], object]:
    return lambda parts: parts.effect(rule, ())


def _guard(guard: Guard | None, values: tuple[int, ...]) -> Callable[[Parts], object]:
    return lambda parts: parts.guard(guard, values, ())
