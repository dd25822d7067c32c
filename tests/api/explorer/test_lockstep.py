# SPDX-License-Identifier: Apache-2.0
"""Two worlds on the same events: identity, moved steps, designs, and bugs beside their fixes."""

from __future__ import annotations

import random

import pytest

from xsavvy.api.explorer.address import WorldAddress
from xsavvy.api.explorer.alignment import Label, aligned
from xsavvy.api.explorer.companion import Companion
from xsavvy.api.explorer.explored import LockstepAnswer
from xsavvy.api.explorer.exploring import Explorer
from xsavvy.api.explorer.seeker import Wish, seek
from xsavvy.model.gallery import Bug, bugs

BUGS = {bug.id: bug for bug in bugs() if not bug.reason}
WINDOW = "nmi_reads_user_memory_under_host_pkru"


def counterexample(world: WorldAddress, name: str) -> list[int]:
    """Find the shortest way to the violation of a property."""
    asked = (world.scenario, world.kernel, world.platform, world.set)
    found = seek(Wish(*asked, "", name, "", [], 300_000))
    assert found.verdict == "violated"
    return found.path


def sides(bug: Bug) -> tuple[WorldAddress, WorldAddress]:
    """Return the worlds of a bug, before its fix and after it."""
    chosen = dict(bug.choices)
    before = WorldAddress(bug.scenario, bug.before, bug.platform, chosen)
    return before, WorldAddress(bug.scenario, bug.after, bug.platform, chosen)


def both(left: WorldAddress, right: WorldAddress, path: list[int]) -> LockstepAnswer:
    """Walk two worlds in lockstep."""
    return Explorer(left, platform="genoa").lockstep(left, right, path)


def rows(answer: LockstepAnswer) -> list[tuple[str, str]]:
    """Name the steps of each row."""
    left, right = answer.left.steps, answer.right.steps
    return [
        (
            "" if row.left is None else left[row.left].move.step,
            "" if row.right is None else right[row.right].move.step,
        )
        for row in answer.pairs
    ]


def is_whole(answer: LockstepAnswer) -> bool:
    """Tell whether every step of each side is in one row, in order."""
    left = [row.left for row in answer.pairs if row.left is not None]
    right = [row.right for row in answer.pairs if row.right is not None]
    return left == list(range(len(answer.left.steps))) and right == list(
        range(len(answer.right.steps))
    )


@pytest.mark.parametrize("scenario", ["pkru", "fpu", "signals", "nested-pkru", "moves", "cet"])
def test_a_world_never_parts_from_itself(scenario: str) -> None:
    """On any walk, both sides take the same rules and nothing differs."""
    world = WorldAddress(scenario, "v6.18", "sapphire-rapids")
    explorer = Explorer(world, platform="sapphire-rapids")
    dice = random.Random(scenario)
    path: list[int] = []
    while len(path) < 120:
        here = explorer.run(world, path, limit=dice.randrange(12))
        if not here.moves:
            break
        path = [*here.path, dice.choice(here.moves).rule]
    answer = explorer.lockstep(world, world, path)
    assert answer.right.path == path
    assert answer.parted is None
    assert answer.softly is None
    assert not answer.differs
    assert not answer.only_left
    assert not answer.only_right
    assert all(row.left == row.right and not row.differs for row in answer.pairs)


def test_a_step_that_was_moved_is_the_same_step() -> None:
    """v6.19 writes the guest's PKRU in vcpu_enter_guest(); it pairs with the write in vmx_vcpu_run() before."""
    left = WorldAddress("pkru", "v6.18", "sapphire-rapids")
    explorer = Explorer(left, platform="sapphire-rapids")
    path = explorer.run(left, []).path
    answer = explorer.lockstep(left, WorldAddress("pkru", "v6.19"), path)
    moved = ("vmx_vcpu_run.kvm_load_guest_pkru", "vcpu_enter_guest.kvm_load_guest_pkru")
    assert moved in rows(answer)
    assert answer.parted is None
    assert answer.differs == []
    assert answer.left.host is answer.right.host is None


