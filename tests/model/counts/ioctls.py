# SPDX-License-Identifier: Apache-2.0
"""Counts of the scenarios in which the VMM calls the ioctls of one vCPU."""

from __future__ import annotations

from tests.model.counts.row import Row

IOCTLS = (
    Row("ioctls-permissions", "v6.3", "sapphire-rapids", 13545, 17758, 100),
    Row("ioctls-permissions", "v7.3", "sapphire-rapids", 25471, 33212, 117),
    Row("ioctls-cpuid", "v4.15", "sapphire-rapids", 2492, 3168, 122),
    Row("ioctls-cpuid", "v6.18", "sapphire-rapids", 55252, 69143, 134),
    Row("ioctls-cpuid", "v7.3", "sapphire-rapids", 25232, 30704, 134),
    Row("ioctls-cpuid", "v7.3", "genoa", 26823, 32295, 142),
    Row("ioctls-pkru", "v5.14", "sapphire-rapids", 2459, 2719, 102),
    Row("ioctls-pkru", "v7.3", "genoa", 8373, 9165, 115),
    Row("ioctls-xsave", "v3.12", "sapphire-rapids", 7727, 11504, 131),
    Row("ioctls-xsave", "v7.3", "sapphire-rapids", 1804, 2700, 97),
    Row("ioctls-xfd", "v6.18", "sapphire-rapids", 14246, 17152, 107),
    Row("ioctls-xfd", "v7.3", "sapphire-rapids", 13954, 16864, 107),
    Row("ioctls-msrs", "v6.18", "sapphire-rapids", 3998, 4638, 157),
    Row("ioctls-msrs", "v7.3", "sapphire-rapids", 3988, 4634, 157),
    Row("ioctls-xss", "v6.18", "genoa", 15555, 19137, 123),
    Row("ioctls-xss", "v7.3", "sapphire-rapids", 7597, 9267, 110),
    Row("ioctls-xrstors", "v7.3", "genoa", 22152, 26624, 182),
    Row("ioctls-nm", "v6.14", "sapphire-rapids", 35362, 41964, 125),
    Row("ioctls-nm", "v7.3", "sapphire-rapids", 27556, 33004, 123),
)
