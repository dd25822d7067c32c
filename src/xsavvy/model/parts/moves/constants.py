# SPDX-License-Identifier: Apache-2.0
"""What is fixed while one move is checked: the two hosts, their kernels' rules, the VMM's habits.

A name that begins with `src_` or `dst_` is of one host: `at(k.src_x, k.dst_x, host)` picks it.
"""

from collections.abc import Mapping
from dataclasses import dataclass

__all__ = ["MoveConstants", "at"]


@dataclass(frozen=True, slots=True)
class MoveConstants:
    """Everything that the steps of a move read as `k`; `extra` holds it by name."""

    extra: Mapping[str, int]

    def __getattr__(self, name: str) -> int:
        if name == "extra" or name not in self.extra:
            raise AttributeError(f"no constant {name!r}")
        return self.extra[name]


def at(source: int, destination: int, host: int) -> int:
    """Return the value that belongs to a host.

    >>> at(3, 4, 0), at(3, 4, 1)
    (3, 4)
    """
    return destination if host else source
