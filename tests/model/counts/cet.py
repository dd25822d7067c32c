# SPDX-License-Identifier: Apache-2.0
"""Counts of the scenarios about CET."""

from __future__ import annotations

from tests.model.counts.row import Row

CET = (
    Row("cet", "v7.3", "sapphire-rapids", 47087, 57867, 114),
    Row("cet", "v6.18", "genoa", 34309, 41613, 119),
    Row("cet-supervisor", "v7.3", "sapphire-rapids", 14243, 21735, 140),
    Row("cet-supervisor", "v6.18", "genoa", 8739, 11575, 148),
    Row("cet-msrs", "v7.3", "sapphire-rapids", 44015, 52620, 134),
    Row("cet-msrs", "v6.18", "genoa", 45931, 54826, 137),
    Row("cet-init", "v7.3", "sapphire-rapids", 25029, 28141, 113),
    Row("cet-init", "v6.18", "genoa", 18776, 20874, 115),
    Row("mpx-init", "v7.3", "skylake-sp", 4958, 5494, 99),
    Row("mpx-init", "v5.5+f958bd2314d1", "skylake-sp", 6011, 6549, 107),
    Row("cet-control", "v7.3", "sapphire-rapids", 615, 696, 85),
    Row("cet-control", "v6.18", "genoa", 717, 798, 89),
    Row("cet-emulator", "v7.3", "sapphire-rapids", 45928, 63466, 136),
    Row("cet-emulator", "v6.18", "genoa", 21173, 26153, 130),
    Row("cet-two-cpus", "v7.3", "sapphire-rapids", 29671, 34191, 143),
    Row("cet-two-cpus", "v6.18", "genoa", 17923, 20501, 149),
    Row("cet-emulator-preempted", "v7.3", "sapphire-rapids", 23930, 26600, 152),
    Row("capabilities", "v7.3", "sapphire-rapids", 37501, 39232, 23),
    Row("capabilities", "v7.3", "genoa", 1075, 1956, 20),
)
