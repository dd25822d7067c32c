# SPDX-License-Identifier: Apache-2.0
"""Kernels are sets of commits: what one changes is found before it and gone after it."""

from __future__ import annotations

from itertools import pairwise

import pytest

from tests.model.world import explored, system
from xsavvy.checker import search
from xsavvy.kvm import COMMITS, DISTRIBUTIONS, NEWEST, RELEASES, Distribution, UnknownKernel, kernel
from xsavvy.model.constants import PkruHome, XfdHeader
from xsavvy.model.delta import BASE
from xsavvy.model.registry import PARTS, kernel_choices

INTEL = "sapphire-rapids"


def test_a_version_has_the_commits_of_all_before_it() -> None:
    """Versions are nested sets."""
    sets = [kernel(release).commits for release in RELEASES]
    assert all(older <= newer for older, newer in pairwise(sets))
    assert sets[-1] == {commit.id for commit in COMMITS}


def test_a_backport_is_a_version_with_a_commit_added() -> None:
    """`+ID` adds a commit, `-ID` takes one away, a prefix is enough."""
    fixed = kernel("v6.12+b45f72177594")
    assert "b45f72177594" in fixed
    assert kernel_choices(fixed)["xfd_header"] == XfdHeader.CLEARED
    assert kernel_choices(kernel("v6.19-7649412af"))["pkru_home"] == PkruHome.VENDOR_RUN


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("v6.99", "nearest: v6."),
        ("6.18", "nearest: v6.18"),
        ("v6.18+", "not one commit"),
        ("v6.18+ffffffffffff", "not one commit"),
        ("", "expected a version"),
    ],
)
def test_a_wrong_kernel_is_one_line_with_the_nearest_names(text: str, hint: str) -> None:
    """What cannot be named is refused."""
    with pytest.raises(UnknownKernel) as caught:
        kernel(text)
    assert hint in str(caught.value)
    assert "\n" not in str(caught.value)


def test_every_delta_belongs_to_a_commit_of_the_table() -> None:
    """No delta without a commit, no answer outside its part's questions, an edit on the right side of the base."""
    commits = {commit.id: commit for commit in COMMITS}
    in_base = kernel(BASE).commits
    for part in PARTS:
        for name, delta in part.deltas.items():
            assert name in commits
            assert {*delta.sets, *delta.lacks} <= set(part.defaults)
            assert delta.sets or delta.edit or delta.lacks or delta.without
            assert not (delta.without or delta.lacks) or name in in_base
            assert not (delta.edit or delta.sets) or name not in in_base
            assert delta.summary or not (delta.edit or delta.without)


def test_a_kernel_xrstors_faults_before_b45f72177594_and_not_after() -> None:
    """A softirq between the exit and the emulated write of IA32_XFD leaves a disabled bit behind."""
    before = explored("xfd", "v6.18", INTEL).verdict("kernel_survives")
    assert before.verdict == "violated"
    assert before.depth == 51
    assert before.trace is not None
    assert before.trace.end["fault"] == "xrstors_nm"
    assert explored("xfd", NEWEST, INTEL).verdict("kernel_survives").verdict == "holds"


def test_the_interleaving_needs_no_vmm_that_sets_state() -> None:
    """The same fault is found when the VMM never calls KVM_SET_XSAVE."""
    alone = system("xfd", "v6.18", INTEL, edit=lambda p: p.without_event("KVM_SET_XSAVE"))
    verdict = search(alone).verdict("kernel_survives")
    assert verdict.verdict == "violated"
    assert verdict.trace is not None
    actors = {hop.actor for hop in verdict.trace.hops}
    assert "guest" in actors
    assert actors & {"softirq", "scheduler"}


def test_registers_are_corrupted_before_59f5ede3bc0f_and_not_after() -> None:
    """A hard interrupt that uses the FPU inside fpregs_lock() tears the swap apart."""
    broken = search(system("fpu", BASE, INTEL), max_states=100_000)
    verdict = broken.verdict("guest_finds_its_registers")
    assert verdict.verdict == "violated"
    assert verdict.depth == 25
    fixed = explored("fpu", "v5.18", INTEL)
    assert all(each.verdict == "holds" for each in fixed.verdicts)


def test_the_window_of_seed_002_on_vmx_and_not_on_svm() -> None:
    """Up to v6.18 GIF covers the guest's PKRU on SVM; VMX has nothing that does."""
    name = "nmi_reads_user_memory_under_host_pkru"
    assert explored("pkru", "v6.18", INTEL).verdict(name).depth == 20
    assert explored("pkru", "v6.18", "genoa").verdict(name).verdict == "holds"


@pytest.mark.parametrize("each", DISTRIBUTIONS, ids=lambda each: each.name)
def test_a_distributions_kernel_adds_commits_to_its_version(each: Distribution) -> None:
    """Every backport is a commit of the table that the version lacks, and edits go on from there."""
    own, base = kernel(each.name), kernel(each.base)
    assert base.commits < own.commits
    assert own.commits - base.commits == set(each.adds)
    first = each.adds[0]
    assert kernel(f"{each.name}-{first}").commits == own.commits - {first}
