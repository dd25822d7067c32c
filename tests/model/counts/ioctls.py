# SPDX-License-Identifier: Apache-2.0
"""Counts of the scenarios in which the VMM calls the ioctls of one vCPU."""

from __future__ import annotations

from tests.model.counts.row import Row

IOCTLS = (
    Row("ioctls-permissions", "v6.3", "sapphire-rapids", 13545, 17758, 100),
    Row("ioctls-permissions", "v7.3", "sapphire-rapids", 25471, 33212, 117),
    Row("ioctls-cpuid", "v4.15", "sapphire-rapids", 2014, 2552, 102),
    Row("ioctls-cpuid", "v6.18", "sapphire-rapids", 55664, 69555, 136),
    Row("ioctls-cpuid", "v7.3", "sapphire-rapids", 25416, 30888, 136),
    Row("ioctls-cpuid", "v7.3", "genoa", 27007, 32479, 144),
    Row("ioctls-pkru", "v5.14", "sapphire-rapids", 2459, 2719, 102),
    Row("ioctls-pkru", "v7.3", "genoa", 8373, 9165, 115),
    Row("ioctls-xsave", "v3.12", "sapphire-rapids", 7799, 12872, 131),
    Row("ioctls-xsave", "v7.3", "sapphire-rapids", 1820, 3012, 97),
    Row("ioctls-xfd", "v6.18", "sapphire-rapids", 14302, 17576, 107),
    Row("ioctls-xfd", "v7.3", "sapphire-rapids", 14010, 17288, 107),
    Row("ioctls-msrs", "v6.18", "sapphire-rapids", 3998, 4638, 157),
    Row("ioctls-msrs", "v7.3", "sapphire-rapids", 3988, 4634, 157),
    Row("ioctls-xss", "v6.18", "genoa", 15555, 19137, 123),
    Row("ioctls-xss", "v7.3", "sapphire-rapids", 7597, 9267, 110),
    Row("ioctls-xrstors", "v7.3", "genoa", 22152, 26624, 182),
    Row("ioctls-nm", "v6.14", "sapphire-rapids", 56552, 67145, 191),
    Row("ioctls-nm", "v7.3", "sapphire-rapids", 44073, 52823, 184),
)
