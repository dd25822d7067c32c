# SPDX-License-Identifier: Apache-2.0
"""A move between two hosts: known bugs before and after their fix, which pairs of kernels move whom, VMMs' habits."""

from __future__ import annotations

import pytest

from tests.model.world import explored, system, world
from xsavvy.checker import Outcome, search
from xsavvy.isa.layout import compacted, standard
from xsavvy.kvm import NEWEST, kernel
from xsavvy.kvm.migration import EXTENDED_OFFSET
from xsavvy.model.build import constants_for
from xsavvy.model.parts.moves import MOVES
from xsavvy.model.parts.moves.fate import Fate, fate, refusing_call
from xsavvy.model.parts.moves.kernels import DEFAULTS, DELTAS
from xsavvy.model.parts.moves.scenarios import PEERS, ROUTES
from xsavvy.model.parts.moves.sizes import told_bytes

INTEL = "sapphire-rapids"
AMD = "genoa"
FINDS = "guest_finds_itself_after_a_move"
BOUNDED = "image_names_only_what_the_guest_has"
ACCEPTED = "image_of_a_supported_guest_is_accepted"
NOTHING_REFUSED = "destination_refuses_nothing"
FORMATS = "images_have_the_format_that_is_expected"
BUFFERS = "buffers_hold_what_is_copied"
USABLE = "advertised_features_can_be_used"
FAULTS = "no_image_makes_the_kernel_fault"


def broken(outcome: Outcome) -> set[str]:
    """Name the violated properties."""
    assert outcome.complete
    return {each.name for each in outcome.verdicts if each.verdict != "holds"}


@pytest.mark.parametrize("platform", [INTEL, AMD])
@pytest.mark.parametrize(
    "scenario", ["moves", "moves-to-fewer", "moves-without-xsave", "moves-advertised"]
)
def test_the_newest_kernel_moves_every_guest(scenario: str, platform: str) -> None:
    """Between equal hosts, to one with fewer features, from one without XSAVE, nothing is lost."""
    outcome = explored(scenario, NEWEST, platform)
    assert broken(outcome) == set()
    assert all(each.verdict == "seen" for each in outcome.witnesses)


FIXES = [
    ("moves", INTEL, "v3.18", "df1daba7d1cb", {FORMATS}),
    ("moves", INTEL, "v4.11", "mxcsr_reserved_bits", {FAULTS}),
    ("moves-xsaves-off", INTEL, "v4.5", "316314ca", {USABLE}),
    ("moves-to-fewer", INTEL, "v5.16", "ad856280ddea", {BOUNDED, ACCEPTED}),
    ("moves-without-xsave", INTEL, "v5.18", "d187ba531230", {BUFFERS}),
    ("moves", AMD, "v5.19", "a1020a25e697", {FINDS}),
    ("moves-without-xsave", INTEL, "v5.19", "a1020a25e697", {ACCEPTED, NOTHING_REFUSED}),
    ("moves", INTEL, "v6.0", "471f0aa7fa64", {BUFFERS}),
    ("moves-from-v5.16", INTEL, "v6.5", "8647c52e9504", {ACCEPTED, NOTHING_REFUSED}),
    ("moves-advertised", INTEL, "v6.3", "55cd57b596e8", {USABLE}),
    ("moves", AMD, "v6.14", "1937e18cc3cf", {BUFFERS}),
    ("moves", INTEL, "v6.18", "b45f72177594", {FAULTS}),
]


@pytest.mark.parametrize(("scenario", "platform", "release", "commit", "found"), FIXES)
def test_a_bug_is_found_before_its_fix_and_not_after(
    scenario: str, platform: str, release: str, commit: str, found: set[str]
) -> None:
    """Each comes out of a general property; the commit alone makes the difference."""
    assert found <= broken(explored(scenario, release, platform))
    assert found & broken(explored(scenario, f"{release}+{commit}", platform)) == set()


LACKED = [
    ("moves", INTEL, "v6.1", "cc04b6a21d43", BUFFERS),
    ("moves", INTEL, "v6.18", "c0a5f2989122", FINDS),
]


@pytest.mark.parametrize(("scenario", "platform", "release", "commit", "found"), LACKED)
def test_a_commit_that_came_with_its_feature_is_missed_where_it_is_taken_away(
    scenario: str, platform: str, release: str, commit: str, found: str
) -> None:
    """Tiles came with the aligned sizes, CET in IA32_XSS with its place in the list of MSRs."""
    assert found not in broken(explored(scenario, release, platform))
    assert found in broken(explored(scenario, f"{release}-{commit}", platform))


def test_ad856280ddea_fixed_one_thing_and_broke_another() -> None:
    """The guest without XSAVE loses x87 and SSE until a1020a25e697."""
    assert FINDS not in broken(explored("moves-to-fewer", "v5.16", INTEL))
    assert broken(explored("moves-to-fewer", "v5.16+ad856280ddea", INTEL)) == {FINDS}