def test_a_step_that_only_one_side_has_stands_alone() -> None:
    """With the registers' swap, the guest's PKRU is there sooner: the step is in another place, and PKRU differs."""
    left = WorldAddress("pkru", "v6.18", "sapphire-rapids")
    right = WorldAddress("pkru", "v6.18", "sapphire-rapids", {"pkru_home": "with_xstate"})
    answer = both(left, right, counterexample(left, WINDOW))
    names = rows(answer)
    assert ("", "kvm_load_guest_fpu.kvm_load_guest_pkru") in names
    assert ("vmx_vcpu_run.kvm_load_guest_pkru", "") in names
    assert names[-1] == ("NMI", "NMI")
    assert answer.softly is not None
    assert answer.softly.fields == ["hw_pkru[0]"]
    assert answer.softly.at == names.index(("", "kvm_load_guest_fpu.kvm_load_guest_pkru")) + 1


def test_an_event_that_is_masked_on_one_side_parts_them() -> None:
    """On SVM, v6.18 writes PKRU with GIF clear: the NMI of the window on VMX cannot come there."""
    left = WorldAddress("pkru", "v6.18", "sapphire-rapids")
    answer = both(left, WorldAddress("pkru", "v6.18", "genoa"), counterexample(left, WINDOW))
    assert answer.parted is not None
    assert rows(answer)[answer.parted.at] == ("NMI", "")
    assert "it cannot come where vcpu is on the right" in answer.parted.why
    assert ("", "svm_vcpu_run.clgi") in rows(answer)
    assert answer.broken == {"left": [WINDOW], "right": []}


def test_two_designs_of_one_question_part_where_they_differ() -> None:
    """Where every write of IA32_XFD is intercepted, one exits that goes through on the left."""
    left = WorldAddress("xfd-on-demand", "v5.17", "sapphire-rapids")
    right = WorldAddress("xfd-on-demand", "v5.17", "sapphire-rapids", {"xfd_intercept": "always"})
    explorer = Explorer(left, platform="sapphire-rapids")
    here = explorer.run(left, [])
    write = next(move.rule for move in here.moves if move.step == "WRMSR IA32_XFD")
    here = explorer.run(left, [*here.path, write])
    again = next(move.rule for move in here.moves if move.step == "WRMSR IA32_XFD")
    answer = explorer.lockstep(left, right, [*here.path, again])
    assert is_whole(answer)
    assert answer.parted is None
    assert answer.softly is not None
    names = rows(answer)
    assert names[answer.softly.at] == ("WRMSR IA32_XFD", "WRMSR IA32_XFD")
    assert {"hw_xfd[0]", "vcpu_exit"} <= set(answer.softly.fields)
    assert names[answer.softly.at + 1] == ("", "vmx_vcpu_run.vmexit")


@pytest.mark.parametrize(
    "name",
    [
        "pkru-host-access",
        "xcr0-irq-fpu",
        "xfd-bv-setxsave",
        "getxsave-oversave",
        "seves-tscaux",
        "nvmx-lazy-fpu",
    ],
)
def test_a_bug_parts_from_its_fix(name: str) -> None:
    """The events of the counterexample happen on the fixed kernel too, and there the property holds."""
    before, after = sides(BUGS[name])
    answer = both(before, after, counterexample(before, BUGS[name].property))
    assert is_whole(answer)
    assert BUGS[name].property in answer.broken["left"]
    assert not any(BUGS[name].property in step.breaks for step in answer.right.steps)
    assert answer.parted is not None or answer.softly is not None


def test_a_fix_that_refuses_an_event_parts_at_it() -> None:
    """Where the fix makes the first event impossible, the worlds part there and the right stays at the start."""
    before, after = sides(BUGS["pkru-covert-xcr0"])
    answer = both(before, after, counterexample(before, BUGS["pkru-covert-xcr0"].property))
    assert answer.parted is not None
    assert (answer.parted.at, answer.right.path) == (0, [])
    assert "what it needs is not so on the right" in answer.parted.why


