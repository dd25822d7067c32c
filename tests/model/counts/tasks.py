# SPDX-License-Identifier: Apache-2.0
"""Counts of the scenarios of host tasks."""

from __future__ import annotations

from tests.model.counts.row import Row

TASKS = (
    Row("signals", "v5.18", "sapphire-rapids", 65040, 77546, 112),
    Row("signals", "v7.3", "sapphire-rapids", 50308, 60610, 111),
    Row("signals", "v7.3", "genoa", 42634, 51472, 112),
    Row("signals-32-bit", "v7.3", "haswell", 5779, 6581, 87),
    Row("signals-32-bit-softirqs", "v7.3", "haswell", 15832, 19252, 93),
    Row("signals-faults", "v5.13", "sapphire-rapids", 7292, 8408, 79),
    Row("signals-faults", "v7.3", "genoa", 5556, 6298, 70),
    Row("signals-xfd", "v6.18", "sapphire-rapids", 2781, 3100, 94),
    Row("signals-pkru", "v6.13", "genoa", 3924, 4483, 73),
    Row("signals-pkru", "v7.3", "sapphire-rapids", 3051, 3541, 65),
    Row("sigframe", "v7.3", "sapphire-rapids", 15623, 17585, 105),
    Row("exec", "v7.3", "sapphire-rapids", 13415, 15533, 72),
    Row("fork", "v6.18", "genoa", 3264, 3968, 45),
    Row("ptrace", "v7.3", "sapphire-rapids", 4352, 5206, 101),
    Row("kthread", "v7.3", "genoa", 279, 339, 35),
    Row("kthread-wrpkru", "v5.12", "sapphire-rapids", 310, 348, 39),
    Row("nopku", "v7.3", "sapphire-rapids", 1570, 1714, 86),
    Row("fpu-swap", "v6.18", "sapphire-rapids", 740, 872, 88),
    Row("xfd-header", "v6.19", "sapphire-rapids", 2510, 2955, 119),
    Row("xfd-set-xsave", "v6.19", "sapphire-rapids", 2392, 2660, 147),
)
