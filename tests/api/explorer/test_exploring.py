# SPDX-License-Identifier: Apache-2.0
"""The explorer: worlds by name, paths walked as far as they go, and what can happen at their end."""

from __future__ import annotations

import random
from importlib.resources import files
from pathlib import Path

import msgspec
import pytest

from xsavvy.api import UsageError
from xsavvy.api.explorer import exploring
from xsavvy.api.explorer.address import WorldAddress
from xsavvy.api.explorer.exploring import Explorer
from xsavvy.cpuid.presets import PRESETS
from xsavvy.kvm import NEWEST

PKRU = WorldAddress("pkru", "v6.18", "sapphire-rapids")
ENTRY = [*range(11, 31)]
"""From KVM_RUN into the guest."""

PATCH = """
from typing import Annotated
from xsavvy.checker import Event, Flag, Property

def ring(s, k):
    "Ring the bell."
    s.bell = s.bell + 1

def own(s, k):
    "The VMM's PKRU is in the register."
    return s.hw_pkru[0] == 3

def patch(program):
    program = program.with_fields(bell=Annotated[int, Flag(), "whether the bell rang"])
    program = program.with_event(Event("ring", "vmm", ring, source="a test"))
    return program.with_property(Property("own_pkru", "The VMM's PKRU stays.", own, source="a test"))
"""


@pytest.fixture(scope="module")
def explorer() -> Explorer:
    """An explorer that keeps what the tests of this file walk."""
    return Explorer(PKRU, platform="sapphire-rapids")


@pytest.fixture(scope="module")
def patched(tmp_path_factory: pytest.TempPathFactory) -> Explorer:
    """An explorer whose model a user's file has changed."""
    file = tmp_path_factory.mktemp("patch") / "bell.py"
    file.write_text(PATCH)
    return Explorer(PKRU, platform="sapphire-rapids", patch=file)


def test_the_catalog_has_what_can_be_chosen(explorer: Explorer) -> None:
    """Scenarios, kernels from old to new, presets, choices with what their values mean, and where to begin."""
    catalog = explorer.catalog()
    assert catalog.start == PKRU
    assert catalog.newest == NEWEST
    assert catalog.kernels.index("v5.19") < catalog.kernels.index("v6.0")
    assert [each.name for each in catalog.platforms] == list(PRESETS)
    asked = {each.name: each for each in catalog.choices}
    assert list(asked["nmi_window"].answers) == asked["nmi_window"].values
    assert "Interrupt" in catalog.lanes.values()


def test_a_world_says_what_is_asked_and_what_is_in_force(explorer: Explorer) -> None:
    """A choice that was made is told beside the kernel's own; properties have their sentences."""
    world = explorer.world(msgspec.structs.replace(PKRU, set={"pkru_home": "with_xstate"}))
    assert (world.choices["pkru_home"], world.usual["pkru_home"]) == ("with_xstate", "vendor_run")
    assert world.set == {"pkru_home": "with_xstate"}
    assert all(each.sentence.endswith(".") for each in (*world.properties, *world.witnesses))
    assert {"hw_pkru[0]"} <= {each.name for each in world.fields}


def test_what_a_request_leaves_open_is_where_the_session_begins(explorer: Explorer) -> None:
    """An empty address is the world to begin with."""
    assert explorer.world(WorldAddress()).digest == explorer.world(PKRU).digest
    fpu = explorer.world(WorldAddress("fpu"))
    assert (fpu.kernel, fpu.platform) == ("v6.18", "sapphire-rapids")


def test_a_path_is_walked_to_its_end(explorer: Explorer) -> None:
    """Each step has its changes, and applying them to the start gives the moment at the end."""
    answer = explorer.walk(PKRU, ENTRY)
    assert answer.stopped is None
    assert answer.path == ENTRY
    values = dict(answer.start.values)
    for step in answer.steps:
        for name, (old, new) in step.changes.items():
            assert values[name] == old
            values[name] = new
    assert {name: text for name, text in values.items() if not name.endswith("_at")} == {
        name: text for name, text in answer.moment.values.items() if not name.endswith("_at")
    }


