# SPDX-License-Identifier: Apache-2.0
"""Judge the eventualities of a system, with one of the two engines."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from xsavvy.checker.bind import System
from xsavvy.checker.exploration import Meter, Progress
from xsavvy.checker.liveness import component, reference
from xsavvy.checker.liveness.graph import Graph, explore, parties
from xsavvy.checker.liveness.lasso import lasso
from xsavvy.checker.liveness.proof import prove
from xsavvy.checker.liveness.quick import Surveyor
from xsavvy.checker.outcome import Trace, Verdict
from xsavvy.checker.program import Eventually
from xsavvy.checker.record import State

Traps = Callable[[Graph, list[int], bytearray, bytearray], Sequence[Sequence[int]]]


def liveness(
    system: System,
    engine: str = "auto",
    max_states: int | None = None,
    progress: Progress | None = None,
) -> tuple[Verdict, ...]:
    """Judge each eventuality of a system over all its fair runs.

    "reference" is the slow and obvious way; every other engine's name means generated code.

    The verdict of a violated one has a lasso: its `trace` goes round for ever from hop `loop`
    on, and its `depth` is the length of the stem. "incomplete" is the verdict where the system
    has more than `max_states` states, or the user ended it with Ctrl-C: half a graph proves
    nothing about runs. Raises ModelError when a step writes an illegal value.
    """
    items = system.program.eventualities
    if not items:
        return ()
    try:
        return _judged(system, engine, max_states, progress)
    except KeyboardInterrupt:
        return _incomplete(system)


def _judged(
    system: System, engine: str, max_states: int | None, progress: Progress | None
) -> tuple[Verdict, ...]:
    if engine == "reference":
        found = explore(system, max_states)
        if found is None:
            return _incomplete(system)
        graph, states = found
        return _verdicts(system, graph, _as_lists, states.__getitem__)
    surveyor = Surveyor(system)
    if not surveyor.draw(max_states, Meter(progress)):
        return _incomplete(system)
    return _verdicts(system, surveyor.graph, component.traps, surveyor.state)


def _as_lists(
    graph: Graph, owed: list[int], when: bytearray, goal: bytearray
) -> Sequence[Sequence[int]]:
    return [sorted(trap) for trap in reference.traps(graph, owed, when, goal)]


def _incomplete(system: System) -> tuple[Verdict, ...]:
    return tuple(
        Verdict(item.name, item.sentence, item.source, "incomplete")
        for item in system.program.eventualities
    )


def _verdicts(
    system: System, graph: Graph, traps: Traps, state: Callable[[int], State]
) -> tuple[Verdict, ...]:
    owed = parties(system)
    found = []
    for item, when, goal in zip(system.program.eventualities, graph.when, graph.goal, strict=True):
        into = traps(graph, owed, when, goal)
        if not into:
            found.append(Verdict(item.name, item.sentence, item.source, "holds"))
            continue
        run = lasso(graph, owed, when, goal, into)
        states = [state(run.start), *(state(graph.target[e]) for e in run.edges)]
        rules = [graph.rule[e] for e in run.edges]
        trace = prove(system, owed, item, states, rules, run.stem)
        found.append(_violated(item, trace, run.stem))
    return tuple(found)


def _violated(item: Eventually, trace: Trace, stem: int) -> Verdict:
    return Verdict(item.name, item.sentence, item.source, "violated", stem, trace, stem)
