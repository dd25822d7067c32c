# SPDX-License-Identifier: Apache-2.0
"""Counts of Processor Trace's scenarios."""

from __future__ import annotations

from tests.model.counts.row import Row

TRACE = (
    Row("trace", "v6.11", "sapphire-rapids", 25295, 36855, 152),
    Row("trace-system", "v7.3", "sapphire-rapids", 2757, 4188, 112),
    Row("trace-xss", "v6.11", "sapphire-rapids", 2635, 3781, 103),
    Row("trace-addresses", "v6.11", "sapphire-rapids", 1174, 1266, 120),
    Row("trace-cpuid", "v6.11", "sapphire-rapids", 1700, 1787, 128),
)