def test_actors_stand_where_the_steps_lead(explorer: Explorer) -> None:
    """The actors that moved, step by step, end where the moment at the end has them."""
    answer = explorer.walk(PKRU, ENTRY)
    standing = {each.actor: each for each in answer.start.standing}
    for moved in answer.standing:
        standing |= {each.actor: each for each in moved}
    assert list(standing.values()) == answer.moment.standing


def test_a_path_ends_before_what_is_not_possible(explorer: Explorer) -> None:
    """The answer says which number of the path could not be taken and why, and stands before it."""
    answer = explorer.walk(PKRU, [11, 12, 12, 13])
    assert answer.path == [11, 12]
    assert answer.stopped is not None
    assert answer.stopped.at == 2
    assert "is not possible here" in answer.stopped.why
    beyond = explorer.walk(PKRU, [11, 99_999])
    assert beyond.stopped is not None
    assert "rules 0 to" in beyond.stopped.why


def test_moves_lead_where_they_say(explorer: Explorer) -> None:
    """Every move that is offered can be taken, breaks what it says, and no other rule is possible."""
    for length in range(0, len(ENTRY) + 1, 4):
        here = explorer.walk(PKRU, ENTRY[:length])
        offered = {move.rule for move in here.moves}
        for move in here.moves:
            after = explorer.walk(PKRU, [*here.path, move.rule])
            assert after.stopped is None
            assert after.steps[-1].breaks == move.breaks
        rules = range(len(explorer.place(PKRU).walk.system.rules))
        for rule in set(rules) - offered:
            assert explorer.walk(PKRU, [*here.path, rule]).stopped is not None


def test_a_walk_may_leave_out_what_is_known(explorer: Explorer) -> None:
    """Steps from a number on are those of the whole walk; a number beyond the end leaves none."""
    whole, rest = explorer.walk(PKRU, ENTRY), explorer.walk(PKRU, ENTRY, since=15)
    assert rest.since == 15
    assert rest.steps == whole.steps[15:]
    assert rest.standing == whole.standing[15:]
    assert rest.moment == whole.moment
    assert explorer.walk(PKRU, ENTRY, since=10_000).steps == []


def test_what_is_kept_changes_no_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    """Random walks, undone and taken up again, are the same in an explorer that remembers and in one that cannot."""
    dice = random.Random(7)
    keeps = Explorer(PKRU, platform="sapphire-rapids")
    forgets = Explorer(PKRU, platform="sapphire-rapids")
    path: list[int] = []
    for _ in range(60):
        answer = keeps.walk(PKRU, path)
        with monkeypatch.context() as patched:
            patched.setattr(exploring, "MOST_STATES", 0)
            assert forgets.walk(PKRU, path) == answer
        if dice.random() < 0.2:
            path = path[: dice.randrange(len(path) + 1)]
        else:
            path = [*path, dice.choice(answer.moves).rule]


def test_only_so_many_worlds_are_kept() -> None:
    """A world that was not asked for in a while is bound again, with the same answers."""
    explorer = Explorer(PKRU, platform="sapphire-rapids")
    first = explorer.walk(PKRU, ENTRY)
    place = explorer.place(PKRU)
    for number in range(exploring.MOST_WORLDS):
        explorer.place(WorldAddress("pkru", f"v6.{number}"))
    assert explorer.place(PKRU) is not place
    assert explorer.walk(PKRU, ENTRY) == first


def test_the_host_runs_until_it_waits(explorer: Explorer) -> None:
    """A run ends where the host has no step of its own, and what it took is a path."""
    answer = explorer.run(PKRU, [])
    assert answer.path == ENTRY
    assert answer.host is None
    assert answer.moves
    assert explorer.walk(PKRU, answer.path).moment == answer.moment


def test_a_run_can_end_before(explorer: Explorer) -> None:
    """It ends at a limit, where something new can come, or where a property turns."""
    assert explorer.run(PKRU, [], limit=3).path == ENTRY[:3]
    events = {move.rule for move in explorer.walk(PKRU, []).moves if move.event}
    answer = explorer.run(PKRU, [], until="event")
    assert {move.rule for move in answer.moves if move.event} - events
    before = explorer.walk(PKRU, answer.path[:-1])
    assert not {move.rule for move in before.moves if move.event} - events


