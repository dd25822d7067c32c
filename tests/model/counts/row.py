# SPDX-License-Identifier: Apache-2.0
"""One line of a golden table."""

from __future__ import annotations

from typing import NamedTuple


class Row(NamedTuple):
    """What one exploration counts."""

    scenario: str
    kernel: str
    platform: str
    states: int
    transitions: int
    depth: int
