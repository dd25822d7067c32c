# SPDX-License-Identifier: Apache-2.0
"""Protected guests: the bugs are found before their fixes and not after, and a kernel runs what it has."""

from __future__ import annotations

import pytest

from tests.model.world import explored, program, system
from xsavvy.api.world import setting, world
from xsavvy.checker import Outcome, search
from xsavvy.kvm import NEWEST
from xsavvy.model.fpu import nothing
from xsavvy.model.parts.protected import PROTECTED
from xsavvy.model.registry import idle_paths, scenario_named

INTEL, AMD = "sapphire-rapids", "genoa"


def broken(outcome: Outcome) -> dict[str, int | None]:
    """Return the depth of every property that does not hold."""
    return {each.name: each.depth for each in outcome.verdicts if each.verdict != "holds"}


BUGS = [
    (
        "sev-ghcb",
        "v6.18-a26b7cd22546",
        "v6.18",
        AMD,
        {"protected_guest_runs_on_its_own_features": 22},
    ),
    ("sev-ghcb", "v6.17", "v6.17+4135a9a8ccba", AMD, {"guest_features_are_legal": 36}),
    (
        "sev-es-launch",
        "v6.9+9b9f7962e3e8",
        "v6.10+9b9f7962e3e8",
        AMD,
        {"protected_guest_finds_its_registers": 23, "ioctls_do_not_pretend": 2},
    ),
    (
        "sev-es-launch",
        "v7.0",
        "v7.0+9b9f7962e3e8",
        AMD,
        {"protected_guest_finds_its_registers": 23, "protected_state_is_not_written": 2},
    ),
    ("sev-es-launch", "v7.1-27bd5fdc24c0", "v7.1", AMD, {"ioctls_do_not_pretend": 2}),
    ("sev-es-launch", "v7.1-517987e3fb19", "v7.1", AMD, {"ioctls_do_not_pretend": 2}),
    (
        "snp-launch",
        "v7.1-9b9f7962e3e8",
        "v7.1",
        AMD,
        {"protected_state_is_not_written": 3},
    ),
    (
        "snp-launch",
        "v7.1-cb923ee6a80f",
        "v7.1",
        AMD,
        {"protected_guest_runs_on_its_own_features": 24},
    ),
    (
        "protected-user-return",
        "v6.17",
        "v6.17+29da8c823abf",
        AMD,
        {"user_return_cache_is_right": 63, "other_guest_runs_on_its_own_tsc_aux": 74},
    ),
    (
        "protected-user-return",
        "v6.18",
        "v6.18+c0711f8c610e",
        INTEL,
        {"user_return_cache_is_right": 31, "other_guest_runs_on_its_own_tsc_aux": 113},
    ),
    (
        "protected-user-return",
        "v6.18-e0b4f31a3c65",
        "v6.19",
        INTEL,
        {"user_return_cache_is_right": 32, "user_mode_has_the_hosts_tsc_aux": 42},
    ),
    (
        "protected-run",
        "v6.16-6bfa6d8509ad",
        "v6.16",
        INTEL,
        {
            "kernel_survives": 34,
            "host_runs_on_host_features": 24,
            "host_runs_on_host_pkru": 28,
        },
    ),
]


@pytest.mark.parametrize(("scenario", "before", "after", "platform", "expected"), BUGS)
def test_a_bug_is_found_before_its_fix_and_not_after(
    scenario: str, before: str, after: str, platform: str, expected: dict[str, int]
) -> None:
    """General properties and events find it, and with the commit all of them hold."""
    assert broken(explored(scenario, before, platform)) == expected
    assert broken(explored(scenario, after, platform)) == {}


@pytest.mark.parametrize("platform", [AMD, INTEL])
@pytest.mark.parametrize(
    "scenario", ["protected-run", "protected-user-return", "protected-migration"]
)
def test_all_holds_on_the_newest_kernel(scenario: str, platform: str) -> None:
    """Both vendors' protected guests and their hosts keep apart."""
    outcome = explored(scenario, NEWEST, platform)
    assert broken(outcome) == {}
    assert all(each.verdict == "seen" for each in outcome.witnesses)


@pytest.mark.parametrize("platform", [AMD, INTEL])
def test_every_event_and_step_that_a_scenario_means_is_taken(platform: str) -> None:
    """What stays unreached belongs to another vendor or to an event that is left out."""
    for scenario in PROTECTED.scenarios:
        if (scenario.svm_only and platform == INTEL) or (scenario.vmx_only and platform == AMD):
            continue
        outcome = explored(scenario.name, NEWEST, platform)
        bound = system(scenario.name, NEWEST, platform)
        there = [name for name in scenario.events if name in bound.event_names]
        assert [name for name in outcome.unreached.events if name in there] == []
        idle = idle_paths(scenario)
        missed = {step.split(".")[0] for step in outcome.unreached.steps} - idle
        assert missed <= {"vmx_vcpu_run", "kvm_emulate_xsetbv", "set_msr_xss"}


@pytest.mark.parametrize(
    ("scenario", "kernel", "platform", "launched"),
    [
        ("protected-run", "v5.10", AMD, False),
        ("protected-run", "v5.11", AMD, True),
        ("protected-run", "v6.15", INTEL, False),
        ("protected-run", "v6.16", INTEL, True),
        ("snp-launch", "v6.10", AMD, False),
        ("snp-launch", "v6.11", AMD, True),
    ],
)
def test_a_guest_runs_where_the_kernel_can_launch_it(
    scenario: str, kernel: str, platform: str, launched: bool
) -> None:
    """SEV-ES since v5.11, SNP since v6.11, TDX since v6.16; before that nothing of it ever runs."""
    outcome = search(system(scenario, kernel, platform), max_states=2000)
    name = "protected_guest_has_its_own_xcr0"
    assert (outcome.witness(name).verdict == "seen") is launched
    if not launched:
        assert all("vcpu_run" not in step for step in _taken(outcome, scenario, kernel, platform))


