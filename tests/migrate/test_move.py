# SPDX-License-Identifier: Apache-2.0
"""Verdicts on moves, against the explored model and against the incidents that people reported."""

from __future__ import annotations

from itertools import product

import pytest

from tests.model.parts.moves.test_moves import KINDS, PAIRS
from tests.model.world import explored
from xsavvy.cpuid.presets import PRESETS
from xsavvy.kvm import kernel
from xsavvy.kvm.configuration import configuration
from xsavvy.migrate import Guest, Host, Move, judge
from xsavvy.model.parts.moves.fate import Fate, fate, refusing_call
from xsavvy.model.parts.moves.scenarios import PEERS

GUESTS = {
    "plain": Guest("plain", 0),
    "avx": Guest("avx", 0x7, 0, frozenset({"xsave", "avx"})),
    "keys": Guest("keys", 0x207, 0, frozenset({"xsave", "avx", "pku"})),
    "tiles": Guest("tiles", 0x60207, 0, frozenset({"xsave", "avx", "pku", "xfd", "amx_tile"})),
    "cet": Guest("cet", 0x7, 0x1800, frozenset({"xsave", "xsaves", "avx", "cet_ss", "cet_ibt"})),
}
MEANS = {Fate.MOVES: "loads", Fate.LOSES: "loses", Fate.FAULTS: "loses", Fate.REFUSED: "refused",
         Fate.NOT_THERE: "unknown"}  # fmt: skip
INTEL = "sapphire-rapids"


def host(name: str, release: str, *words: str) -> Host:
    """A preset under a kernel."""
    return Host(f"{name} {release}", PRESETS[name].table, kernel(release), configuration(words))


def ends(scenario: str, release: str) -> tuple[Host, Host]:
    """The two hosts of a scenario of the model."""
    way, _, peer = scenario.removeprefix("moves-").partition("-")
    ours, other = host(INTEL, release), host(INTEL, peer)
    return (ours, other) if way == "to" else (other, ours)


def verdicts(scenario: str, release: str) -> list[str]:
    """What is said of the five guests."""
    source, destination = ends(scenario, release)
    found = [judge(source, destination, GUESTS[kind]) for kind in KINDS]
    return ["unknown" if any(each.rule == "source-lacks" for each in one.findings) else one.verdict
            for one in found]  # fmt: skip


@pytest.mark.parametrize(("pair", "fates"), PAIRS.items())
def test_verdicts_are_the_fates_that_the_model_pins(pair: tuple[str, str], fates: str) -> None:
    """The pairs that the model's own test explores."""
    assert verdicts(*pair) == [MEANS[Fate(word)] for word in fates.split()]


GRID = [
    *product(
        (f"moves-{way}-{peer}" for way in ("to", "from") for peer in PEERS),
        ("v5.18", "v6.12", "v6.18"),
    )
]


@pytest.mark.parametrize(("scenario", "release"), GRID)
def test_verdicts_are_the_explored_fates(scenario: str, release: str) -> None:
    """Exploring every interleaving of the VMM's calls ends as the rules in a row say."""
    outcomes = [explored(scenario, release, INTEL, guest_model=kind) for kind in KINDS]
    assert verdicts(scenario, release) == [MEANS[fate(each)] for each in outcomes]


def test_the_refusing_call_is_the_models() -> None:
    """What refuses first in the model is among the calls that refuse here."""
    source, destination = ends("moves-to-v5.16", "v7.3")
    for kind in ("tiles", "cet"):
        call = refusing_call(explored("moves-to-v5.16", "v7.3", INTEL, guest_model=kind))
        rules = [each.rule.lower() for each in judge(source, destination, GUESTS[kind]).findings]
        assert any(call in rule.replace("kvm_", "") or call in rule for rule in rules), (
            call,
            rules,
        )


def found(move: Move, rule: str) -> list[str]:
    """Components that a rule names."""
    return [each.component for each in move.findings if each.rule == rule]
