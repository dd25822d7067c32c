# SPDX-License-Identifier: Apache-2.0
"""CET in the run loop: known bugs are found before their fix and not after, and each design holds or breaks as told."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.model.world import explored, program, system
from xsavvy.checker import Outcome, Program, search
from xsavvy.kvm import NEWEST
from xsavvy.model.edits import label
from xsavvy.model.fpu import nothing
from xsavvy.model.parts.cet import CET
from xsavvy.model.registry import idle_paths, scenario_named

INTEL, AMD, WITH_MPX = "sapphire-rapids", "genoa", "skylake-sp"
UNFIXED = "v6.18-8819a49f9ff8-9bc610b6a2a7"


def broken(outcome: Outcome) -> dict[str, int | None]:
    """Return the depth of every violated property."""
    return {each.name: each.depth for each in outcome.verdicts if each.verdict != "holds"}


def dead(outcome: Outcome, scenario: str) -> list[str]:
    """Return the steps that were never taken though the scenario means to."""
    which = scenario_named(scenario)
    assert which is not None
    idle = idle_paths(which)
    return [step for step in outcome.unreached.steps if step.split(".")[0] not in idle]


def steps_to(outcome: Outcome, name: str) -> list[str]:
    """Return the steps and events of the shortest trace to a violation."""
    trace = outcome.verdict(name).trace
    assert trace is not None
    return [hop.step for hop in trace.hops]


@pytest.mark.parametrize("platform", [INTEL, AMD])
@pytest.mark.parametrize("scenario", [s.name for s in CET.scenarios if s.default])
def test_a_guest_with_cet_is_sound_on_the_newest_kernel(scenario: str, platform: str) -> None:
    """Nothing is violated, everything that is meant to be seen is seen, and no step is dead."""
    outcome = explored(scenario, NEWEST, platform)
    assert outcome.complete
    assert broken(outcome) == {}
    assert [each.name for each in outcome.witnesses if each.verdict != "seen"] == []
    assert dead(outcome, scenario) == []
    assert outcome.unreached.events == ()


def test_init_in_get_mp_state_follows_a_null_pointer_before_8819a49f9ff8() -> None:
    """Nobody has loaded the guest's registers there, and INIT puts them."""
    before = explored("cet-init", UNFIXED, INTEL)
    assert broken(before) == {"kernel_survives": 8}
    assert steps_to(before, "kernel_survives")[:4] == [
        "INIT",
        "KVM_GET_MP_STATE",
        "kvm_get_mp_state.vcpu_load",
        "mp_accept_events.kvm_apic_accept_events",
    ]
    assert broken(explored("cet-init", f"{UNFIXED}+8819a49f9ff8", INTEL)) == {}


def test_the_hardening_alone_lets_userspace_run_on_the_guests_registers() -> None:
    """It skips the put that has nothing to put, and not the load that follows."""
    outcome = explored("cet-init", "v6.18-8819a49f9ff8", INTEL)
    assert broken(outcome) == {
        "tasks_find_their_registers": 26,
        "guest_fpstate_is_swapped_in_pairs": 26,
        "tasks_find_their_shadow_stacks": 26,
    }


def test_init_needs_no_registers_where_all_of_cet_is_switched_at_the_entry() -> None:
    """The bug belongs to the design that keeps U_CET in the fpstate."""
    outcome = explored("cet-init", UNFIXED, INTEL, cet_switch="all_at_entry")
    assert broken(outcome) == {}
    assert outcome.witness("init_outside_kvm_run").verdict == "seen"


def test_mpx_had_the_same_bug_before_f958bd2314d1() -> None:
    """Where registers are copied it corrupts both sides; where a pointer is swapped it is NULL."""
    before = explored("mpx-init", "v5.5", WITH_MPX)
    assert broken(before) == {
        "guest_fpstate_is_swapped_in_pairs": 26,
        "tasks_find_their_registers": 47,
        "guest_finds_its_registers": 48,
    }
    assert broken(explored("mpx-init", "v5.5+f958bd2314d1", WITH_MPX)) == {}
    assert broken(explored("mpx-init", "v5.17-f958bd2314d1", WITH_MPX)) == {"kernel_survives": 8}


@pytest.mark.parametrize("release", ["v4.13", "v4.14", "v5.17", "v6.17", NEWEST])
def test_init_is_sound_on_machines_with_mpx(release: str) -> None:
    """Before INIT zeroed anything, with the load in KVM_GET_MP_STATE, and without it."""
    assert broken(explored("mpx-init", release, WITH_MPX)) == {}


