# SPDX-License-Identifier: Apache-2.0
"""Columns give the verdicts that are given one by one."""

from __future__ import annotations

import random
from itertools import product

import numpy as np
import pytest

from xsavvy.cpuid.presets import PRESETS
from xsavvy.kvm import kernel
from xsavvy.kvm.configuration import WORDS, configuration
from xsavvy.migrate import Guest, Host, Vmm, guest_of, offered_guest
from xsavvy.migrate.fleet import CODES, Fleet, matrix, one_by_one

RELEASES = (
    "v3.10",
    "v3.18",
    "v4.5",
    "v4.14",
    "v5.7",
    "v5.16",
    "v5.18",
    "v6.1",
    "v6.12",
    "v6.18",
    "debian-6.1.192",
)
CONFIGURATIONS = ((), ("nopku",), ("noxsave",), ("noxsaves",), ("no-tile-permission",), ("ept=0",), ("ibt=off",),
                  ("clearcpuid=avx512f",), ("pt_mode=1",))  # fmt: skip


def host(name: str, release: str, *words: str) -> Host:
    """A preset under a kernel."""
    return Host(name, PRESETS[name].table, kernel(release), configuration(words))


def incomplete(name: str) -> list[Host]:
    """Dumps that lack subleaves, or leaf 7."""
    table = PRESETS[name].table
    cut = table.replaced({(0xD, 9): None})
    blind = table.replaced({(7, 0): None})
    return [Host(f"{name} cut", each, kernel("v6.18")) for each in (cut, blind)]


def guests(source: Host) -> list[Guest]:
    """Words, and odd masks that no VMM should give."""
    words = ("plain", "xsave", "avx", "avx,pku", "avx512", "mpx", "avx,pku,amx", "avx,cet", "ibt", "pt", "host",
             "host,-pku", "host,-cet", "xcr0=0x60003", "xcr0=0x5", "xss=0x1800", "xsaves,xfd")  # fmt: skip
    rng = random.Random(3)
    odd = [Guest(f"odd {place}", rng.getrandbits(20) & 0x602FF, rng.choice((0, 0x1800, 0x800)),
                 frozenset(rng.sample(("xsave", "xsaves", "pku", "avx", "cet_ss", "amx_tile", "xfd"), 3)))
           for place in range(8)]  # fmt: skip
    return [*(guest_of(each, source) for each in words), *odd]


DESTINATIONS = [
    *(host(name, release) for name, release in product(PRESETS, RELEASES)),
    *(host(name, release, *words)
      for name, release, words in product(("sapphire-rapids", "genoa"), ("v5.16", "v6.1", "v6.18"), CONFIGURATIONS)),
    *incomplete("sapphire-rapids"), *incomplete("milan"),
]  # fmt: skip
SOURCES = [
    ("sapphire-rapids", "v6.18"),
    ("genoa", "v5.16"),
    ("skylake-sp", "v3.18"),
    ("haswell", "v5.18"),
]


@pytest.mark.parametrize(("name", "release"), SOURCES)
def test_columns_agree_with_one_by_one(name: str, release: str) -> None:
    """Every preset, kernel and configuration, for guests sound and odd."""
    source = host(name, release)
    found = guests(source)
    by_columns = matrix(source, Fleet.of(DESTINATIONS), found)
    slowly = one_by_one(source, DESTINATIONS, found)
    differ = [(DESTINATIONS[row].name, DESTINATIONS[row].kernel.name, found[column].name)
              for row, column in np.argwhere(by_columns != slowly)]  # fmt: skip
    assert differ == []
    assert set(np.unique(slowly)) >= {CODES["loads"], CODES["refused"]}


def test_a_vmm_without_xss_loses_it_everywhere() -> None:
    """What is lost at the source is lost on every host that does not refuse."""
    source = host("sapphire-rapids", "v6.18")
    hosts = [host("sapphire-rapids", release) for release in ("v6.18", "v7.3")]
    careless = Vmm(msrs=frozenset({0x6A0}))
    found = matrix(source, Fleet.of(hosts), [offered_guest(source)], careless)
    assert found.ravel().tolist() == [CODES["loses"]] * 2


def test_equal_hosts_are_one_kind() -> None:
    """A thousand hosts of two kinds have two rows of columns."""
    hosts = [host(("genoa", "milan")[place % 2], "v6.18") for place in range(1000)]
    fleet = Fleet.of(hosts)
    assert len(fleet.kinds) == 2
    assert fleet.counts.tolist() == [500, 500]
    assert matrix(hosts[0], fleet, [offered_guest(hosts[1])]).shape == (1000, 1)


@pytest.mark.parametrize("word", WORDS)
def test_every_configuration_is_a_kind_of_its_own(word: str) -> None:
    """A configuration is part of what makes hosts equal."""
    pair = [host("genoa", "v6.18"), host("genoa", "v6.18", word)]
    assert len(Fleet.of(pair).kinds) == 2
