# SPDX-License-Identifier: Apache-2.0
"""Host tasks: each commit's bug is found where the commit is missing and is gone where it is there."""

from __future__ import annotations

import pytest

from tests.model.world import explored, program, system
from xsavvy.checker import Outcome
from xsavvy.checker.liveness import liveness
from xsavvy.kvm import NEWEST, RELEASES
from xsavvy.kvm.commits.tasks import TASKS as TABLE
from xsavvy.model.part import Part
from xsavvy.model.parts.tasks import TASKS
from xsavvy.model.registry import idle_paths

INTEL, AMD, NO_XSAVES = "sapphire-rapids", "genoa", "haswell"


def broken(outcome: Outcome) -> dict[str, int | None]:
    """Return the depth of every violated property."""
    return {each.name: each.depth for each in outcome.verdicts if each.verdict != "holds"}


BUGS = [
    ("exec", "v6.4", "1f69383b203e", INTEL, {"tasks_keep_their_registers": 25}),
    ("fork", "v5.17", "59f5ede3bc0f", INTEL, None),
    ("fpu-swap", "v5.17", "59f5ede3bc0f", INTEL, None),
    ("kthread", "v5.12", "510b80a6a0f1", INTEL, {"tasks_keep_their_pkru": 11}),
    ("kthread", "v5.12", "510b80a6a0f1", AMD, {"tasks_keep_their_pkru": 11}),
    ("nopku", "v6.5", "18032b47adf1", INTEL, {"tasks_keep_their_pkru": 12}),
    ("nopku", "v6.5", "18032b47adf1", AMD, {"tasks_keep_their_pkru": 12}),
    ("ptrace", "v6.1", "4a804c4f8356+d7e5aceace51", INTEL, {"tasks_keep_their_pkru": 44}),
    ("sigframe", "v6.7", "d877550eaf2d", INTEL, {"fault_in_covers_the_restore": 24}),
    ("sigframe", "v7.0", "44eeff9bc467", INTEL, {"tasks_keep_their_pkru": 27}),
    ("signals-faults", "v5.12", "d8778e393afa", INTEL, None),
    (
        "signals-32-bit",
        "v5.12",
        "484cea4f362e",
        NO_XSAVES,
        {"kernel_survives": 45},
    ),
    ("signals-pkru", "v6.12", "ae6012d72fa6", AMD, {"tasks_keep_their_pkru": 25}),
    ("signals-xfd", "v6.17", "388eff894d6b", INTEL, {"xfd_belongs_to_the_registers": 29}),
    ("xfd-header", "v6.18", "b45f72177594", INTEL, {"kernel_survives": 51}),
    ("xfd-set-xsave", "v6.18", "b45f72177594", INTEL, {"kernel_survives": 82}),
]


