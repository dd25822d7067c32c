# SPDX-License-Identifier: Apache-2.0
"""What is known of an upstream change."""

from dataclasses import dataclass

__all__ = ["Commit"]


@dataclass(frozen=True)
class Commit:
    """One upstream change.

    `inferred` marks a release that was concluded from a merge window and not read. Where nobody saw the identifier,
    `id` is a word of ours (letters, digits, underscores) and `id_seen` is false.
    """

    id: str
    subject: str
    release: str
    effect: str
    inferred: bool = False
    id_seen: bool = True
