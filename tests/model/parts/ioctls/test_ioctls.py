# SPDX-License-Identifier: Apache-2.0
"""The ioctls of one vCPU: what each commit changed, which designs are refuted, and what is accepted."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.model.world import explored, program, system
from xsavvy.checker import Outcome, Program, Witness, search
from xsavvy.isa.components import AVX, SSE, X87, XTILECFG, XTILEDATA
from xsavvy.kvm import NEWEST
from xsavvy.model.parts.ioctls import IOCTLS
from xsavvy.model.parts.ioctls.machine import Errno, IoctlMachine
from xsavvy.model.registry import SCENARIOS

INTEL = "sapphire-rapids"
AMD = "genoa"
MINE = [each.name for each in SCENARIOS if each.part == IOCTLS.name]


def broken(outcome: Outcome) -> set[str]:
    """Name the properties that do not hold."""
    return {each.name for each in outcome.verdicts if each.verdict != "holds"}


@pytest.mark.parametrize("scenario", MINE)
def test_the_newest_kernel_keeps_every_property(scenario: str) -> None:
    """Each scenario is complete on v7.3, shows its witnesses, and takes each of its events."""
    outcome = explored(scenario, NEWEST, INTEL)
    assert outcome.complete
    assert broken(outcome) == set()
    assert all(each.verdict == "seen" for each in outcome.witnesses)
    assert outcome.unreached.events == ()


@pytest.mark.parametrize(
    "scenario", ["ioctls-cpuid", "ioctls-pkru", "ioctls-xsave", "ioctls-xss", "ioctls-xrstors"]
)
def test_so_it_does_on_svm(scenario: str) -> None:
    """What does not need tiles is asked of the other vendor, too."""
    assert broken(explored(scenario, NEWEST, AMD)) == set()


FOUND = [
    ("ioctls-permissions", "v6.15", "d8414603b29f", "permissions_only_grow_until_the_first_vcpu"),
    ("ioctls-permissions", "v6.3", "55cd57b596e8", "advertised_features_can_be_enabled"),
    (
        "ioctls-permissions",
        "v6.3-445ecdf79be0",
        "445ecdf79be0",
        "advertised_features_are_permitted",
    ),
    ("ioctls-permissions", "v6.3-1ffce0924a8c", "1ffce0924a8c", "advertised_sizes_match"),
    ("ioctls-cpuid", "v4.15", "c4d2188206ba", "guest_cpuid_tells_the_truth"),
    ("ioctls-cpuid", "v5.15", "feb627e8d6f6", "guest_features_are_in_its_cpuid"),
    ("ioctls-cpuid", "v5.16", "c6617c61e8fe", "own_cpuid_is_accepted"),
    ("ioctls-cpuid", "v6.18", "e2b43fb25243", "own_cpuid_is_accepted"),
    ("ioctls-pkru", "v5.14", "a3ca5281bb77", "mmu_heeds_pkru_as_the_guest_does"),
    ("ioctls-pkru", "v5.15-8d214c481611", "8d214c481611", "mmu_heeds_pkru_as_the_guest_does"),
    ("ioctls-xsave", "v3.12", "d7876f1be40a", "guest_features_are_in_its_cpuid"),
    ("ioctls-xsave", "v3.12", "4344ee981e21", "get_xsave_names_what_cpuid_has"),
    ("ioctls-xsave", "v4.11", "mxcsr_reserved_bits", "kernel_survives"),
    ("ioctls-xss", "v6.18-c034f2aa8622", "c034f2aa8622", "guest_writes_obey_its_cpuid"),
]


@pytest.mark.parametrize(("scenario", "before", "commit", "name"), FOUND)
def test_a_bug_is_found_before_its_commit_and_not_after(
    scenario: str, before: str, commit: str, name: str
) -> None:
    """A general sentence is violated; with the one commit added it holds."""
    assert explored(scenario, before, INTEL).verdict(name).verdict == "violated"
    assert explored(scenario, f"{before}+{commit}", INTEL).verdict(name).verdict == "holds"


@pytest.mark.parametrize(
    "without",
    ["4c282e51e445", "9622e116d0d2", "05a9e065059e-be4f3b3f8227"],
    ids=["write", "size", "INIT"],
)
def test_cpuid_follows_ia32_xss_by_three_commits(without: str) -> None:
    """Whoever writes IA32_XSS, and whatever the size is computed from: each lapse makes CPUID lie."""
    name = "guest_cpuid_tells_the_truth"
    assert explored("ioctls-cpuid", f"v6.19-{without}", INTEL).verdict(name).verdict == "violated"
    assert explored("ioctls-cpuid", "v6.19", INTEL).verdict(name).verdict == "holds"


def test_keeping_ia32_xss_for_init_is_enough() -> None:
    """An INIT that zeroes IA32_XSS is no lie as long as CPUID follows."""
    assert broken(explored("ioctls-cpuid", "v6.19-be4f3b3f8227", INTEL)) == set()


def test_a_commit_before_v6_19_lost_what_was_due_on_the_old_cpuid() -> None:
    """The comparison looks at the incoming copy, which is up to date, and at the old one, which is not."""
    outcome = explored("ioctls-cpuid", "v6.18", INTEL)
    assert broken(outcome) == {"guest_cpuid_tells_the_truth", "own_cpuid_is_accepted"}
    assert broken(explored("ioctls-cpuid", "v6.13", INTEL)) == set()


def test_ia32_xss_on_svm_is_switched_by_the_processors_word() -> None:
    """XSAVES cannot be intercepted there, so the guest's CPUID must not decide; on VMX it may."""
    name = "guest_executes_xsaves_under_its_own_xss"
    by_cpuid = explored("ioctls-xss", NEWEST, AMD, xss_swap="guest_cpuid")
    assert broken(by_cpuid) == {name}
    assert broken(explored("ioctls-xss", NEWEST, INTEL, xss_swap="guest_cpuid")) == set()
    assert explored("ioctls-xss", "v6.18-312a1c87798e", AMD).verdict(name).verdict == "violated"