def test_a_run_ends_where_a_property_turns(patched: Explorer) -> None:
    """In a world with a property that breaks on the way, the run stops right there."""
    answer = patched.run(PKRU, [], until="property")
    assert answer.steps[-1].breaks == ["own_pkru"]
    assert answer.steps[-1].move.step == "vmx_vcpu_run.kvm_load_guest_pkru"
    assert all(not step.breaks for step in answer.steps[:-1])


def test_a_run_in_circles_ends(explorer: Explorer) -> None:
    """Where tasks take turns until something else comes, the run says so instead of going on."""
    here = explorer.walk(PKRU, ENTRY[:1])
    preemption = next(move.rule for move in here.moves if move.step == "preemption")
    answer = explorer.run(PKRU, [*here.path, preemption])
    assert answer.why == "the host goes in circles until something happens"
    assert len(answer.path) < 200
    assert answer.host is not None


@pytest.mark.parametrize(
    ("address", "words"),
    [
        (WorldAddress("pkur"), "no scenario 'pkur'; nearest: pkru"),
        (WorldAddress(kernel="v9.9"), "kernel 'v9.9': expected a version"),
        (WorldAddress(platform="/etc/passwd"), "no platform '/etc/passwd'"),
        (WorldAddress(set={"no_choice": "x"}), "no choice 'no_choice'"),
        (WorldAddress(set={"nmi_window": "ajar"}), "no value of nmi_window 'ajar'"),
        (WorldAddress("xfd", platform="genoa"), "not applicable to genoa"),
        (WorldAddress(kernel="v" * 5_000), "expected names of at most"),
    ],
    ids=lambda each: each if isinstance(each, str) else "",
)
def test_a_wrong_name_is_one_line(explorer: Explorer, address: WorldAddress, words: str) -> None:
    """What no world is called becomes a usage error with the nearest names."""
    with pytest.raises(UsageError, match=words[:40].replace("(", r"\(")) as error:
        explorer.world(address)
    assert words in str(error.value)
    assert "\n" not in str(error.value)


def test_a_request_cannot_name_a_file(tmp_path: Path) -> None:
    """A dump is a platform only if the session began with it, and then by its name without folders."""
    dump = tmp_path / "mine.txt"
    genoa = files("xsavvy.cpuid").joinpath("platforms", "genoa.txt").read_text()
    dump.write_text(genoa)
    other = tmp_path / "other.txt"
    other.write_text(genoa)
    explorer = Explorer(platform=str(dump))
    assert explorer.begin.platform == "mine.txt"
    assert explorer.catalog().platforms[0].name == explorer.catalog().dump == "mine.txt"
    assert not Explorer(platform="genoa").catalog().dump
    assert explorer.world(WorldAddress(platform="mine.txt")).platform == "mine.txt"
    for name in (str(other), "other.txt", str(dump), "../mine.txt"):
        with pytest.raises(UsageError, match="no platform"):
            explorer.world(WorldAddress(platform=name))


def test_a_patch_changes_every_world(patched: Explorer) -> None:
    """What a patch adds is in the world to begin with and in every other."""
    for address in (PKRU, WorldAddress("fpu", "v6.1")):
        assert "own_pkru" in [each.name for each in patched.world(address).properties]
    assert patched.catalog().patch == "bell.py"


def test_a_step_that_breaks_the_model_is_told(patched: Explorer) -> None:
    """Where a patch's event writes what its field cannot hold, the walk stops and one line says so."""
    ring = next(move.rule for move in patched.walk(PKRU, []).moves if move.step == "ring")
    answer = patched.walk(PKRU, [ring])
    assert answer.moment.values["bell"] == "1"
    assert answer.moves == []
    assert answer.stopped is not None
    assert "ring: bell = 2 (0x2) is not" in answer.stopped.why
    again = patched.walk(PKRU, [ring, ring])
    assert again.stopped is not None
    assert (again.stopped.at, again.path) == (1, [ring])


def test_a_link_of_another_model_says_so(explorer: Explorer) -> None:
    """The digest of the model that a path was made in is compared."""
    digest = explorer.walk(PKRU, []).digest
    assert explorer.walk(PKRU, [], digest=digest).same_model
    assert explorer.walk(PKRU, []).same_model
    assert not explorer.walk(PKRU, [], digest="00000000").same_model