@pytest.mark.slow
def test_every_known_bug_holds_beside_its_fix() -> None:
    """No counterexample of the gallery breaks its property on the kernel after the fix."""
    for bug in BUGS.values():
        before, after = sides(bug)
        place = Explorer(before, platform="genoa").place(before)
        if bug.property not in [each.name for each in place.walk.system.program.properties]:
            continue  # what must come true sooner or later has a loop for a counterexample
        answer = both(before, after, counterexample(before, bug.property))
        assert bug.property in answer.broken["left"], bug.id
        assert not any(bug.property in step.breaks for step in answer.right.steps), bug.id


def test_an_event_of_another_scenario_parts_them() -> None:
    """An event that the right world does not have is named; what comes after it stays on the left."""
    left = WorldAddress("pkru", "v6.18", "sapphire-rapids")
    path = counterexample(left, WINDOW)
    answer = both(left, WorldAddress("xfd-on-demand", "v6.18", "sapphire-rapids"), path)
    assert answer.parted is not None
    assert "there is no such event on the right" in answer.parted.why


def test_the_left_goes_on_after_the_parting() -> None:
    """Rows after the parting have a left step each and no right one."""
    left = WorldAddress("pkru", "v6.18", "sapphire-rapids")
    explorer = Explorer(left, platform="sapphire-rapids")
    path = explorer.run(left, counterexample(left, WINDOW)).path
    answer = explorer.lockstep(left, WorldAddress("pkru", "v6.18", "genoa"), path)
    assert answer.parted is not None
    assert all(row.right is None for row in answer.pairs[answer.parted.at :])
    assert is_whole(answer)


@pytest.mark.parametrize(
    "right",
    [
        WorldAddress("fpu-pkru", "v6.19", "sapphire-rapids"),
        WorldAddress("fpu-pkru", "v6.18", "genoa"),
        WorldAddress("fpu-pkru", "v6.18", "sapphire-rapids", {"pkru_home": "with_xstate"}),
    ],
    ids=["moved", "masked", "elsewhere"],
)
def test_what_is_kept_changes_no_lockstep(right: WorldAddress) -> None:
    """Going on, back and another way gives what a companion gives that never walked before."""
    left = WorldAddress("fpu-pkru", "v6.18", "sapphire-rapids")
    explorer = Explorer(left, platform="sapphire-rapids")
    one, other = explorer.place(left).walk, explorer.place(right).walk
    dice = random.Random(11)
    kept = Companion(one, other)
    path: list[int] = []
    for _ in range(60):
        states = one.states(path)
        assert kept.follow(path, states) == Companion(one, other).follow(path, states)
        if dice.random() < 0.25:
            path = path[: dice.randrange(len(path) + 1)]
        elif dice.random() < 0.5:
            path = explorer.run(left, path, limit=dice.randrange(9)).path
        else:
            path = [*path, dice.choice(list(one.possible(states[-1])))[0].index]


def test_alignment_prefers_the_same_path() -> None:
    """Of two steps with one name, that on the same path makes the pair."""
    left = [Label("vcpu", "exit", "lock")]
    right = [Label("vcpu", "entry", "lock"), Label("vcpu", "exit", "lock")]
    assert aligned(left, right[:1]) == [(0, 0)]
    assert aligned([*right[:1], *left], right) == [(0, 0), (1, 1)]
    assert aligned(left, [Label("nmi", "exit", "lock")]) == [(0, None)]


def test_alignment_leaves_as_few_alone_as_it_can() -> None:
    """Random runs: every alignment is in order, whole on the left, and no worse than pairing nothing."""
    dice = random.Random(5)
    for _ in range(200):
        one, other = (
            [Label("vcpu", "run", dice.choice("abcd")) for _ in range(dice.randrange(9))]
            for _ in range(2)
        )
        pairs = aligned(one, other)
        assert [i for i, _ in pairs if i is not None] == list(range(len(one)))
        there = [j for _, j in pairs if j is not None]
        assert there == list(range(len(there)))
        assert all(one[i] == other[j] for i, j in pairs if i is not None and j is not None)
        assert len([pair for pair in pairs if None in pair]) <= len(one)
