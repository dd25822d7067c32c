# SPDX-License-Identifier: Apache-2.0
"""Edits of programs: each returns a new program, or names what was meant."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.checker import lamp
from xsavvy.checker import EditError, Event, Path, Property, Step, Witness, bind, search


def names(program, path="cycle"):
    return [s.name for p in program.paths() if p.name == path for s in p.steps]


EXTRA = Step("extra", lamp.nothing, source="test")
PULL = Event("pull", "hand", lamp.nothing, source="test")


def test_a_step_is_replaced_inserted_moved_and_removed():
    """Each edit gives a new program and leaves the old one as it was."""
    old = lamp.program()
    assert names(old.inserted(EXTRA, before="cycle.count")) == ["green", "extra", "count", "red"]
    assert names(old.inserted(EXTRA, after="cycle.red")) == ["green", "count", "red", "extra"]
    assert names(old.moved("cycle.red", before="cycle.green")) == ["red", "green", "count"]
    assert names(old.moved("cycle.green", after="cycle.red")) == ["count", "red", "green"]
    assert names(old.removed("cycle.count")) == ["green", "red"]
    assert names(old.replaced("cycle.red", name="dark")) == ["green", "count", "dark"]
    assert old.replaced("cycle.red", summary="x").step("cycle.red").summary == "x"
    assert names(old) == ["green", "count", "red"]


def test_a_step_moves_to_another_path():
    """A step can be moved beside a step of another path."""
    program = lamp.program().with_path("lamp", Path("other", (EXTRA,)))
    moved = program.moved("cycle.red", after="other.extra")
    assert names(moved, "other") == ["extra", "red"]
    assert names(moved) == ["green", "count"]


def test_events_properties_and_witnesses_are_edited():
    """What is added is there, what is replaced is changed, what is removed is gone."""
    prop = Property("fine", "Fine.", lamp.runs, source="test")
    witness = Witness("seen", "Seen.", lamp.runs)
    new = lamp.program().with_event(PULL).with_property(prop).with_witness(witness)
    assert [e.name for e in new.events] == ["touch", "pull"]
    assert [p.name for p in new.properties] == ["counts_within_reason", "fine"]
    assert [w.name for w in new.witnesses] == ["green", "seen"]
    new = new.replaced_event("pull", actor="foot").replaced_property("fine", sentence="Good.")
    assert (new.events[1].actor, new.properties[1].sentence) == ("foot", "Good.")
    gone = new.without_event("touch").without_property("fine").without_witness("green")
    assert (len(gone.events), len(gone.properties), len(gone.witnesses)) == (1, 1, 1)


def test_several_are_added_in_their_order():
    """A part that brings many events and paths adds them in one call."""
    push = replace(PULL, name="push")
    new = lamp.program().with_event(PULL, push).with_path("lamp", Path("x", ()), Path("y", ()))
    assert [e.name for e in new.events] == ["touch", "pull", "push"]
    assert [path.name for path in new.actors[0].paths][-2:] == ["x", "y"]
    assert lamp.program().with_event() == lamp.program()


def test_an_edit_changes_what_the_search_finds():
    """Without the step that counts, nothing is counted, and the property holds."""
    before = search(bind(lamp.program(), lamp.Constants()))
    after = search(bind(lamp.program().removed("cycle.count"), lamp.Constants()))
    assert before.verdict("counts_within_reason").verdict == "violated"
    assert after.verdict("counts_within_reason").verdict == "holds"


@pytest.mark.parametrize(
    ("edit", "words"),
    [
        (lambda p: p.removed("cycle.cuont"), "no step 'cycle.cuont'; nearest: cycle.count"),
        (lambda p: p.removed("count"), "'count' is not a step; write \"path.step\""),
        (lambda p: p.replaced("cycle.red", efect=1), "no attribute 'efect'; nearest: effect"),
        (lambda p: p.replaced("cycle.red", name="count"), "has a step 'count' already"),
        (lambda p: p.inserted(EXTRA), "insert 'extra': say either before= or after="),
        (
            lambda p: p.inserted(EXTRA, before="cycle.red", after="cycle.red"),
            "say either before= or after=",
        ),
        (lambda p: p.moved("cycle.red", after="cycle.red"), "beside itself"),
        (lambda p: p.moved("cycle.red", after="cycle.gren"), "nearest: cycle.green"),
        (lambda p: p.without_event("tuch"), "no event 'tuch'; nearest: touch"),
        (lambda p: p.without_property("x"), "no property 'x'; valid: counts_within_reason"),
        (lambda p: p.with_event(p.events[0]), "event 'touch' is there already"),
        (lambda p: p.with_event(PULL, PULL), "event 'pull' is there already"),
        (lambda p: p.with_path("lmap", Path("x", ())), "no actor 'lmap'; nearest: lamp"),
        (lambda p: p.with_path("lamp", Path("cycle", ())), "a path 'cycle' is there already"),
        (
            lambda p: p.with_path("lamp", Path("x", ()), Path("x", ())),
            "a path 'x' is there already",
        ),
        (lambda p: p.without_path("cyle"), "no path 'cyle'; nearest: cycle"),
        (lambda p: p.replaced_path("cycle", them="x"), "no attribute 'them'; nearest: then"),
    ],
)
def test_a_wrong_edit_names_what_is_near(edit, words):
    """The message tells what was asked and the nearest valid names."""
    with pytest.raises(EditError) as caught:
        edit(lamp.program())
    assert words in str(caught.value)
