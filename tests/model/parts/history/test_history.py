# SPDX-License-Identifier: Apache-2.0
"""Old kernels do what they did: a known bug is there before its fix and not after, and designs that failed fail."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.model.world import explored, program, system
from xsavvy.api.world import setting, world
from xsavvy.checker import Outcome, Program, Step, search
from xsavvy.isa.components import PKRU, XTILECFG, XTILEDATA
from xsavvy.kvm import NEWEST, kernel
from xsavvy.model.constants import Constants
from xsavvy.model.edits import ImpossibleDesign, label
from xsavvy.model.kernels import guest_has_protection_keys, guest_xcr0, host_xcr0, host_xss
from xsavvy.model.parts.history.machine import HistoryMachine
from xsavvy.model.registry import kernel_choices, scenario_named
from xsavvy.model.values import IRQS_OFF, Value

INTEL = "sapphire-rapids"
NO_FPU_LOCKED = "+59f5ede3bc0f"
"""Without this commit a hard interrupt inside the swap hides every other bug of the swap."""
SWAP = f"v5.5{NO_FPU_LOCKED}+2620fe268e80"


def broken(outcome: Outcome) -> dict[str, int | None]:
    """Return the depth of every violated property."""
    return {each.name: each.depth for each in outcome.verdicts if each.verdict != "holds"}


@pytest.mark.parametrize("release", ["v4.1", "v4.5", "v4.14", "v4.20", "v5.15"])
@pytest.mark.parametrize("scenario", ["progress", "emulator", "xcr0-switch", "bounds"])
def test_between_the_bugs_old_kernels_are_sound(scenario: str, release: str) -> None:
    """What was never reported is not found either, once interrupts leave XCR0 and the swap alone."""
    fixed = f"{release}+fc5b7f3b{NO_FPU_LOCKED}" if release == "v4.1" else release + NO_FPU_LOCKED
    assert broken(explored(scenario, fixed, INTEL)) == {}


def test_a_machine_check_handler_may_sleep_until_v5_7() -> None:
    """Under the guest's XCR0 until v5.0, which kills the kernel; with preemption off until v5.7."""
    sleeps = "nobody_sleeps_in_atomic_context"
    assert set(broken(explored("machine-check", "v5.0", INTEL))) == {
        "kernel_survives",
        "host_runs_on_host_features",
        sleeps,
    }
    assert set(broken(explored("machine-check", "v5.0+1811d979c716", INTEL))) == {sleeps}
    assert set(broken(explored("machine-check", "v5.7", INTEL))) == {sleeps}
    assert broken(explored("machine-check", "v5.8", INTEL)) == {}


@pytest.mark.parametrize("platform", [INTEL, "genoa"])
def test_v6_19_needs_all_of_its_series(platform: str) -> None:
    """XCR0 may go around the loop only if no handler that sleeps is called inside it."""
    sleeping = f"{NEWEST}-5567d11c21a1"
    inside = f"{sleeping}-63669bd1d50f-ebd1a3365500"
    assert "kernel_survives" not in broken(explored("machine-check", sleeping, platform))
    assert "kernel_survives" in broken(explored("machine-check", inside, platform))
    assert broken(explored("machine-check", NEWEST, platform)) == {}


def test_the_call_of_the_handler_moves_out_of_the_loop() -> None:
    """The steps keep their names; each kernel has them where it calls the handler."""
    assert label(program("machine-check", "v5.2", INTEL), "kvm_machine_check").startswith("vmx_")
    assert label(program("machine-check", "v5.3", INTEL), "kvm_machine_check").startswith("vcpu_")
    assert label(program("machine-check", "v6.18", "genoa"), "kvm_machine_check").startswith("svm_")
    newest = program("machine-check", NEWEST, "genoa")
    assert label(newest, "kvm_machine_check").startswith("vcpu_exit_guest")


def test_a_cpu_comes_back_with_another_xfd_than_the_cache_says() -> None:
    """Until v6.8 the write is skipped and the XRSTORS of somebody's tiles faults."""
    before = explored("cpu-hotplug", "v6.8", INTEL)
    verdict = before.verdict("kernel_survives")
    assert verdict.trace is not None
    assert verdict.trace.end["fault"] == "xrstors_nm"
    assert before.verdict("xfd_cache_is_right").verdict == "violated"
    assert broken(explored("cpu-hotplug", "v6.9", INTEL)) == {}


def test_an_owner_that_survives_hotplug_is_found() -> None:
    """If bring-up did not forget the owner of a CPU's registers, a task that comes back would find none."""
    assert (
        search(system("cpu-hotplug", NEWEST, INTEL, edit=with_more)).verdict(FOUND).verdict
        == "holds"
    )
    broken_too = search(system("cpu-hotplug", NEWEST, INTEL, edit=with_owner_kept))
    assert broken_too.verdict(FOUND).verdict == "violated"


