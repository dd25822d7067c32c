# SPDX-License-Identifier: Apache-2.0
"""The derivation of seed 003's page and the one that `xsavvy exposes` makes are one."""

from __future__ import annotations

from itertools import product

import pytest

from docs.answers.seed_003 import offered
from xsavvy.cpuid.presets import PRESETS
from xsavvy.cpuid.table import Table
from xsavvy.isa.components import CET_S, CET_U
from xsavvy.kvm import cet, kernel
from xsavvy.kvm.capabilities import capabilities
from xsavvy.kvm.configuration import configuration

COMBINATIONS = [
    *product(range(4), (0, 1), (0, CET_U, CET_S, CET_U | CET_S), ("sapphire-rapids", "milan"))
]


def machine(name: str, features: int, components: int) -> Table:
    """A preset with other features and components of CET."""
    table = PRESETS[name].table
    leaf, masks = table.read(7), table.read(0xD, 1)
    return table.replaced({
        (7, 0): leaf._replace(
            ecx=leaf.ecx & ~(1 << 7) | (features & cet.SHSTK and 1 << 7),
            edx=leaf.edx & ~(1 << 20) | (features & cet.IBT and 1 << 20),
        ),
        (0xD, 1): masks._replace(ecx=masks.ecx & ~0x1800 | components),
    })  # fmt: skip


@pytest.mark.parametrize(("features", "ibt_off", "components", "name"), COMBINATIONS)
def test_every_combination_offers_the_same(
    features: int, ibt_off: int, components: int, name: str
) -> None:
    """CPUID, host configuration, components and vendor: the rules in a row say what the ledger says."""
    host = configuration(["ibt=off"] if ibt_off else [])
    caps = capabilities(machine(name, features, components), kernel("v6.18"), host)
    found = (cet.SHSTK if "cet_ss" in caps.features else 0) | (
        cet.IBT if "cet_ibt" in caps.features else 0
    )
    assert found == offered(features, ibt_off, components, name != "milan", raw=False)
    assert bool(found) is (caps.xss == CET_U | CET_S)
