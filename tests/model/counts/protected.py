# SPDX-License-Identifier: Apache-2.0
"""Counts of the scenarios of protected guests."""

from __future__ import annotations

from tests.model.counts.row import Row

PROTECTED = (
    Row("protected-run", "v6.12", "genoa", 57714, 68404, 124),
    Row("protected-run", "v7.3", "genoa", 45558, 54600, 121),
    Row("protected-run", "v7.3", "sapphire-rapids", 46408, 55364, 128),
    Row("sev-ghcb", "v6.18", "genoa", 4901, 5925, 143),
    Row("sev-ghcb", "v7.3", "genoa", 4901, 5925, 143),
    Row("protected-user-return", "v6.17", "genoa", 8201, 9161, 148),
    Row("protected-user-return", "v7.3", "genoa", 12043, 13499, 153),
    Row("protected-user-return", "v6.18", "sapphire-rapids", 13344, 15000, 152),
    Row("protected-user-return", "v7.3", "sapphire-rapids", 11821, 13198, 160),
    Row("sev-es-launch", "v6.9", "genoa", 3526, 3986, 92),
    Row("sev-es-launch", "v7.3", "genoa", 1122, 1390, 91),
    Row("snp-launch", "v7.0", "genoa", 6894, 14128, 94),
    Row("snp-launch", "v7.3", "genoa", 540, 594, 91),
    Row("td-ioctls", "v6.18", "sapphire-rapids", 1830, 2158, 99),
    Row("td-ioctls", "v7.3", "sapphire-rapids", 1684, 1914, 117),
    Row("protected-migration", "v7.3", "genoa", 41438, 46860, 153),
    Row("protected-migration", "v7.3", "sapphire-rapids", 41402, 46674, 173),
    Row("sev-nmi", "v6.12", "genoa", 984, 1432, 95),
    Row("sev-nmi", "v7.3", "genoa", 1074, 1612, 95),
)