def test_ia32_xss_cannot_be_let_through() -> None:
    """KVM does not see the write: it is not checked against CPUID, and CPUID does not follow."""
    outcome = explored("ioctls-xss", NEWEST, INTEL, xss_access="passthrough")
    assert broken(outcome) == {"guest_cpuid_tells_the_truth", "guest_features_are_in_its_cpuid"}


def test_an_exiting_bitmap_is_safe() -> None:
    """An exit for each XRSTORS costs time, and nothing is lost on the way."""
    outcome = explored("ioctls-xrstors", NEWEST, INTEL, xss_access="exiting_bitmap")
    assert broken(outcome) == set()
    assert not any(step.startswith("emulate_xrstors") for step in outcome.unreached.steps)


def test_ia32_xss_must_be_listed() -> None:
    """A VMM that saves what KVM lists would forget it."""
    outcome = explored("ioctls-xss", NEWEST, INTEL, xss_to_be_saved="no")
    assert broken(outcome) == {"guest_state_is_listed_to_be_saved"}


def test_xfd_err_must_be_saved_before_interrupts_are_on() -> None:
    """With interrupts on, the host runs with the guest's IA32_XFD_ERR."""
    outcome = explored("ioctls-nm", NEWEST, INTEL, xfd_err_save="irqs_on")
    assert broken(outcome) == {"host_runs_without_guest_xfd_err"}


def test_a_nm_of_cr0_ts_makes_no_difference_by_itself() -> None:
    """KVM's copy of IA32_XFD_ERR equals the register wherever the extra copy is made."""
    before = explored("ioctls-nm", "v6.14", INTEL)
    after = explored("ioctls-nm", "v6.14+3ef0df3f760f", INTEL)
    assert broken(before) == broken(after) == set()
    assert (before.states, before.transitions) == (after.states, after.transitions)


def test_an_interrupt_between_two_entries_of_a_list_killed_the_host() -> None:
    """KVM_SET_MSRS of U_CET and IA32_XFD, a softirq in between: a disabled component stays in the header."""
    verdict = explored("ioctls-msrs", "v6.18", INTEL).verdict("kernel_survives")
    assert verdict.verdict == "violated"
    assert verdict.trace is not None
    assert verdict.trace.end["fault"] == "xrstors_nm"
    assert broken(explored("ioctls-msrs", "v6.18+b45f72177594", INTEL)) == set()


def test_kvm_run_takes_no_registers_along_before_v4_17() -> None:
    """KVM_CAP_SYNC_REGS is an event of the kernels that have it."""
    events = {each.name for each in program("ioctls-cpuid", "v4.16", INTEL).events}
    assert "KVM_SYNC_X86_SREGS" not in events
    assert "KVM_SYNC_X86_SREGS" in {
        each.name for each in program("ioctls-cpuid", "v4.17", INTEL).events
    }


def test_a_grown_fpstate_is_empty() -> None:
    """What KVM_SET_CPUID2 puts in the place of the old one is initial, and large enough."""
    whole = program("ioctls-permissions", NEWEST, INTEL)
    s = IoctlMachine()
    s.fp_xstate_bv[2], s.fp_sse[2], s.fp_xfd[2] = SSE, 2, 0
    s.perm_size = X87 | SSE | AVX | XTILECFG | XTILEDATA
    whole.step("fpstate_grows.swap_fpstate").effect(s, None)
    assert (s.fp_xstate_bv[2], s.fp_sse[2]) == (0, 0)
    assert s.fp_xfeatures[2] & XTILEDATA
    assert s.fp_room == s.perm_size


def eperm(s: IoctlMachine, k: object) -> bool:
    """A permission was missing."""
    return s.uapi_errno == Errno.EPERM


def efault(s: IoctlMachine, k: object) -> bool:
    """There was no memory for a larger fpstate."""
    return s.uapi_errno == Errno.EFAULT


def ebusy(s: IoctlMachine, k: object) -> bool:
    """The permissions were locked."""
    return s.uapi_errno == Errno.EBUSY


def einval(s: IoctlMachine, k: object) -> bool:
    """A value was refused."""
    return s.uapi_errno == Errno.EINVAL


ERRNOS = (
    Witness("eperm", "EPERM is returned.", eperm),
    Witness("efault", "EFAULT is returned.", efault),
    Witness("ebusy", "EBUSY is returned.", ebusy),
    Witness("einval", "EINVAL is returned.", einval),
)


def with_errnos(program: Program) -> Program:
    """Ask for a state with each errno."""
    return replace(program, witnesses=(*program.witnesses, *ERRNOS))


def test_every_errno_is_returned() -> None:
    """No refusal is out of reach."""
    outcome = search(system("ioctls-permissions", NEWEST, INTEL, edit=with_errnos))
    assert {each.name for each in outcome.witnesses if each.verdict == "seen"} >= {
        each.name for each in ERRNOS
    }
