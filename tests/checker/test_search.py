# SPDX-License-Identifier: Apache-2.0
"""What a search reports, by every engine."""

from __future__ import annotations

import dataclasses
import itertools
from typing import Annotated

import pytest

from tests.checker import lamp
from xsavvy.checker import (
    REST,
    Actor,
    CheckerError,
    Event,
    Mask,
    ModelError,
    Path,
    Property,
    Step,
    bind,
    exploration,
    search,
)
from xsavvy.checker import packed as packed_engine

ENGINES = pytest.mark.parametrize("engine", ["reference", "packed", "compiled"])

DICTS = pytest.mark.parametrize("engine", ["reference", "packed"])  # look between two states


def look(program, engine, constants=lamp.Constants(), **options):  # noqa: B008 (frozen)
    return search(bind(program, constants), engine, **options)


@ENGINES
def test_every_interleaving_is_counted(engine):
    """States, transitions and depth are those of a drawing by hand.

    The cycle turns twice and waits: 3 + 3 + 2 locations, one of the three of each turn open to
    a touch, with four settings of the bulbs.
    """
    found = look(lamp.program(), engine)
    assert (found.states, found.transitions, found.depth) == (32, 28 + 2 * 12, 9)
    assert found.complete
    assert found.engine == engine


@ENGINES
def test_a_violated_property_has_a_shortest_trace(engine):
    """The trace names actor, step, source, arguments, and what changed from what to what."""
    found = look(lamp.program(), engine)
    verdict = found.verdict("counts_within_reason")
    assert (verdict.verdict, verdict.depth, verdict.source) == ("violated", 5, "wish")
    trace = verdict.trace
    assert trace.start == {
        "where": "cycle.green", "colour": "red", "count": "0", "wires": "0x10", "bulbs[0]": "1",
        "bulbs[1]": "0", "label": "5",
    }  # fmt: skip
    assert [hop.step for hop in trace.hops] == [
        "cycle.green", "cycle.count", "cycle.red", "cycle.green", "cycle.count",
    ]  # fmt: skip
    hop = trace.hops[0]
    assert (hop.actor, hop.source, hop.summary) == ("lamp", "manual", "Go green.")
    assert hop.changes == {
        "where": ("cycle.green", "cycle.count"), "colour": ("red", "green"),
        "wires": ("0x10", "0x214"),
    }  # fmt: skip
    assert trace.end["count"] == "2"


def both_bulbs(s, k):
    return not (s.bulbs[0] and s.bulbs[1])


@ENGINES
def test_an_event_shows_what_was_chosen(engine):
    """The hop of an event has its actor, its arguments, whom it interrupts, and its status."""
    prop = Property("one", "Never both.", both_bulbs, source="test")
    trace = look(lamp.program(properties=(prop,)), engine).verdict("one").trace
    (hop,) = trace.hops
    assert (hop.actor, hop.step, hop.interrupted, hop.inferred) == ("hand", "touch", "lamp", True)
    assert hop.arguments == {"bulb": "1"}
    assert hop.changes == {"bulbs[1]": ("0", "1")}


@ENGINES
def test_a_property_false_at_the_start_has_an_empty_trace(engine):
    """The depth is then 0, and there is no hop."""
    prop = Property("green", "Always green.", lamp.is_green, source="test")
    verdict = look(lamp.program(properties=(prop,)), engine).verdict("green")
    assert (verdict.depth, len(verdict.trace)) == (0, 0)


@ENGINES
def test_a_witness_is_seen_by_a_shortest_trace(engine):
    """A state that must be reachable is shown, or said to be unseen."""
    found = look(lamp.program(), engine)
    seen = found.witness("green")
    assert (seen.verdict, seen.depth, seen.trace.hops[0].step) == ("seen", 1, "cycle.green")
    stuck = look(lamp.program().replaced("cycle.green", when=lamp.is_green), engine)
    assert stuck.witness("green").verdict == "unseen"


@ENGINES
def test_a_deadlock_is_counted_unless_it_is_terminal(engine):
    """A state where nothing can happen is a deadlock, but not where the program ends."""
    program = lamp.program()
    found = look(program, engine)
    assert (found.deadlocks.count, found.deadlocks.trace.end["where"]) == (4, "cycle.count")
    assert len(found.deadlocks.trace) == 7
    ended = look(dataclasses.replace(program, terminal=is_worn), engine)
    assert ended.deadlocks.count == 0
    assert ended.states < found.states


def is_worn(s, k):
    return s.count == 2


@ENGINES
def test_what_never_happens_is_named(engine):
    """Steps never taken and events never fired are reported by name."""
    program = lamp.program().inserted(
        Step("never", lamp.nothing, source="test", when=is_absurd), after="cycle.red"
    )
    event = Event("never too", "x", lamp.nothing, source="test", when=is_absurd)
    found = look(program.with_event(event), engine)
    assert found.unreached.steps == ("cycle.never",)
    assert found.unreached.events == ("never too",)


def is_absurd(s, k):
    return s.count == 2 and s.count == 1


@ENGINES
def test_an_outcome_leads_to_its_label(engine):
    """A broken lamp rests after red; the outcome is an integer, the label its target."""
    found = look(lamp.program(), engine, lamp.Constants(broken=True))
    assert found.deadlocks.count == 4
    assert found.deadlocks.trace.end["where"] == "rest"
    assert found.verdict("counts_within_reason").verdict == "holds"