@pytest.mark.parametrize(
    ("missing", "scenario", "name", "depth"),
    [
        ("57c3db7e2e26", "cet-emulator", "guest_finds_its_cet_state", 50),
        ("82c0ec028258", "cet-emulator", "guest_finds_its_cet_state", 49),
        ("d4c03f63957c", "cet-emulator", "ssp_fits_the_mode", 43),
        ("1a61bd0d126a", "cet-supervisor", "guest_finds_its_cet_state", 74),
        ("586ef9dcbb28", "cet-control", "cet_needs_write_protection", 35),
        ("584ba3ffb984", "cet", "host_runs_on_its_own_s_cet", 23),
    ],
)
def test_each_patch_of_the_series_is_needed(
    missing: str, scenario: str, name: str, depth: int
) -> None:
    """The series without one patch breaks, and with it nothing does."""
    assert explored(scenario, f"v6.18-{missing}", INTEL).verdict(name).depth == depth
    assert broken(explored(scenario, "v6.18", INTEL)) == {}


@pytest.mark.parametrize("scenario", ["cet", "cet-msrs", "cet-init", "cet-emulator"])
def test_everything_at_once_is_sound_too(scenario: str) -> None:
    """U_CET and the PLx_SSP may be written at every entry, at the price of ten MSR writes."""
    outcome = explored(scenario, NEWEST, INTEL, cet_switch="all_at_entry")
    assert broken(outcome) == {}
    steps = program(scenario, NEWEST, INTEL, cet_switch="all_at_entry")
    assert label(steps, "load_guest_cet") == "vmx_vcpu_run.load_guest_cet"


@pytest.mark.parametrize(("missing", "platform"), [("25f3840483e6", INTEL), ("38c46bdbf998", AMD)])
def test_a_kernel_without_the_passthrough_writes_the_registers_itself(
    missing: str, platform: str
) -> None:
    """Slower and sound; an MSR filter asks for the same."""
    outcome = explored("cet", f"v6.18-{missing}", platform)
    assert broken(outcome) == {}
    assert dead(outcome, "cet") == []
    filtered = explored("cet", "v6.18", platform, cet_msrs="intercepted")
    assert (filtered.states, filtered.transitions) == (outcome.states, outcome.transitions)


def test_an_intercepted_write_without_a_reload_goes_to_whoever_has_the_registers() -> None:
    """A softirq or another task may have them since the exit."""
    written = system("cet", NEWEST, INTEL, {"cet_msrs": "intercepted"}, unresolved("set_msr_u_cet"))
    outcome = search(written, max_states=150_000)
    assert outcome.verdict("guest_finds_its_cet_state").verdict == "violated"
    assert outcome.verdict("tasks_find_their_shadow_stacks").verdict == "violated"


def unresolved(path: str) -> Callable[[Program], Program]:
    """Return an edit that lets a path access the registers whoever has them."""
    return lambda whole: whole.replaced(f"{path}.switch_fpu_return", effect=nothing)


@pytest.mark.parametrize(
    ("scenario", "path", "name"),
    [
        ("cet-msrs", "access_u_cet", "userspace_reads_the_guests_cet_state"),
        ("cet-msrs", "access_pl0_ssp", "userspace_reads_the_guests_cet_state"),
        ("cet-emulator-preempted", "x86_emulate_instruction", "guest_finds_its_cet_state"),
        ("cet-emulator-preempted", "kvm_task_switch", "guest_finds_its_cet_state"),
    ],
)
def test_an_access_without_a_reload_reads_whoever_has_the_registers(
    scenario: str, path: str, name: str
) -> None:
    """KVM reads U_CET from the register, so TIF_NEED_FPU_LOAD must be resolved first."""
    outcome = search(system(scenario, NEWEST, INTEL, edit=unresolved(path)), max_states=150_000)
    assert outcome.verdict(name).verdict == "violated"


def test_a_guest_has_no_cet_before_v6_18() -> None:
    """Its MSRs fault, and nothing of this part is in its reach."""
    outcome = explored("cet", "v6.17", INTEL)
    assert broken(outcome) == {}
    assert set(outcome.unreached.events) == {"WRMSR U_CET", "WRMSR PL0_SSP", "WRMSR S_CET"}


def test_svm_has_no_branch_tracking() -> None:
    """The guest's second value, which stands for it, is never in U_CET or S_CET."""
    tracking = program("cet", NEWEST, AMD)
    assert "vmx_vcpu_run" not in {path.name for path in tracking.paths()}
    assert explored("cet", NEWEST, AMD).states < explored("cet", NEWEST, INTEL).states


def test_the_reference_agrees_with_the_packed_engine() -> None:
    """The slow search on records gives the same counts, verdicts and traces."""
    slow = search(system("cet-control", "v6.18-586ef9dcbb28", INTEL), engine="reference")
    fast = search(system("cet-control", "v6.18-586ef9dcbb28", INTEL), engine="packed")
    assert (slow.states, slow.transitions, slow.depth) == (
        fast.states,
        fast.transitions,
        fast.depth,
    )
    assert slow.verdicts == fast.verdicts
