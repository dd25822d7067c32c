# SPDX-License-Identifier: Apache-2.0
"""Locations and contexts: what holds where, and what cannot be built."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.checker import lamp
from xsavvy.checker import REST, Actor, Event, ModelError, Path, Step, bind, layout, listing

STAY = Step("stay", lamp.nothing, source="test")


def with_paths(*paths, start="cycle", **changes):
    """A lamp with these paths."""
    actor = Actor("lamp", "where", lamp.runs, paths, start=start, **changes)
    return lamp.program(actors=(actor,), events=(), properties=(), witnesses=())


def contexts(program):
    return {row.label: row.contexts for row in layout(program)}


def test_a_context_holds_from_the_next_boundary_on():
    """A step that enters a context does not run in it yet; one that leaves it still does."""
    assert contexts(lamp.program()) == {
        "rest": (),
        "cycle.green": (),
        "cycle.count": ("locked",),
        "cycle.red": ("locked",),
    }


def test_paths_can_be_printed():
    """The listing has a line for each step with its context and its source."""
    lines = listing(lamp.program()).splitlines()
    assert lines[0] == "lamp"
    assert lines[2].split() == ["2", "cycle.count", "[locked]", "manual"]


def test_a_start_has_the_context_of_its_actor():
    """Rest and the start have the actor's own context, and bits without a name are shown."""
    program = with_paths(Path("cycle", (STAY,), then="cycle"), context=lamp.DARK | 8)
    assert contexts(program) == {"rest": ("dark", "0x8"), "cycle.stay": ("dark", "0x8")}


def to_label(s, k):
    return 1 if s.count else None


def only_to_label(s, k):
    return 1


def test_a_branch_carries_its_context_along():
    """The target of an outcome has the context after the step."""
    jump = Step("jump", only_to_label, source="test", to={1: "far"}, enters=lamp.LOCKED)
    program = with_paths(Path("cycle", (jump, STAY)), Path("far", (STAY,)))
    assert contexts(program)["far.stay"] == ("locked",)
    assert contexts(program)["cycle.stay"] == ()  # never reached, so as the actor begins


def test_two_contexts_at_one_place_are_refused():
    """The message names the place, both contexts, and where each came from."""
    jump = Step("jump", to_label, source="test", to={1: "far"}, enters=lamp.LOCKED)
    back = Step("back", lamp.nothing, source="test", leaves=lamp.LOCKED)
    program = with_paths(Path("cycle", (jump, back), then="far"), Path("far", (STAY,)))
    with pytest.raises(ModelError) as caught:
        bind(program, lamp.Constants())
    message = str(caught.value)
    assert message.startswith("far.stay: reached in context ")
    assert "{locked} from cycle.jump" in message
    assert "{} from cycle.back" in message


def test_an_event_at_a_place_carries_its_context_along():
    """What an event with `at` starts has the context of the place that it interrupts."""
    path = Path("cycle", (Step("in", lamp.nothing, source="test", enters=lamp.LOCKED), STAY))
    event = Event(
        "call", "x", lamp.nothing, source="test", interrupts=("lamp",), at=("cycle.stay",),
        moves={"lamp": "far"},
    )  # fmt: skip
    program = replace(with_paths(path, Path("far", (STAY,))), events=(event,))
    assert contexts(program)["far.stay"] == ("locked",)
    abandon = replace(program, events=(replace(event, at=()),))
    assert contexts(abandon)["far.stay"] == ()


@pytest.mark.parametrize(
    ("program", "words"),
    [
        (
            lambda: lamp.program().replaced("cycle.green", enters=0),
            "cycle.count: needs {locked}, but the context there is {}",
        ),
        (
            lambda: lamp.program().replaced("cycle.red", to={7: "cycel"}),
            "cycle.red: actor 'lamp' has no label 'cycel'; nearest: cycle",
        ),
        (
            lambda: lamp.program().replaced_path("cycle", then="cycle.gren"),
            "path 'cycle': actor 'lamp' has no label 'cycle.gren'; nearest: cycle.green",
        ),
        (lambda: with_paths(Path("cycle", (STAY, STAY))), "path 'cycle' has two steps 'stay'"),
        (
            lambda: with_paths(Path("cycle", (STAY,)), Path("cycle", (STAY,))),
            "path name 'cycle' is used twice",
        ),
        (
            lambda: with_paths(Path(REST, ()), start=REST),
            "path name 'rest' is used twice, reserved",
        ),
        (
            lambda: with_paths(Path("cycle", (), then="b"), Path("b", (), then="cycle")),
            "the empty paths cycle, b form a circle",
        ),
        (
            lambda: lamp.program().replaced_event("touch", at=("cicle.*",)),
            "event 'touch': no path 'cicle' with steps; nearest: cycle",
        ),
    ],
)
def test_what_cannot_be_built_is_named(program, words):
    """The message names the step or path, and the nearest valid label."""
    with pytest.raises(ModelError) as caught:
        bind(program(), lamp.Constants())
    assert words in str(caught.value)


def test_an_empty_path_leads_on():
    """The label of a path without steps is the label that it leads to."""
    program = with_paths(Path("cycle", (), then="far"), Path("far", (STAY,), then="cycle"))
    system = bind(program, lamp.Constants())
    assert system.shape.thaw(system.starts[0]).where == 1