def _taken(outcome: Outcome, scenario: str, kernel: str, platform: str) -> set[str]:
    bound = system(scenario, kernel, platform)
    return set(bound.step_names) - set(outcome.unreached.steps)


def test_guests_of_the_default_vm_type_keep_their_old_contents() -> None:
    """KVM_SEV_ES_INIT: KVM_SET_XSAVE is stored and not launched, and later ioctls do nothing silently."""
    old = explored("sev-es-launch", NEWEST, AMD, sev_type="sev_es_init")
    assert broken(old) == {
        "protected_guest_finds_its_registers": 23,
        "ioctls_do_not_pretend": 2,
    }


def test_without_eb4441864e03_a_vm_type_of_its_own_refuses_xsave() -> None:
    """The fpstate is scratch from the creation on: what is refused is not lost."""
    outcome = explored("sev-es-launch", "v7.1-eb4441864e03", AMD)
    assert broken(outcome) == {}
    assert outcome.witness("guest_starts_on_what_the_vmm_set").verdict == "unseen"


def test_a_second_launch_stops_the_host_with_snp_and_ruins_the_guest_without() -> None:
    """The same write: SNP's table of owners refuses it, without SNP it goes through."""
    snp = explored("snp-launch", "v7.0", AMD).verdict("protected_state_is_not_written")
    assert snp.trace is not None
    assert snp.trace.end["harm"] == "rmp_violation"
    es = explored("sev-es-launch", "v7.0", AMD).verdict("protected_state_is_not_written")
    assert es.trace is not None
    assert es.trace.end["harm"] == "none"
    assert es.trace.end["vmsa_sse"] == "any"


@pytest.mark.parametrize("platform", [AMD, INTEL])
def test_a_thread_that_changes_its_cpu_must_put_its_vcpu(platform: str) -> None:
    """Else nothing is prepared on the new CPU: the host save area there is empty, the cache there is not corrected."""
    kept = system(
        "protected-migration",
        NEWEST,
        platform,
        edit=lambda p: p.replaced("context_switch.kvm_arch_vcpu_put", effect=nothing),
    )
    found = broken(search(kept))
    assert "user_return_cache_is_right" in found
    assert ("host_runs_on_host_pkru" in found) is (platform == AMD)


@pytest.mark.parametrize("kernel", ["v6.18", NEWEST])
def test_an_nmi_finds_the_hosts_pkru_whatever_gif_covers(kernel: str) -> None:
    """The processor switches PKRU of a SEV-ES guest, so that v6.19's order opens no window for it."""
    assert broken(explored("sev-nmi", kernel, AMD)) == {}


def test_a_kernel_without_the_feature_has_nothing_to_check() -> None:
    """A scenario says which commit it needs, vendor by vendor."""
    scenario = scenario_named("protected-run")
    assert scenario is not None
    for kernel, platform, applies in (
        ("v6.15", INTEL, False),
        ("v6.16", INTEL, True),
        ("v5.10", AMD, False),
        ("v5.11", AMD, True),
    ):
        shared = setting(kernel, platform, {}, ())
        found, note = world(scenario, shared)
        assert (found is not None) is applies
        assert applies or "has no commit" in note


def test_the_cache_may_not_trust_a_reported_success() -> None:
    """The alternative that the fix of v6.19 turned down fails as the code before it does."""
    outcome = explored(
        "protected-user-return", "v6.18", INTEL, td_user_return="cache_after_success"
    )
    assert broken(outcome)["user_return_cache_is_right"] == 31


def test_a_td_has_a_run_function_of_its_own() -> None:
    """tdx_vcpu_run() came in pieces: the entry, the host's features, the user-return MSRs."""
    steps = {
        kernel: [
            step.name
            for path in program("td-ioctls", kernel, INTEL).paths()
            if path.name == "tdx_vcpu_run"
            for step in path.steps
        ]
        for kernel in ("v6.15", "v6.16-6bfa6d8509ad-e0b4f31a3c65", "v6.16")
    }
    entry = ["tdh_vp_enter", "vmexit", "update_debugctl"]
    restore = ["tdx_load_host_pkru", "tdx_load_host_xcr0", "tdx_load_host_xss", "guest_entered"]
    assert list(steps.values()) == [[], entry, entry + restore]


def test_the_reference_agrees_with_the_packed_engine() -> None:
    """The slow search on records gives the same counts and verdicts."""
    slow = search(system("snp-launch", "v7.0", AMD), engine="reference")
    fast = explored("snp-launch", "v7.0", AMD)
    assert (slow.states, slow.transitions, slow.depth) == (
        fast.states,
        fast.transitions,
        fast.depth,
    )
    assert slow.verdicts == fast.verdicts


def test_a_scenario_of_sev_is_not_for_an_intel_platform() -> None:
    """SEV is SVM's, TDX is VMX's; the two that ask about both name a stand-in for each."""
    for name in ("sev-ghcb", "sev-es-launch", "snp-launch", "sev-nmi"):
        scenario = scenario_named(name)
        assert scenario is not None
        assert scenario.svm_only
        assert not scenario.default
