# SPDX-License-Identifier: Apache-2.0
"""A derivation that remembers why: what is still there, and what took each thing that is not."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Ledger", "Reason"]


@dataclass(frozen=True)
class Reason:
    """Why a bit is shown to guests, or hidden, or unknown (`shown` None); `commit` if kernels differ in it."""

    bit: str
    shown: bool | None
    why: str
    source: str
    commit: str = ""


class Ledger:
    """Bits by name, each with the first reason that took it away; what nobody took is shown."""

    def __init__(self) -> None:
        self._found: dict[str, Reason] = {}

    def put(self, bit: str, why: str, source: str, commit: str = "") -> None:
        """Enter a bit that is there to begin with."""
        self._found[bit] = Reason(bit, True, why, source, commit)

    def absent(self, bit: str, why: str, source: str, *, known: bool = True) -> None:
        """Enter a bit that never was there, or of which nobody knows."""
        self._found[bit] = Reason(bit, False if known else None, why, source)

    def take(self, bit: str, why: str, source: str, commit: str = "") -> None:
        """Take a bit away, unless it has gone already."""
        if self.has(bit):
            self._found[bit] = Reason(bit, False, why, source, commit)

    def has(self, bit: str) -> bool:
        """Tell whether a bit is still there."""
        found = self._found.get(bit)
        return found is not None and found.shown is True

    def first(self, *bits: str) -> Reason | None:
        """Return the reason of the first of some bits that is not there."""
        return next((self._found[bit] for bit in bits if not self.has(bit)), None)

    @property
    def reasons(self) -> tuple[Reason, ...]:
        """Everything that was entered, in order."""
        return tuple(self._found.values())