FOUND = "tasks_find_their_registers"


def with_more(p: Program) -> Program:
    """Let the guest compute and its thread migrate, which the scenario leaves out."""
    for event in p.events:
        if event.name in {"write XMM", "migration"}:
            p = p.with_event(replace(event, name=f"{event.name} too"))
    return p.without_event("exit to userspace")


def with_owner_kept(p: Program) -> Program:
    """Forget at bring-up that a reset takes the registers from their owner."""
    return with_more(p).replaced_event("CPU goes offline and comes back", effect=keep_owner)


def keep_owner(s: HistoryMachine, k: Constants) -> None:
    """Reset a register of the other CPU and nothing that the kernel remembers of it."""
    s.hw_sse[1 - s.cpu] = Value.INIT


def test_interrupts_find_the_guests_xcr0_until_v4_5() -> None:
    """It stays loaded; that kills only where the guest's FPU is not loaded with it, on demand."""
    assert set(broken(explored("xcr0", "v4.5", INTEL))) == {"host_runs_on_host_features"}
    assert set(broken(explored("xcr0", "v4.1", INTEL))) == {
        "host_runs_on_host_features",
        "kernel_survives",
    }
    assert broken(explored("xcr0", "v4.1+fc5b7f3b", INTEL)) == {}


def test_the_flag_of_xcr0_must_not_be_cleared_without_the_register() -> None:
    """The emulated XSETBV of 2012 leaves the guest's XCR0 to the next task."""
    lost = {"kernel_survives", "xcr0_is_what_kvm_remembers"}
    assert set(broken(explored("xcr0-switch", "v3.10-42bdf991f4ca", INTEL))) == lost
    assert broken(explored("xcr0-switch", "v3.10", INTEL)) == {}


def test_the_vmms_registers_need_a_buffer_of_their_own() -> None:
    """From v5.0 to v5.2 the scheduler overwrites them; the revert ends it."""
    lost = {"tasks_find_their_registers"}
    assert set(broken(explored("guest-fpu", "v5.0", INTEL))) == lost
    assert set(broken(explored("guest-fpu", "v5.1", INTEL))) == lost
    assert broken(explored("guest-fpu", "v5.1+ec269475cba7", INTEL)) == {}
    assert broken(explored("guest-fpu", "v4.20", INTEL)) == {}


def test_the_swap_must_look_at_tif_need_fpu_load() -> None:
    """Each of the three fixes of v5.6 is needed: the swap, the entry, the emulator."""
    swap, emulator = "tif_in_guest_fpu_swap", "emulator_fpu_lock"
    assert "tasks_find_their_registers" in broken(explored("guest-fpu", SWAP, INTEL))
    assert broken(explored("guest-fpu", f"{SWAP}+{swap}", INTEL)) == {}
    late = explored("guest-fpu", f"v5.5{NO_FPU_LOCKED}+{swap}", INTEL)
    assert set(broken(late)) == {"guest_finds_its_registers"}
    unlocked = explored("emulator", f"{SWAP}+{swap}", INTEL)
    assert "emulator_reads_guest_registers" in broken(unlocked)
    assert broken(explored("emulator", f"{SWAP}+{swap}+{emulator}", INTEL)) == {}


def test_pkru_is_the_guests_in_the_image_and_nowhere_else() -> None:
    """Its first years: nobody switches it; KVM's images carry it; CR4.PKE is not all that reaches it."""
    assert "host_runs_on_host_pkru" in broken(explored("pkru-image", "v4.13-1be0e61c1f25", INTEL))
    assert set(broken(explored("pkru-image", "v4.12", INTEL))) == {
        "host_runs_on_host_pkru",
        "userspace_reads_guest_pkru",
    }
    assert broken(explored("pkru-image", "v4.13", INTEL)) == {}


def test_the_condition_cr4_pke_came_with_v4_13() -> None:
    """Before, VMX switched PKRU whenever it differed, so that XSAVE reached nothing of the host's."""
    assert broken(explored("pkru-reach", "v4.12", INTEL)) == {}
    assert set(broken(explored("pkru-reach", "v4.13", INTEL))) == {
        "guest_sees_its_own_pkru",
        "host_runs_on_host_pkru",
    }
    assert broken(explored("pkru-reach", "v5.8", INTEL)) == {}


def test_bounds_are_lost_where_cr0_ts_loads_the_fpu() -> None:
    """A guest with MPX must be eager."""
    assert set(broken(explored("bounds", "v4.0", INTEL))) == {"guest_finds_its_bounds"}
    assert broken(explored("bounds", "v4.1", INTEL)) == {}