KINDS = ("plain", "avx", "keys", "tiles", "cet")
PAIRS = {
    ("moves-to-v5.16", "v7.3"): "moves moves moves refused refused",
    ("moves-to-v5.19", "v7.3"): "refused moves moves moves refused",
    ("moves-to-v6.17", "v7.3"): "moves moves moves moves refused",
    ("moves-from-v5.16", "v5.17"): "refused refused moves - -",
    ("moves-from-v5.16", "v6.5"): "refused refused moves - -",
    ("moves-from-v5.16", "v6.6"): "moves moves moves - -",
    ("moves-from-v5.19", "v7.3"): "loses moves moves moves -",
    ("moves-from-v6.5", "v7.3"): "moves moves moves moves -",
    ("moves-from-v6.17", "v7.3"): "moves moves moves moves -",
    ("moves-from-v6.17", "v5.17"): "refused moves moves moves -",
    ("moves-from-v6.5", "v3.18"): "faults faults refused refused -",
}


@pytest.mark.parametrize(("pair", "fates"), PAIRS.items())
def test_which_guests_move_between_two_kernels(pair: tuple[str, str], fates: str) -> None:
    """What each kernel makes of the images of another, as verdicts, for five kinds of guests."""
    scenario, release = pair
    outcomes = [explored(scenario, release, INTEL, guest_model=kind) for kind in KINDS]
    assert [fate(outcome).value for outcome in outcomes] == fates.split()
    assert all(refusing_call(each) for each in outcomes if fate(each) is Fate.REFUSED)


def test_the_reference_agrees_with_the_packed_engine() -> None:
    """The slow search on records gives the same counts, verdicts and traces."""
    slow = search(system("moves-xsaves-off", "v4.5", INTEL), engine="reference")
    fast = explored("moves-xsaves-off", "v4.5", INTEL)
    assert (slow.states, slow.transitions, slow.verdicts) == (
        fast.states,
        fast.transitions,
        fast.verdicts,
    )


def test_a_refusal_is_loud_unless_the_vmm_goes_on() -> None:
    """A VMM that runs the guest after KVM_SET_XSAVE has failed loses its registers."""
    careful = broken(explored("moves-from-v5.16", "v6.5", INTEL))
    careless = broken(explored("moves-from-v5.16", "v6.5", INTEL, after_refusal="goes_on"))
    assert FINDS not in careful
    assert FINDS in careless


def test_what_v5_16_saved_too_much_no_kernel_makes_good() -> None:
    """The newest kernel too refuses an image with what its host lacks: loudly, as its authors say."""
    outcome = explored("moves-from-v5.16-to-fewer", NEWEST, INTEL)
    assert broken(outcome) == {ACCEPTED}


@pytest.mark.parametrize("platform", [INTEL, AMD])
def test_a_list_of_msrs_without_xss_loses_it(platform: str) -> None:
    """Firecracker's list before its pull request 5972, on any kernel whose guests have CET."""
    outcome = explored("moves", NEWEST, platform, saved_msrs="without_xss")
    assert broken(outcome) == {FINDS}
    assert broken(explored("moves", "v6.17", AMD, saved_msrs="without_xss")) == set()


def test_the_order_of_restoring_does_not_matter() -> None:
    """KVM's selftests restore MSRs first and the image last: supervisor components stay."""
    one = explored("moves", NEWEST, INTEL)
    other = explored("moves", NEWEST, INTEL, restore_order="selftests")
    assert broken(one) == broken(other) == set()
    assert one.states == other.states


def test_an_image_without_pkru_leaves_pkru_alone() -> None:
    """What ptrace and sigreturn do with an absent PKRU would lose the guest's."""
    outcome = explored("moves", NEWEST, INTEL, absent_pkru="initial")
    assert "vcpu_keeps_what_was_put_into_it" in broken(outcome)


def test_each_host_answers_for_its_own_kernel() -> None:
    """The peer is the destination, or where the guest comes from."""
    to = constants_for(world("moves-to-v5.16", NEWEST, INTEL))
    back = constants_for(world("moves-from-v5.16", NEWEST, INTEL))
    assert (to.src_image_scope, to.dst_image_scope) == (3, 0)
    assert (back.src_image_scope, back.dst_image_scope) == (0, 3)
    assert (to.src_tile_guests, to.dst_tile_guests) == (1, 0)


def test_sizes_are_those_of_the_layout() -> None:
    """What the model reckons for the compacted format is what `isa.layout` lays out."""
    target = world("moves", NEWEST, INTEL)
    k = constants_for(target)
    leaves = target.platform.processor.subleaves
    for features in (0x3, 0x7, 0x207, 0x60207, 0x1807, 0x61A07):
        assert told_bytes(k, 0, features, 1) == max(
            EXTENDED_OFFSET, compacted(leaves, features).size
        )
    assert k.src_user_bytes == standard(leaves, 0x202E7).size == 2816
    assert k.src_user_tiles == standard(leaves, 0x602E7).size == 11008
    assert told_bytes(k, 0, 0x60207, 1) - told_bytes(k, 0, 0x60207, 0) == 56


def test_every_delta_is_met_by_a_kernel() -> None:
    """A commit of the part changes an answer between the oldest and the newest kernel."""
    newest = kernel(NEWEST)
    assert all(commit in newest for commit in DELTAS)
    assert {name for each in DELTAS.values() for name in (*each.sets, *each.lacks)} <= set(DEFAULTS)


def test_every_scenario_has_a_route() -> None:
    """A scenario without one would have no hosts."""
    assert {each.name for each in MOVES.scenarios} == set(ROUTES)
    assert {each.peer for each in MOVES.scenarios if each.peer} == set(PEERS)
