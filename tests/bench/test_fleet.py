# SPDX-License-Identifier: Apache-2.0
"""What the bench of fleets measures; never how fast it is."""

from __future__ import annotations

from bench.fleet import GUESTS, SOURCE, draw, guests, measured
from xsavvy.cpuid.presets import PRESETS
from xsavvy.kvm import kernel
from xsavvy.migrate import Host


def test_both_paths_agree_on_what_is_measured() -> None:
    """A small fleet has the verdicts that are given one by one, and not all of them load."""
    found = measured(300, 60)
    assert (found.hosts, found.guests) == (300, len(GUESTS))
    assert 0 < found.loads < 1
    assert found.kinds <= 300


def test_the_fleet_is_the_same_every_time() -> None:
    """Hosts follow from the seed, and guests are different."""
    assert [host.name for host in draw(20)] == [host.name for host in draw(20)]
    models = guests(Host(SOURCE, PRESETS[SOURCE].table, kernel("v6.18")))
    assert len({(each.mask, each.features) for each in models}) == len(models) == 20
