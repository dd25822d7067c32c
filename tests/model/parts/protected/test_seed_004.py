# SPDX-License-Identifier: Apache-2.0
"""Seed 004: dedicated code or fake vCPU state, checks and warnings; what holds, and what breaks when."""

from __future__ import annotations

import pytest

from tests.model.world import explored
from xsavvy.checker import Outcome
from xsavvy.kvm import NEWEST

INTEL, AMD = "sapphire-rapids", "genoa"
OLD = "v6.18"
"""XCR0, IA32_XSS and PKRU inside the vendor's function; from v6.19 on around the loop."""

FEATURES, PKRU = "host_runs_on_host_features", "host_runs_on_host_pkru"


def broken(outcome: Outcome) -> set[str]:
    """Name the properties that do not hold."""
    return {each.name for each in outcome.verdicts if each.verdict != "holds"}


@pytest.mark.parametrize("kernel", [OLD, NEWEST])
@pytest.mark.parametrize("xfam", ["without_amx", "host", "without_pku"])
def test_dedicated_code_restores_the_host_for_every_xfam(kernel: str, xfam: str) -> None:
    """Upstream's design: nothing of it depends on vcpu->arch."""
    assert broken(explored("td-ioctls", kernel, INTEL, td_xfam=xfam)) == set()


@pytest.mark.parametrize("kernel", [OLD, NEWEST])
@pytest.mark.parametrize("xfam", ["without_amx", "host", "without_pku"])
@pytest.mark.parametrize("values", ["xfam", "xfam_without_pke"])
def test_fake_state_from_xfam_does_too_and_needs_no_pke(
    kernel: str, xfam: str, values: str
) -> None:
    """XCR0[9] of XFAM is enough to restore PKRU, and without it the module leaves PKRU alone."""
    choices = {"protected_restore": "fake_state", "fake_values": values, "td_xfam": xfam}
    assert broken(explored("td-ioctls", kernel, INTEL, **choices)) == set()


@pytest.mark.parametrize("kernel", [OLD, NEWEST])
def test_fake_state_that_is_not_xfams_breaks_where_xfam_differs(kernel: str) -> None:
    """A plausible XCR0 that equals the host's means: no restore is needed. XFAM says otherwise."""
    choices = {"protected_restore": "fake_state", "fake_values": "cpuid"}
    differs = explored("td-ioctls", kernel, INTEL, **choices)
    assert broken(differs) == {FEATURES, "kernel_survives"}
    assert broken(explored("td-ioctls", kernel, INTEL, td_xfam="host", **choices)) == set()


@pytest.mark.parametrize("kernel", [OLD, NEWEST])
def test_fake_state_that_nobody_set_restores_nothing(kernel: str) -> None:
    """What a reset leaves in vcpu->arch keeps the helpers idle."""
    choices = {"protected_restore": "fake_state", "fake_values": "reset"}
    found = broken(explored("td-ioctls", kernel, INTEL, **choices))
    assert found == {FEATURES, PKRU, "kernel_survives"}


@pytest.mark.parametrize("kernel", [OLD, NEWEST])
def test_fake_state_goes_stale_if_an_ioctl_may_write_it(kernel: str) -> None:
    """KVM_SET_XCRS with the host's XCR0: the next exit restores nothing. Dedicated code does not care."""
    silent = explored("td-ioctls", kernel, INTEL, protected_ioctl="silent")
    assert broken(silent) == {"ioctls_do_not_pretend"}
    fake = explored(
        "td-ioctls", kernel, INTEL, protected_ioctl="silent", protected_restore="fake_state"
    )
    assert broken(fake) == {"ioctls_do_not_pretend", FEATURES, "kernel_survives"}


def test_a_debug_td_would_be_restored_from_what_an_ioctl_left() -> None:
    """Its state is not protected, so no ioctl is refused: with fake state the host pays for it."""
    guest = "protected_guest_runs_on_its_own_features"
    own = explored("td-ioctls", NEWEST, INTEL, td_type="debug")
    assert broken(own) == {guest}
    fake = explored("td-ioctls", NEWEST, INTEL, td_type="debug", protected_restore="fake_state")
    assert broken(fake) == {guest, FEATURES, "kernel_survives"}


@pytest.mark.parametrize("check", ["helper", "caller", "nobody"])
@pytest.mark.parametrize("kernel", ["v6.17", NEWEST])
def test_a_warning_needs_callers_that_ask(kernel: str, check: str) -> None:
    """The helpers are called for every vCPU: a WARN in them fires unless the caller asks first."""
    outcome = explored("protected-run", kernel, AMD, protected_warn="warn", protected_check=check)
    expected = set() if check == "caller" else {"no_warning_about_protected_state"}
    assert broken(outcome) == expected


def test_a_td_never_reaches_the_helpers_while_they_are_in_the_vendors_function() -> None:
    """Up to v6.18 a TD's run function does not call them; from v6.19 everybody does."""
    old = explored("td-ioctls", OLD, INTEL, protected_warn="warn", protected_check="nobody")
    new = explored("td-ioctls", NEWEST, INTEL, protected_warn="warn", protected_check="nobody")
    assert broken(old) == set()
    assert broken(new) == {"no_warning_about_protected_state"}


def test_a_forgotten_check_is_deadly_only_with_a_value_that_nobody_checked() -> None:
    """The helper loads the XCR0 that the guest put into the GHCB: #GP in the host until 4135a9a8ccba."""
    before = explored("sev-ghcb", "v6.17", AMD, protected_check="nobody")
    assert broken(before) == {"kernel_survives", "guest_features_are_legal"}
    trace = before.verdict("kernel_survives").trace
    assert trace is not None
    assert trace.end["fault"] == "xsetbv_gp"
    after = explored("sev-ghcb", "v6.17+4135a9a8ccba", AMD, protected_check="nobody")
    assert broken(after) == set()


def test_a_forgotten_check_is_harmless_where_the_processor_restores() -> None:
    """SEV-ES: whatever the helper loads is gone at VMRUN, and VMEXIT loads the host's."""
    assert broken(explored("protected-run", NEWEST, AMD, protected_check="nobody")) == set()
