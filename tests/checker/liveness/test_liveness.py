# SPDX-License-Identifier: Apache-2.0
"""What fairness promises and what it does not, each on a program of a few states."""

from __future__ import annotations

from typing import Annotated

import pytest

from xsavvy.checker import (
    Actor,
    Below,
    EditError,
    Event,
    Eventually,
    Location,
    ModelError,
    Path,
    Program,
    Record,
    Step,
    bind,
)
from xsavvy.checker.liveness import liveness

ENGINES = pytest.mark.parametrize("engine", ["reference", "packed"])


class Door(Record):
    at: Annotated[int, Location("porter"), "where the porter is"]
    open: Annotated[int, Below(2), "whether the door is open"]
    bells: Annotated[int, Below(3), "how often the bell has rung"]


class NONE:
    pass


def nothing(s, k):
    pass


def always(s, k):
    return 1


def open_door(s, k):
    s.open = 1


def ring(s, k):
    s.bells = 1 if s.bells == 0 else 2


def back(s, k):
    return 1


def is_open(s, k):
    return s.open


def rang(s, k):
    return s.bells != 0


def is_shut(s, k):
    return s.open == 0


def walk(*steps, then="walk", **parts):
    """Make a program of one porter on one path, who opens the door by and by."""
    names = dict(enumerate("abcdef"))
    path = Path(
        "walk",
        tuple(Step(names[i], step, source="-") for i, step in enumerate(steps)),
        then=then,
    )
    goal = parts.pop("goal", is_open)
    when = parts.pop("when", None)
    item = Eventually("opens", "The door is opened.", goal, source="-", when=when)
    porter = Actor("porter", "at", parts.pop("runs", always), (path,), start="walk")
    return Program(Door, (porter,), eventualities=(item,), **parts)


def judge(program, engine, **limits):
    """Judge the one eventuality of a program."""
    (verdict,) = liveness(bind(program, NONE), engine, **limits).verdicts
    return verdict


def steps(verdict):
    """Names of a lasso's stem and of its loop."""
    names = [hop.step for hop in verdict.trace.hops]
    return names[: verdict.loop], names[verdict.loop :]


@ENGINES
def test_a_step_that_is_enabled_is_taken(engine):
    """Nobody can stand before a step that he could take for ever."""
    assert judge(walk(nothing, open_door), engine).verdict == "holds"


@ENGINES
def test_who_goes_round_without_the_goal_is_shown(engine):
    """The lasso is the round; nothing leads to it, so its stem is empty."""
    verdict = judge(walk(nothing, nothing), engine)
    assert (verdict.verdict, verdict.depth, verdict.loop) == ("violated", 0, 0)
    assert steps(verdict) == ([], ["walk.a", "walk.b"])


@ENGINES
def test_an_event_cannot_come_before_the_same_step_for_ever(engine):
    """A bell that sends the porter back to where he came from is not an excuse."""
    bell = Event(
        "bell", "guest", back, source="-", interrupts=("porter",), at=("walk.b",), to={1: "walk.a"}
    )
    assert judge(walk(nothing, open_door, events=(bell,)), engine).verdict == "holds"


@ENGINES
def test_an_event_need_not_happen_unless_it_is_fair(engine):
    """A goal that waits for the environment waits for ever, unless that is declared fair."""
    bell = Event("bell", "guest", open_door, source="-", when=is_shut)
    silent = judge(walk(nothing, events=(bell,)), engine)
    assert silent.verdict == "violated"
    assert steps(silent) == ([], ["walk.a"])
    fair = Event("bell", "guest", open_door, source="-", when=is_shut, fair=True)
    assert judge(walk(nothing, events=(fair,)), engine).verdict == "holds"


@ENGINES
def test_a_run_may_end_where_only_the_environment_could_go_on(engine):
    """Its lasso has a stem and no loop: nothing is owed to an event."""
    bell = Event("bell", "guest", open_door, source="-", when=is_shut)
    verdict = judge(walk(nothing, then="rest", events=(bell,)), engine)
    assert steps(verdict) == (["walk.a"], [])
    assert verdict.loop == verdict.depth == len(verdict.trace) == 1


@ENGINES
def test_a_deadlock_violates_and_an_end_does_not(engine):
    """Where nothing is enabled the goal never comes; where the model ends none is asked for."""
    stuck = walk(nothing, ring, then="rest")
    assert steps(judge(stuck, engine)) == (["walk.a", "walk.b"], [])
    ended = walk(nothing, ring, then="rest", terminal=rang)
    assert judge(ended, engine).verdict == "holds"


@ENGINES
def test_only_what_was_asked_for_is_owed(engine):
    """The goal counts from the first state in which `when` is true, that state included."""
    assert judge(walk(nothing, nothing, when=rang), engine).verdict == "holds"
    later = judge(walk(open_door, ring, when=rang, goal=is_shut), engine)
    assert steps(later) == (["walk.a", "walk.b"] * 2, ["walk.a", "walk.b"])
    assert judge(walk(ring, open_door, when=rang), engine).verdict == "holds"


@ENGINES
def test_half_a_graph_proves_nothing(engine):
    """Beyond the limit every verdict is open, even where a loop is in sight."""
    verdict = judge(walk(nothing, ring), engine, max_states=2)
    assert (verdict.verdict, verdict.trace, verdict.loop) == ("incomplete", None, None)


@ENGINES
def test_a_guard_that_fails_is_named(engine):
    """A goal that cannot be computed is an error of the model."""

    def broken(s, k):
        return 1 << (s.bells - 3)

    with pytest.raises(ModelError, match="broken"):
        judge(walk(nothing, goal=broken), engine)


def test_an_eventuality_is_checked_when_it_is_bound():
    """Its functions keep to the dialect and know the fields, and its name is its own."""

    def unknown(s, k):
        return s.window

    with pytest.raises(ModelError, match="window"):
        bind(walk(nothing, goal=unknown), NONE)
    program = walk(nothing)
    with pytest.raises(EditError, match="opens"):
        program.with_eventuality(program.eventualities[0])
    assert program.without_eventuality("opens").eventualities == ()
    with pytest.raises(EditError, match="no eventuality 'shuts'"):
        program.without_eventuality("shuts")


def test_without_eventualities_nothing_is_drawn():
    """A program that asks for nothing has no verdicts."""
    assert liveness(bind(walk(nothing).without_eventuality("opens"), NONE)).verdicts == ()
