# SPDX-License-Identifier: Apache-2.0
"""Counts of the moves between two hosts."""

from __future__ import annotations

from tests.model.counts.row import Row

MOVES = (
    Row("moves", "v7.3", "sapphire-rapids", 10514, 35621, 24),
    Row("moves", "v7.3", "genoa", 1862, 6422, 23),
    Row("moves", "v6.18", "sapphire-rapids", 10586, 35621, 24),
    Row("moves", "v5.16", "genoa", 1154, 4152, 20),
    Row("moves-to-fewer", "v7.3", "sapphire-rapids", 5513, 11660, 21),
    Row("moves-without-xsave", "v7.3", "sapphire-rapids", 18, 56, 16),
    Row("moves-advertised", "v7.3", "sapphire-rapids", 23770, 43134, 26),
    Row("moves-xsaves-off", "v7.3", "sapphire-rapids", 2086, 3858, 22),
    Row("moves-to-v5.16", "v7.3", "sapphire-rapids", 6829, 15156, 24),
    Row("moves-to-v6.5", "v7.3", "sapphire-rapids", 9349, 17676, 25),
    Row("moves-from-v5.19", "v7.3", "sapphire-rapids", 4581, 11686, 23),
    Row("moves-from-v6.17", "v7.3", "sapphire-rapids", 7981, 15086, 25),
)
