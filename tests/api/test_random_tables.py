# SPDX-License-Identifier: Apache-2.0
"""Tables that no processor would answer: judged, described and drawn without a crash, and quickly."""

from __future__ import annotations

import random
import time
from xml.etree import ElementTree as ET

import pytest

from xsavvy.cpuid.describe import describe
from xsavvy.cpuid.lint import lint
from xsavvy.cpuid.presets import PRESETS
from xsavvy.cpuid.table import Leaf, Table
from xsavvy.kvm.kernels import kernel
from xsavvy.kvm.objection import objections
from xsavvy.report.area import area
from xsavvy.report.cpu import cpu_lines

ROUNDS = 60
BASES = [preset.table for preset in PRESETS.values()]


def spoiled(chance: random.Random) -> Table:
    """A preset with registers overwritten, entries taken away, and bits made unknown."""
    entries = dict(chance.choice(BASES))
    for _ in range(chance.randint(1, 12)):
        key = chance.choice([(13, chance.randint(0, 63)), (13, 0), (13, 1), (7, 0), (7, 1), (1, 0)])
        words = list(entries.get(key, Leaf(0, 0, 0, 0)))
        place = chance.randrange(4)
        words[place] = chance.choice(
            [chance.getrandbits(32), words[place] ^ 1 << chance.randrange(32), 0xFFFFFFFF]
        )
        entries[key] = Leaf(*words)
        if chance.random() < 0.1:
            entries.pop(chance.choice(list(entries)))
    known = {key: chance.getrandbits(32) for key in entries if chance.random() < 0.1}
    masks = {key: Leaf(mask, mask, mask, mask) for key, mask in known.items()}
    kept = {
        key: Leaf(*(word & masks[key].eax for word in leaf)) if key in masks else leaf
        for key, leaf in entries.items()
    }
    return Table(kept, known=masks, whole=chance.random() < 0.3)


@pytest.mark.parametrize("seed", range(4))
def test_any_table_can_be_judged(seed: int) -> None:
    """Random tables have a verdict in plain sentences, a description, a picture, and KVM's opinion."""
    chance, kernels = random.Random(seed), [kernel(name) for name in ("v3.10", "v5.17", "v7.3")]
    for _ in range(ROUNDS):
        table, started = spoiled(chance), time.process_time()
        verdict, cpu = lint(table), describe(table)
        objected = [each for rules in kernels for each in objections(table, rules)]
        assert ET.fromstring(area(cpu)).tag.endswith("svg")
        assert list(cpu_lines(cpu, 80))
        assert all(each.sentence.isprintable() and each.source for each in verdict.findings)
        assert all(each.sentence.isprintable() and each.source for each in objected)
        assert time.process_time() - started < 5
