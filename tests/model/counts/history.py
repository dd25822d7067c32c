# SPDX-License-Identifier: Apache-2.0
"""Counts of the scenarios of the run loop's past, and of the run loop's own on old kernels."""

from __future__ import annotations

from tests.model.counts.row import Row

HISTORY = (
    Row("machine-check", "v7.3", "sapphire-rapids", 3866, 4260, 126),
    Row("machine-check", "v7.3", "genoa", 3614, 3984, 129),
    Row("machine-check", "v6.18", "genoa", 3614, 3984, 129),
    Row("machine-check", "v5.0", "sapphire-rapids", 1417, 1584, 113),
    Row("cpu-hotplug", "v7.3", "sapphire-rapids", 14811, 22227, 165),
    Row("emulator", "v7.3", "sapphire-rapids", 6634, 8026, 85),
    Row("emulator", "v3.10", "genoa", 9109, 10764, 145),
    Row("guest-fpu", "v7.3", "sapphire-rapids", 11037, 13341, 105),
    Row("guest-fpu", "v5.5", "sapphire-rapids", 99745, 120051, 146),
    Row("guest-fpu", "v4.20", "sapphire-rapids", 6527, 8272, 101),
    Row("guest-fpu", "v4.14", "sapphire-rapids", 5471, 6629, 104),
    Row("guest-fpu", "v4.1", "genoa", 11213, 13341, 141),
    Row("xcr0-switch", "v7.3", "sapphire-rapids", 2615, 2856, 141),
    Row("xcr0-switch", "v3.10", "sapphire-rapids", 2955, 3229, 124),
    Row("pkru-image", "v7.3", "sapphire-rapids", 4508, 5044, 114),
    Row("pkru-image", "v4.12", "sapphire-rapids", 6640, 7474, 125),
    Row("pkru-reach", "v7.3", "genoa", 1564, 1704, 100),
    Row("bounds", "v4.1", "sapphire-rapids", 13328, 14938, 117),
    Row("progress", "v4.1", "sapphire-rapids", 6908, 8492, 97),
    Row("progress", "v4.20", "sapphire-rapids", 4380, 5433, 95),
    Row("progress", "v5.16", "sapphire-rapids", 73344, 88953, 125),
    Row("xcr0", "v4.5", "sapphire-rapids", 21421, 25937, 187),
    Row("xcr0", "v5.0", "genoa", 17297, 20786, 188),
)
