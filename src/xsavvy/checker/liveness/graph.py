# SPDX-License-Identifier: Apache-2.0
"""Every reachable state and every transition, by number; explored by the model's own functions.

The same graph, number by number, comes from generated code in `quick.py`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from xsavvy.checker.bind import System
from xsavvy.checker.error import ModelError
from xsavvy.checker.program import Guard
from xsavvy.checker.record import State
from xsavvy.checker.rule import successor


@dataclass
class Graph:
    """States are numbered in order of discovery, level by level; the first `starts` are starts.

    The transitions out of state i are number `first[i]` to `first[i + 1] - 1`, in order of
    rules: transition e leads to state `target[e]` by rule `rule[e]`. `terminal[i]` tells that
    the model ends in state i; such a state has no transitions. `when[q][i]` and `goal[q][i]`
    tell whether eventuality q asks for its goal in state i, and whether it has it there.
    """

    starts: int = 0
    first: list[int] = field(default_factory=lambda: [0])
    target: list[int] = field(default_factory=list)
    rule: list[int] = field(default_factory=list)
    terminal: bytearray = field(default_factory=bytearray)
    when: list[bytearray] = field(default_factory=list)
    goal: list[bytearray] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.first) - 1

    def out(self, state: int) -> range:
        """Numbers of the transitions out of a state."""
        return range(self.first[state], self.first[state + 1])


def parties(system: System) -> list[int]:
    """Number whom fairness is owed to, by rule: each step, each fair event; -1 for nobody."""
    fair = {event.name for event in system.program.events if event.fair}
    numbers: dict[str, int] = {}
    owed = []
    for rule in system.rules:
        name = rule.name if not rule.is_event else f"event {rule.name}"
        if rule.is_event and rule.name not in fair:
            owed.append(-1)
        else:
            owed.append(numbers.setdefault(name, len(numbers)))
    return owed


def explore(system: System, max_states: int | None) -> tuple[Graph, list[State]] | None:
    """Explore a system by its own functions; None if it has more than `max_states` states."""
    graph = Graph(starts=len(system.starts))
    numbers = {state: i for i, state in enumerate(system.starts)}
    states = list(system.starts)
    for state in states:  # grows on the way
        ends = holds(system, system.program.terminal, state, False)
        graph.terminal.append(ends)
        for index, new in [] if ends else _successors(system, state):
            if new not in numbers:
                numbers[new] = len(states)
                states.append(new)
            graph.target.append(numbers[new])
            graph.rule.append(index)
        graph.first.append(len(graph.target))
        if max_states is not None and len(states) > max_states:
            return None
    for item in system.program.eventualities:
        graph.when.append(bytearray(holds(system, item.when, each, True) for each in states))
        graph.goal.append(bytearray(holds(system, item.goal, each, True) for each in states))
    return graph, states


def _successors(system: System, state: State) -> Iterator[tuple[int, State]]:
    for rule in system.rules:
        new = successor(system.shape, rule, state, system.constants)
        if new is not None:
            yield rule.index, new


def holds(system: System, guard: Guard | None, state: State, without: bool) -> bool:
    """Call a guard on a state; `without` is the answer where there is none. Raises ModelError."""
    if guard is None:
        return without
    try:
        return bool(guard(system.shape.thaw(state), system.constants))
    except (ArithmeticError, LookupError, NameError, TypeError, ValueError) as bad:
        name = getattr(guard, "__name__", "guard")
        raise ModelError(f"{name}: {type(bad).__name__}: {bad}") from bad
