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
        "debian-6.1.192",
        "v6.1",
        (
            "4a804c4f8356",  # 6.1.7
            "d7e5aceace51",  # 6.1.7
            "1f69383b203e",  # 6.1.52
            "18164f66e6c5",  # 6.1.64
            "8647c52e9504",  # 6.1.64; its KVM, asked under QEMU, behaves so
            "d877550eaf2d",  # 6.1.82
            "xfd_state_in_sync",  # 6.1.85
            "aa0d42cacf09",  # 6.1.119
            "1937e18cc3cf",  # 6.1.135
            "dda366083e5f",  # 6.1.135
            "388eff894d6b",  # 6.1.159
            "b45f72177594",  # 6.1.162
        ),
        "changelog of Debian's linux 6.1.192-2",
    ),
    Distribution(
        "debian-6.12.117",
        "v6.12",
        (
            "ae6012d72fa6",  # 6.12.5
            "1937e18cc3cf",  # 6.12.25
            "dda366083e5f",  # 6.12.25
            "388eff894d6b",  # 6.12.63
            "b45f72177594",  # 6.12.69
            "8060b2bd2dd0",  # 6.12.85
            "9b9f7962e3e8",  # 6.12.85
        ),
        "changelog of Debian's linux-6.12 6.12.117-1~deb12u1",
    ),
)
"""The packages whose changelogs were read; beside each commit the version that brought it."""
