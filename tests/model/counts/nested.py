# SPDX-License-Identifier: Apache-2.0
"""Counts of the scenarios of nested guests."""

from __future__ import annotations

from tests.model.counts.row import Row

NESTED = (
    Row("nested-shared", "v7.3", "sapphire-rapids", 27849, 31719, 118),
    Row("nested-shared", "v7.3", "genoa", 26691, 30309, 123),
    Row("nested-pkru", "v7.3", "sapphire-rapids", 31801, 34889, 250),
    Row("nested-pkru", "v7.3", "genoa", 34441, 37529, 263),
    Row("nested-migration", "v7.3", "skylake-sp", 4630, 4984, 152),
    Row("nested-migration", "v7.3", "sapphire-rapids", 20277, 21924, 232),
    Row("nested-migration", "v7.3", "genoa", 1286, 1366, 155),
    Row("nested-bndcfgs", "v7.3", "skylake-sp", 1247, 1327, 179),
    Row("nested-xsaves", "v7.3", "sapphire-rapids", 2803, 2965, 140),
    Row("nested-checks", "v7.3", "sapphire-rapids", 10967, 12273, 172),
    Row("nested-xfd", "v7.3", "sapphire-rapids", 47798, 57754, 155),
    Row("nested-nm", "v7.3", "sapphire-rapids", 1877, 2037, 115),
    Row("nested-nm-free", "v7.3", "sapphire-rapids", 1341, 1421, 172),
)
