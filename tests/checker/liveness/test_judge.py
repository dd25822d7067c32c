# SPDX-License-Identifier: Apache-2.0
"""Three judges of eventualities agree: by definition, by reference, and the quick one."""

from __future__ import annotations

from random import Random

from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from tests.checker import chance
from tests.checker.liveness.definition import goes_on, violated
from xsavvy.checker import Eventually, ModelError, bind
from xsavvy.checker.exploration import Meter
from xsavvy.checker.liveness import component, liveness, reference
from xsavvy.checker.liveness.graph import Graph, explore, parties
from xsavvy.checker.liveness.lasso import lasso
from xsavvy.checker.liveness.quick import Surveyor

CALM = settings(deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
LIMIT = 400


def random_graph(random):
    """Make a graph of a few states, with rules that fairness is owed to or not."""
    count = random.randrange(1, 8)
    owed = [*range(random.randrange(4)), -1, -1]
    graph = Graph(starts=random.randrange(1, count + 1))
    for _ in range(count):
        over = random.random() < 0.05
        graph.terminal.append(over)
        for _ in range(0 if over else random.randrange(4)):
            graph.target.append(random.randrange(count))
            graph.rule.append(random.randrange(len(owed)))
        graph.first.append(len(graph.target))
    when, goal = (
        bytearray(random.random() < chance for _ in range(count)) for chance in (0.5, 0.25)
    )
    return graph, owed, when, goal


def sets(found):
    return {frozenset(each) for each in found}


@settings(CALM, max_examples=800)
@given(st.randoms(use_true_random=False))
def test_three_judges_agree_on_random_graphs(random: Random):
    """A violation is found exactly where the definition has one, in the same sets of states."""
    graph, owed, when, goal = random_graph(random)
    slow = sets(reference.traps(graph, owed, when, goal))
    assert sets(component.traps(graph, owed, when, goal)) == slow
    assert bool(slow) == violated(graph, owed, when, goal)


@settings(CALM, max_examples=800)
@given(st.randoms(use_true_random=False))
def test_a_lasso_is_a_fair_run_that_never_meets_the_goal(random: Random):
    """Where a start leads to a violation there is a lasso, and it is what it should be."""
    graph, owed, when, goal = random_graph(random)
    graph.starts = len(graph)
    traps = component.traps(graph, owed, when, goal)
    assume(traps)
    assert goes_on(graph, owed, when, goal, lasso(graph, owed, when, goal, traps))


def random_system(random):
    """Bind a random program with two random eventualities and some fair events."""
    text, space = chance.load(random)
    program = space["PROGRAM"]
    guards = [
        value
        for name, value in sorted(space.items())
        if name.startswith("guard") and value.__code__.co_argcount == 2
    ]
    for number in range(2):
        when = random.choice([None, *guards])
        item = Eventually(f"q{number}", "q", random.choice(guards), source="-", when=when)
        program = program.with_eventuality(item)
    for event in program.events:
        program = program.replaced_event(event.name, fair=random.random() < 0.5)
    try:
        return text, bind(program, space["Constants"], space["STARTS"])
    except ModelError as bad:
        assume("reached in context" not in str(bad))
        raise


def answer(system, engine):
    """Every verdict with its trace, or the error."""
    try:
        return liveness(system, engine, LIMIT)
    except ModelError as bad:
        return str(bad)


@settings(CALM, max_examples=150)
@given(st.randoms(use_true_random=False))
def test_both_engines_judge_random_programs_alike(random: Random):
    """Graphs are equal, number by number; so are verdicts, stems and loops, or errors."""
    text, system = random_system(random)
    slow, fast = answer(system, "reference"), answer(system, "packed")
    assert slow == fast, text
    if isinstance(slow, str):
        return
    found = explore(system, LIMIT)
    if found is None:
        assert {verdict.verdict for verdict in slow.verdicts} == {"incomplete"}
        return
    graph, states = found
    surveyor = Surveyor(system)
    assert surveyor.draw(LIMIT, Meter())
    assert surveyor.graph == graph, text
    assert [surveyor.state(i) for i in range(len(states))] == states
    if len(graph) <= 10:
        for at, verdict in enumerate(slow.verdicts):
            expected = violated(graph, parties(system), graph.when[at], graph.goal[at])
            assert (verdict.verdict == "violated") == expected, text
