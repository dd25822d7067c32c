# SPDX-License-Identifier: Apache-2.0
"""Judge the eventualities of a system, on a graph that one of two engines has drawn."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from xsavvy.checker.bind import System
from xsavvy.checker.exploration import Meter, Progress
from xsavvy.checker.liveness import component, reference
from xsavvy.checker.liveness.graph import Graph, explore, parties
from xsavvy.checker.liveness.lasso import lasso
from xsavvy.checker.liveness.proof import prove
from xsavvy.checker.liveness.quick import Surveyor
from xsavvy.checker.liveness.untaken import untaken
from xsavvy.checker.outcome import Verdict
from xsavvy.checker.program import Eventually
from xsavvy.checker.record import State

Traps = Callable[[Graph, list[int], bytearray, bytearray], Sequence[Sequence[int]]]


@dataclass(frozen=True)
class Runs:
    """What was found out about the runs of a system.

    A verdict per eventuality, and the outcomes of steps and events that no run takes (none
    where the graph was not drawn to its end, or nobody asked for it).
    """

    verdicts: tuple[Verdict, ...] = ()
    untaken: tuple[str, ...] = ()


def liveness(
    system: System,
    engine: str = "auto",
    max_states: int | None = None,
    progress: Progress | None = None,
) -> Runs:
    """Judge each eventuality of a system over all its fair runs.

    "reference" is the slow and obvious way; every other engine's name means generated code.

    The verdict of a violated one has a lasso: its `trace` goes round for ever from hop `loop`
    on, and its `depth` is the length of the stem. "incomplete" is the verdict where the system
    has more than `max_states` states, or the user ended it with Ctrl-C: half a graph proves
    nothing about runs. Raises ModelError when a step writes an illegal value.
    """
    if not system.program.eventualities:
        return Runs()
    try:
        if engine == "reference":
            found = explore(system, max_states)
            if found is not None:
                graph, states = found
                verdicts = _verdicts(system, graph, _as_lists, states.__getitem__)
                return Runs(verdicts, untaken(system, graph, lambda slot, i: states[i][slot]))
        else:
            surveyor = Surveyor(system)
            if surveyor.draw(max_states, Meter(progress)):
                graph = surveyor.graph
                verdicts = _verdicts(system, graph, component.traps, surveyor.state)
                return Runs(verdicts, untaken(system, graph, surveyor.value))
    except KeyboardInterrupt:
        pass
    return Runs(tuple(map(incomplete, system.program.eventualities)))


def incomplete(item: Eventually) -> Verdict:
    """Leave an eventuality open."""
    return Verdict(item.name, item.sentence, item.source, "incomplete")


def _as_lists(
    graph: Graph, owed: list[int], when: bytearray, goal: bytearray
) -> Sequence[Sequence[int]]:
    return [sorted(trap) for trap in reference.traps(graph, owed, when, goal)]


def _verdicts(
    system: System, graph: Graph, traps: Traps, state: Callable[[int], State]
) -> tuple[Verdict, ...]:
    owed = parties(system)
    verdicts = []
    for at, item in enumerate(system.program.eventualities):
        into = traps(graph, owed, graph.when[at], graph.goal[at])
        if into:
            verdicts.append(_violated(system, graph, owed, at, into, state))
        else:
            verdicts.append(Verdict(item.name, item.sentence, item.source, "holds"))
    return tuple(verdicts)


def _violated(
    system: System,
    graph: Graph,
    owed: list[int],
    at: int,
    into: Sequence[Sequence[int]],
    state: Callable[[int], State],
) -> Verdict:
    item = system.program.eventualities[at]
    run = lasso(graph, owed, graph.when[at], graph.goal[at], into)
    states = [state(run.start), *(state(graph.target[e]) for e in run.edges)]
    rules = [graph.rule[e] for e in run.edges]
    trace = prove(system, owed, item, states, rules, run.stem)
    return Verdict(item.name, item.sentence, item.source, "violated", run.stem, trace, run.stem)