@DICTS
@pytest.mark.parametrize("limit", [1, 5, 31, 32, 33])
def test_a_limit_ends_the_search_in_the_same_place(engine, limit):
    """Exploration stops before the next state when enough are known; then it is incomplete."""
    found = look(lamp.program(), engine, max_states=limit)
    assert found.complete == (limit > 32)
    assert min(limit, 32) <= found.states <= min(limit + 2, 32)
    verdict = found.verdict("counts_within_reason").verdict
    assert verdict == ("incomplete" if limit < 20 else "violated")


@pytest.fixture
def eager(monkeypatch):
    """Progress is shown whenever it can be."""
    monkeypatch.setattr(exploration, "INTERVAL", 0.0)


@DICTS
def test_an_interrupt_from_the_keyboard_keeps_what_was_found(engine, eager):
    """Ctrl-C ends the search with an incomplete answer."""

    def stop(*_):
        raise KeyboardInterrupt

    system = bind(endless(), lamp.Constants())
    found = search(system, engine, progress=stop)
    assert not found.complete
    assert found.states > 1


def endless():
    """Big enough that a progress report comes before the end."""
    return lamp.program(
        record=Big, actors=(), properties=(), witnesses=(),
        events=(Event("flip", "x", flip, source="test", choose={"bit": range(16)}),),
    )  # fmt: skip


def flip(s, k, bit):
    s.all ^= 1 << bit


class Big(lamp.Lamp):
    all: Annotated[int, Mask(0xFFFF), "sixteen switches"]


@DICTS
def test_progress_is_shown_now_and_then(engine, eager):
    """The callback gets states, transitions, depth, frontier and seconds, growing."""
    reports = []
    system = bind(endless(), lamp.Constants())
    found = search(system, engine, max_states=3000, progress=lambda *row: reports.append(row))
    assert reports
    for before, after in itertools.pairwise(reports):
        assert before[0] <= after[0] <= found.states
        assert before[4] < after[4]
    assert all(len(row) == 5 and row[3] > 0 for row in reports)


@pytest.mark.parametrize("engine", ["fast", ""])
def test_an_unknown_engine_is_refused(engine):
    """The message names the engines that there are."""
    with pytest.raises(CheckerError, match="no engine"):
        look(lamp.program(), engine)


def overflow(s, k):
    s.count += 1


def bad_index(s, k):
    s.bulbs[s.count] = 1


def bad_shift(s, k):
    s.wires = s.wires & 0 << (s.count - 1)


@ENGINES
@pytest.mark.parametrize(
    ("effect", "words"),
    [
        (overflow, r"cycle\.count: count = 3 \(0x3\) is not 0\.\.2"),
        (bad_index, r"cycle\.count: IndexError: list assignment index out of range"),
        (bad_shift, r"cycle\.count: ValueError: negative shift count"),
    ],
)
def test_an_illegal_value_is_an_error_of_the_model(engine, effect, words):
    """Nothing wraps around: the step and the field are named, by either engine."""
    program = lamp.program().replaced("cycle.count", effect=effect, when=None)
    if effect is bad_index:
        program = program.inserted(
            Step("more", overflow, source="test", when=lamp.may_count), before="cycle.count"
        )
    with pytest.raises(ModelError, match=words):
        look(program, engine)


def bad_guard(s, k):
    return s.bulbs[s.count] | 1


@ENGINES
def test_an_error_in_a_property_names_it(engine):
    """A property that cannot be judged is an error of the model, not a violation."""
    prop = Property("odd", "Odd.", bad_guard, source="test")
    with pytest.raises(ModelError, match="odd: IndexError"):
        look(lamp.program(properties=(prop,)), engine)


def test_fields_say_what_they_cost():
    """Each field has its legal values, its bits, and its value if it is constant."""
    fields = {item.name: item for item in look(lamp.program(), "packed").fields}
    assert (fields["wires"].bits, fields["colour"].bits, fields["where"].bits) == (3, 2, 2)
    assert (fields["label"].bits, fields["label"].constant) == (0, "5")
    assert (fields["context"].bits, fields["bulbs[1]"].bits) == (0, 1)
    assert fields["count"].doc == "how often it was green"


def test_engines_that_disagree_are_an_error_of_the_checker(monkeypatch):
    """A trace that the model's functions do not confirm is never shown."""
    explore = packed_engine.Machine.explore

    def lie(self, limit, meter):
        found = explore(self, limit, meter)
        found.violated[0] = next(iter(found.parent))
        return found

    monkeypatch.setattr(packed_engine.Machine, "explore", lie)
    with pytest.raises(CheckerError, match="the engines disagree"):
        look(lamp.program(), "packed")


def seven(s, k):
    return 7


@ENGINES
def test_events_move_actors(engine):
    """`moves` sends an actor whatever the outcome, `to` has the last word, REST needs `at`."""
    path = Path("work", (Step("go", lamp.nothing, source="test"),))
    call = Event(
        "call", "x", seven, source="test", interrupts=("lamp",), at=(REST,),
        moves={"lamp": "work"},
    )  # fmt: skip
    program = lamp.program(
        actors=(Actor("lamp", "where", lamp.runs, (path,)),), events=(call,), properties=()
    )
    found = look(program, engine)
    assert (found.states, found.transitions, found.deadlocks.count) == (2, 2, 0)
    stays = look(program.replaced_event("call", to={7: REST}), engine)
    assert (stays.states, stays.transitions) == (1, 1)
    everywhere = look(program.replaced_event("call", at=("*",)), engine)
    assert (everywhere.states, everywhere.transitions) == (2, 3)
    nowhere = look(program.replaced_event("call", at=()), engine)
    assert (nowhere.states, nowhere.deadlocks.count) == (1, 1)