def test_designs_of_the_past_are_refuted() -> None:
    """XCR0 that stays loaded, and thread.fpu for the VMM's registers, where the rest of the kernel is younger."""
    kept = explored("xcr0-switch", NEWEST, INTEL, xfeatures_home="while_loaded")
    assert "kernel_survives" in broken(kept)
    shared = explored("guest-fpu", f"v5.15{NO_FPU_LOCKED}", INTEL, user_registers="thread_fpu")
    assert "tasks_find_their_registers" in broken(shared)
    with pytest.raises(ImpossibleDesign, match="the pointer to the fpstate is swapped"):
        program("guest-fpu", NEWEST, INTEL, user_registers="thread_fpu")


def test_kernels_answer_by_their_commits() -> None:
    """Choices follow from the set of commits, in any combination."""
    assert kernel_choices(kernel("v4.5"))["xfeatures_home"].name == "WHILE_LOADED"
    assert kernel_choices(kernel("v4.6"))["xfeatures_home"].name == "OUTSIDE_LOOP"
    assert kernel_choices(kernel("v5.1"))["xfeatures_home"].name == "VENDOR_RUN"
    assert kernel_choices(kernel("v4.5"))["pkru_switch"].name == "NEVER"
    assert kernel_choices(kernel("v5.7"))["pkru_switch"].name == "PKE"
    assert kernel_choices(kernel("v4.20"))["user_registers"].name == "OWN_BUFFER"
    assert kernel_choices(kernel("v5.2"))["user_registers"].name == "THREAD_FPU"
    assert kernel_choices(kernel("v5.3"))["user_registers"].name == "OWN_BUFFER"


def test_svm_gives_guests_pkru_before_it_switches_it() -> None:
    """Up to v5.7 a guest on SVM has no CR4.PKE, but XCR0[9]: what it restores to PKRU the host then runs on."""
    before = explored("pkru", "v5.7", "genoa")
    assert broken(before).keys() >= {"guest_sees_its_own_pkru", "host_runs_on_host_pkru"}
    assert broken(explored("pkru", "v5.7+37486135d3a7", "genoa")) == {}
    trace = before.verdict("host_runs_on_host_pkru").trace
    assert trace is not None
    assert "XRSTOR PKRU" in {hop.step for hop in trace.hops}


def test_features_come_with_their_kernel() -> None:
    """A host enables and a guest is offered what the kernel knows, and no more."""
    tiles = XTILECFG | XTILEDATA
    everything = 7 | PKRU | tiles
    assert host_xcr0(kernel("v4.5"), everything) == 7
    assert host_xcr0(kernel("v5.15"), everything) == 7 | PKRU
    assert host_xcr0(kernel("v5.16"), everything) == everything
    assert guest_xcr0(kernel("v5.16"), everything) == 7 | PKRU
    assert guest_xcr0(kernel("v5.17"), everything) == everything
    keys = [
        guest_has_protection_keys(kernel(name), PKRU, vmx)
        for name, vmx in (("v5.7", True), ("v5.7", False), ("v5.8", False))
    ]
    assert keys == [True, False, True]
    assert not guest_has_protection_keys(kernel("v5.8"), 7, vmx=True)
    assert host_xss(kernel("v6.5"), 0x1800) == 0
    assert host_xss(kernel("v6.12"), 0x1800) == 0x800
    assert host_xss(kernel("v6.17"), 0x1800) == 0x1800


@pytest.mark.parametrize(
    ("name", "release", "lacks"),
    [
        ("pkru", "v4.5", "PKRU"),
        ("xfd", "v5.16", "XTILE"),
        ("xss", "v5.4", "CET"),
        ("fpu", "v4.5", ""),
    ],
)
def test_a_scenario_that_a_kernel_is_too_old_for_is_not_applicable(
    name: str, release: str, lacks: str
) -> None:
    """It is said, and nothing is explored."""
    scenario = scenario_named(name)
    assert scenario is not None
    found, note = world(scenario, setting(release, INTEL, {}, ()))
    assert (found is None) == bool(lacks)
    assert lacks in note
    assert not lacks or f"not applicable to {release}" in note


def test_the_handler_of_old_turns_interrupts_on() -> None:
    """Its context is computed from the order of its steps."""
    old = program("machine-check", "v5.7", INTEL)
    assert old.step("do_machine_check.ist_begin_non_atomic").leaves == IRQS_OFF
    new = program("machine-check", "v5.8", INTEL)
    assert [step.name for step in path_of(new, "do_machine_check")] == ["do_machine_check"]
    assert len(path_of(old, "do_machine_check")) == 4


def path_of(whole: Program, name: str) -> tuple[Step, ...]:
    """Return the steps of a path."""
    return tuple(next(path for path in whole.paths() if path.name == name).steps)
