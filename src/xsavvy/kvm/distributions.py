# SPDX-License-Identifier: Apache-2.0
"""Distributions' kernels: a version, and what was backported to it.

A row says which commits of the table the package's changelog names by subject, beyond those of its version. What the
changelog does not name is taken as absent, which is inferred.
"""

from dataclasses import dataclass

__all__ = ["DISTRIBUTIONS", "Distribution"]


@dataclass(frozen=True)
class Distribution:
    """One package: its name here, the version it starts from, the commits added, where that was read."""

    name: str
    base: str
    adds: tuple[str, ...]
    source: str


DISTRIBUTIONS: tuple[Distribution, ...] = (
    Distribution(
        "debian-6.12.117",
        "v6.12",
        ("b45f72177594",),
        "changelog of Debian's linux-6.12 6.12.117-1~deb12u1",
    ),
)
