# SPDX-License-Identifier: Apache-2.0
"""What a page of answers consists of."""

from __future__ import annotations

from dataclasses import dataclass, field

VMX, SVM = "sapphire-rapids", "genoa"


@dataclass(frozen=True)
class Row:
    """One design to explore, and what to call it."""

    label: str
    scenario: str
    kernel: str
    platform: str
    choices: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Answer:
    """One page: rows and the properties that are its columns."""

    page: str
    rows: tuple[Row, ...]
    columns: dict[str, str]
