# SPDX-License-Identifier: Apache-2.0
"""Counts of the run loop's scenarios."""

from __future__ import annotations

from tests.model.counts.row import Row

RUN = (
    Row("fpu", "v5.18", "sapphire-rapids", 473415, 571477, 134),
    Row("fpu", "v6.18", "genoa", 250288, 308569, 129),
    Row("fpu", "v7.3", "sapphire-rapids", 385355, 473080, 125),
    Row("xcr0", "v6.18", "sapphire-rapids", 89687, 107689, 218),
    Row("xcr0", "v7.3", "genoa", 75567, 90871, 227),
    Row("xss", "v6.12", "genoa", 14048, 16654, 153),
    Row("xss", "v6.18", "sapphire-rapids", 104481, 125599, 194),
    Row("xss", "v7.3", "genoa", 94937, 114209, 202),
    Row("pkru", "v6.18", "sapphire-rapids", 345512, 474022, 189),
    Row("pkru", "v6.18", "genoa", 338168, 456454, 197),
    Row("pkru", "v7.3", "sapphire-rapids", 346376, 475318, 189),
    Row("pkru", "v7.3", "genoa", 351080, 480022, 197),
    Row("pkru-xinuse", "v6.18", "sapphire-rapids", 389, 473, 83),
    Row("pkru-xinuse", "v6.18", "genoa", 269, 317, 87),
    Row("xfd-on-demand", "v6.18", "sapphire-rapids", 40133, 48173, 137),
    Row("xfd", "v5.18", "sapphire-rapids", 556590, 662838, 270),
    Row("xfd", "v6.18", "sapphire-rapids", 442637, 532031, 263),
    Row("xfd", "v7.3", "sapphire-rapids", 436345, 524611, 263),
    Row("progress", "v6.18", "sapphire-rapids", 9635, 11624, 98),
    Row("progress", "v7.3", "genoa", 8329, 10062, 101),
    Row("progress-xfd", "v6.18", "sapphire-rapids", 30995, 34717, 180),
    Row("progress-xfd", "v7.3", "sapphire-rapids", 30991, 34721, 171),
    Row("fpu-xcr0", "v7.3", "sapphire-rapids", 2432578, 2987777, 180),
)

# These take minutes and gigabytes: the first always runs, the others with XSAVVY_LARGE=1.
LARGE = (
    Row("fpu-pkru", "v6.18", "sapphire-rapids", 62112322, 94757444, 158),
    Row("fpu-pkru-xss", "v6.18", "sapphire-rapids", 689782042, 1056085604, 209),
)
