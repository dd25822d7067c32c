# SPDX-License-Identifier: Apache-2.0
"""Tables that no processor has: every question gets an answer, and both paths give the same."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from xsavvy.cpuid.presets import PRESETS
from xsavvy.cpuid.table import Leaf, Table
from xsavvy.kvm import kernel
from xsavvy.kvm.configuration import WORDS, configuration
from xsavvy.kvm.exposed import at_runtime, cap_xsave2, leaf_d, listed_msrs, msr_reasons
from xsavvy.migrate import EFFECTS, Host, judge, offered_guest
from xsavvy.migrate.baseline import baseline
from xsavvy.migrate.fleet import Fleet, matrix, one_by_one
from xsavvy.migrate.saveset import save_set
from xsavvy.migrate.template import FORMATS, template

KEYS = [
    (0, 0),
    (1, 0),
    (7, 0),
    (7, 1),
    (0x1D, 0),
    (0x80000001, 0),
    *((0xD, index) for index in range(20)),
    (0xD, 62),
]
words = st.integers(0, (1 << 32) - 1) | st.sampled_from([0, 0x40, 0x240, 0xFFFFFFFF])
leaves = st.builds(Leaf, words, words, words, words)
tables = st.builds(
    lambda base, changes: PRESETS[base].table.replaced(changes),
    st.sampled_from(["sapphire-rapids", "genoa", "bulldozer"]),
    st.dictionaries(st.sampled_from(KEYS), leaves | st.none(), max_size=5),
) | st.builds(Table, st.dictionaries(st.sampled_from(KEYS), leaves, max_size=8))
hosts = st.builds(
    lambda table, release, chosen: Host("fuzzed", table, kernel(release), configuration(chosen)),
    tables,
    st.sampled_from(["v3.10", "v3.18", "v5.16", "v5.18", "v6.12", "v6.18", "v7.3"]),
    st.lists(st.sampled_from(sorted(WORDS)), max_size=2),
)


@settings(max_examples=80, deadline=None)
@given(hosts)
def test_an_offer_of_nonsense_is_an_offer(host: Host) -> None:
    """Whatever a dump says, the offer is within what the host has, and has its bytes and reasons."""
    caps = host.caps
    assert caps.xcr0 & ~caps.host_xcr0 == 0
    told = leaf_d(host.table, caps, host.kernel)
    at_runtime(told, host.table, host.kernel, caps.xcr0, caps.xss)
    assert len(msr_reasons(caps, host.kernel)) >= len(listed_msrs(caps, host.kernel))
    cap_xsave2(host.table, caps, host.kernel)
    assert save_set(host, offered_guest(host), frozenset())


@settings(max_examples=80, deadline=None)
@given(hosts, hosts, hosts)
def test_a_move_of_nonsense_has_a_verdict(source: Host, destination: Host, giver: Host) -> None:
    """Every pair has a verdict, by columns as well; the common model can be written."""
    guests = [offered_guest(source), offered_guest(giver)]
    assert judge(source, destination, guests[0]).verdict in EFFECTS
    fleet = Fleet.of([destination, giver])
    assert (matrix(source, fleet, guests) == one_by_one(source, [destination, giver], guests)).all()
    common = baseline([source, destination, giver])
    assert all(template(common.guest, form) for form in FORMATS)
