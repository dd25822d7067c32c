# SPDX-License-Identifier: Apache-2.0
"""What two kernels do differently is told commit by commit."""

from __future__ import annotations

import pytest

from xsavvy.api import CommitDiff, UsageError, diff


def only(found: list[CommitDiff], commit: str) -> CommitDiff:
    """Return what one commit changes."""
    return next(each for each in found if each.commit == commit)


def test_a_step_that_goes_elsewhere_has_moved() -> None:
    """v6.19 takes the switch of XCR0 out of the vendors' run functions."""
    found = only(diff("v6.18", "v6.19"), "75c69c82f211")
    moved = {(each.where, each.detail) for each in found.changes if each.kind == "moved"}
    assert (
        "vcpu_enter_guest.load_guest_xcr0",
        "from vmx_vcpu_run.load_guest_xcr0",
    ) in moved
    assert ("vcpu_exit_guest.load_host_xss", "from svm_vcpu_run.load_host_xss") in moved
    answer = next(each for each in found.changes if each.where == "xfeatures_home")
    assert answer.detail.startswith("vendor_run -> outside_loop")


def test_a_choice_names_the_steps_that_read_it() -> None:
    """Where the order stays, the steps that behave differently are named."""
    (found,) = diff("v6.18", "v6.18+b45f72177594")
    (answer,) = [each for each in found.changes if each.where == "xfd_header"]
    assert "kept -> cleared" in answer.detail
    assert "set_msr_xfd.clear_header" in answer.detail


def test_the_way_back_takes_away_what_the_way_there_added() -> None:
    """The same commits in the other direction, youngest first."""
    there, back = diff("v6.15", "v6.16"), diff("v6.16", "v6.15")
    assert [each.commit for each in back] == [each.commit for each in reversed(there)]
    assert {each.direction for each in back} == {"removed"}
    added = {each.where for each in only(back, "730faa15a069").changes if each.kind == "added"}
    gone = {each.where for each in only(there, "730faa15a069").changes if each.kind == "removed"}
    assert "context_switch.switch_fpu_finish" in added & gone
    assert added <= gone | {"kthread.switch_fpu_finish"}


def test_a_platform_that_a_kernel_uses_more_of_is_told() -> None:
    """What a guest is offered is a difference too."""
    found = only(diff("v6.17", "v6.18"), "69cc3e886582")
    assert "guest_xss" in {each.where for each in found.changes}


def test_equal_kernels_do_not_differ() -> None:
    """A kernel differs from itself in nothing."""
    assert diff("v6.18", "v6.18") == []
    assert diff("v6.18", "v6.18+b45f72177594-b45f72177594") == []


def test_an_unknown_kernel_is_one_line() -> None:
    """The nearest names."""
    with pytest.raises(UsageError, match="nearest"):
        diff("v6.18", "v6.99")