@pytest.mark.parametrize(
    ("scenario", "before", "fix", "platform", "expected"),
    BUGS,
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_bug_is_found_before_its_fix_and_not_after(
    scenario: str, before: str, fix: str, platform: str, expected: dict[str, int] | None
) -> None:
    """General properties and events find it; with the commit alone all of them hold."""
    found = broken(explored(scenario, before, platform))
    assert found
    assert expected is None or found == expected
    assert broken(explored(scenario, f"{before}+{fix}", platform)) == {}


def test_half_of_ptraces_fix_is_not_enough() -> None:
    """An image without PKRU must make it 0, as XRSTOR would."""
    half = broken(explored("ptrace", "v6.1+4a804c4f8356", INTEL))
    assert half == {"tasks_keep_their_pkru": 44}


def test_a_processor_that_tracks_writes_needs_no_pkru_bit() -> None:
    """Where WRPKRU of 0 leaves PKRU in use, v6.12 restores it from the frame."""
    assert broken(explored("signals-pkru", "v6.12", INTEL)) == {}


def test_xsaves_keeps_a_bad_frame_out_of_the_fpstate() -> None:
    """A compacted fpstate was always written component by component."""
    assert broken(explored("signals-32-bit", "v5.18-484cea4f362e", INTEL)) == {}


def test_a_switch_from_a_kernel_thread_may_lose_pkru() -> None:
    """Only a kernel that is named without the stable fix has it; v5.14 has lost the code."""
    name = "correct_pkru_inconsistency"
    scenario = "kthread-wrpkru"
    assert broken(explored(scenario, f"v5.13-{name}", INTEL)) == {"tasks_keep_their_pkru": 10}
    assert broken(explored(scenario, "v5.12", INTEL)) == {}
    assert broken(explored(scenario, f"v5.14-{name}", INTEL)) == {}


def test_registers_are_claimed_too_early_before_68239654acaf() -> None:
    """A context switch between the claim and the load saves old registers over the frame's."""
    outcome = explored("signals-32-bit", "v4.19", NO_XSAVES)
    verdict = outcome.verdict("tasks_keep_their_registers")
    assert verdict.verdict == "violated"
    assert verdict.trace is not None
    steps = [hop.step for hop in verdict.trace.hops]
    assert "ia32_restore_sig.fpu_initialized" in steps
    assert broken(explored("signals-32-bit", "v4.19+68239654acaf", NO_XSAVES)) == {}


@pytest.mark.parametrize(
    ("scenario", "introduced", "last", "platform"),
    [
        ("exec", "v5.14", "v6.4", INTEL),
        ("kthread", "v5.2", "v5.12", INTEL),
        ("sigframe", "v5.16", "v6.7", INTEL),
        ("signals-xfd", "v5.16", "v6.17", INTEL),
        ("nopku", "v5.14", "v6.5", INTEL),
        ("ptrace", "v5.14", "v6.1", INTEL),
        ("signals-pkru", "v6.12", "v6.12", AMD),
    ],
)
def test_a_bug_has_a_first_and_a_last_release(
    scenario: str, introduced: str, last: str, platform: str
) -> None:
    """The releases before and after know nothing of it."""
    first, final = RELEASES.index(introduced), RELEASES.index(last)
    assert broken(explored(scenario, RELEASES[first - 1], platform)) == {}
    assert broken(explored(scenario, introduced, platform))
    assert broken(explored(scenario, last, platform))
    assert broken(explored(scenario, RELEASES[final + 1], platform)) == {}


def test_a_separate_xfd_of_the_guest_loses_what_userspace_set() -> None:
    """No XRSTORS faults, but XSAVES runs on the guest's IA32_XFD: KVM_GET_XSAVE returns something else."""
    outcome = explored("xfd-set-xsave", "v6.18", INTEL, xfd_fpstate="separate")
    assert broken(outcome) == {"kvm_image_is_kept": 119}
    assert broken(explored("xfd-header", "v6.18", INTEL, xfd_fpstate="separate")) == {}


@pytest.mark.parametrize(
    ("release", "verdict"),
    [("v6.7", "violated"), ("v6.7+d877550eaf2d", "holds"), (NEWEST, "holds")],
)
def test_sigreturn_ends_since_d877550eaf2d(release: str, verdict: str) -> None:
    """Before it a page that the frame does not admit to is never faulted in: a lasso."""
    judged = {each.name: each for each in liveness(system("sigframe", release, INTEL)).verdicts}
    assert judged["sigreturn_ends"].verdict == verdict


@pytest.mark.parametrize("scenario", TASKS.scenarios, ids=lambda each: each.name)
def test_the_newest_kernel_keeps_every_property(scenario: object) -> None:
    """All of this part's scenarios hold on the newest kernel, with every witness seen."""
    name = getattr(scenario, "name", "")
    outcome = explored(name, NEWEST, INTEL)
    assert outcome.complete
    assert broken(outcome) == {}
    assert [each.name for each in outcome.witnesses if each.verdict != "seen"] == []


def test_no_step_or_event_of_this_part_is_dead() -> None:
    """Each is taken in some scenario of the part, on one kernel or another."""
    worlds = [(each.name, NEWEST, INTEL) for each in TASKS.scenarios]
    worlds += [("kthread", "v6.12", INTEL), ("nopku", "v6.5", INTEL)]
    mine = own_labels(TASKS)
    taken: set[str] = set()
    for scenario, release, platform in worlds:
        bound = system(scenario, release, platform)
        outcome = explored(scenario, release, platform)
        names = {*bound.step_names, *bound.event_names}
        taken |= names - {*outcome.unreached.steps, *outcome.unreached.events}
    assert mine - taken == set()


def own_labels(part: Part) -> set[str]:
    """Name the steps and events that a part adds to the run loop."""
    whole = program(part.scenarios[0].name, NEWEST, INTEL)
    loop = program("fpu", NEWEST, INTEL)
    old = {path.name for path in loop.paths()}
    steps = {f"{p.name}.{s.name}" for p in whole.paths() if p.name not in old for s in p.steps}
    return steps | {e.name for e in whole.events} - {e.name for e in loop.events}


def test_every_commit_of_the_table_changes_something() -> None:
    """A commit of this part's table is a delta, except where the constants have it; two are the run loop's, too."""
    shared = {"5f409e20b794", "730faa15a069"}
    assert {each.id for each in TABLE} - {"18032b47adf1"} == set(TASKS.deltas) - shared


def test_a_trusting_fault_in_never_ends() -> None:
    """The mutant of the eventuality: without it sigreturn() ends, with it there is a loop of faults."""
    mutant = next(each for each in TASKS.mutants if each.name == "fault-in trusts the frame")
    outcome = explored(mutant.scenario, mutant.kernel, INTEL)
    assert outcome.witness("sigreturn_is_on_its_way").verdict == "seen"
    bound = system(mutant.scenario, mutant.kernel, INTEL, edit=mutant.edit)
    verdict = next(each for each in liveness(bound).verdicts if each.name == "sigreturn_ends")
    assert verdict.verdict == "violated"
    assert verdict.trace is not None
    loop = {hop.step for hop in verdict.trace.hops[verdict.loop :]}
    assert "restore_fpregs_from_user.xrstor_from_user" in loop
    assert "xrstor_failed.fault_in_readable" in loop


def test_paths_that_only_left_out_events_lead_to_are_idle() -> None:
    """A scenario without execve does not mean to take its path, nor the run loop's for a guest's XSETBV."""
    signals = next(each for each in TASKS.scenarios if each.name == "signals")
    idle = idle_paths(signals)
    assert {"begin_new_exec", "copy_thread", "kthread", "ptrace_stop"} <= idle
    assert {"kvm_emulate_xsetbv", "perf_nmi"} <= idle
    assert idle.isdisjoint({"kernel_fpu", "context_switch", "sigframe_fault"})
